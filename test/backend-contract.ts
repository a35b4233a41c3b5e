/** What every way to run predictions must do. One function, run by the test of each backend. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReadableItem } from '../workers/thread-contract.ts'
import type { Backend, Limits, PredictionFact, Values } from '../workers/contract.ts'
import { itemOf, RecordingSink } from './helpers/fake-worker.ts'

export interface BackendOptions {
  /** Name of a fixture model. */
  model: string
  limits?: Partial<Limits>
  /** Gives a worker the next predictions before the last has come back, where the backend can. */
  prefetch?: boolean
}

export interface BackendUnderTest extends AsyncDisposable {
  readonly backend: Backend
  /** Resolves when the condition holds; asked again each time when something changed. */
  until(condition: () => boolean): Promise<void>
  /** Ends the worker that is there now, as the operating system would. */
  loseWorker(): void
  /** Resident memory of the worker. */
  rssBytes(): Promise<number>
  /** Workers of the backend that are there now. */
  living(): number
}

export interface Sent {
  id: number
  sink: RecordingSink
}

/** Runs one prediction as soon as there is a place. Each item of a test has an id of its own. */
async function send(setting: BackendUnderTest, id: number, inputs: Values, changes: Partial<ReadableItem> = {}): Promise<Sent> {
  await setting.until(() => setting.backend.reserve('shared') !== null)
  const sink = new RecordingSink()
  setting.backend.reserve('shared')?.run([itemOf(id, { inputs, ...changes })], [sink])
  return { id, sink }
}

async function answer(setting: BackendUnderTest, id: number, inputs: Values): Promise<RecordingSink> {
  const { sink } = await send(setting, id, inputs)
  await sink.ended()
  return sink
}

function started({ sink }: Sent): Promise<void> {
  return sink.until(() => sink.facts.some(({ type }) => type === 'started'))
}

/** The outputs as a reader of the facts puts them together. */
function replay(facts: readonly PredictionFact[]): Values {
  let outputs: Values = {}
  for (const fact of facts) {
    if (fact.type === 'output') outputs = fact.outputs
    if (fact.type === 'append') outputs = { ...outputs, [fact.output]: `${String(outputs[fact.output])}${fact.text}` }
  }
  return outputs
}

export function backendContract(name: string, create: (options: BackendOptions) => Promise<BackendUnderTest>): void {
  describe(`${name} runs predictions`, () => {
    test('one value is the end, and its place is free after it', async () => {
      await using setting = await create({ model: 'echo' })
      const { sink } = await send(setting, 1, { text: 'x' })
      assert.equal(setting.backend.reserve('shared'), null)
      await sink.ended()
      assert.deepEqual([sink.heard, sink.outputs], [['done', 'released'], { text: 'x' }])
      assert.notEqual(setting.backend.reserve('shared'), null)
    })

    test('events come in order, the end after all of them', async () => {
      await using setting = await create({ model: 'stream' })
      const { facts, heard } = await answer(setting, 1, { count: 20, pauseMs: 0, fail: false, die: false })
      const types = facts.map(({ type }) => type)
      assert.deepEqual(types.slice(0, 2), ['started', 'notice'])
      assert.equal(types.at(-1), 'output')
      assert.deepEqual(heard, ['done', 'released'])
      assert.deepEqual(replay(facts), { text: Array.from({ length: 20 }, (_, index) => `${index} `).join(''), last: 20 })
      const steps = facts.filter((fact) => fact.type === 'progress').map(({ fraction }) => fraction)
      assert.deepEqual(steps, steps.toSorted((a, b) => a - b))
    })

    test('a caller who follows nothing gets the end alone', async () => {
      await using setting = await create({ model: 'stream' })
      const { sink } = await send(setting, 1, { count: 3, pauseMs: 0, fail: false, die: false }, { events: false })
      await sink.ended()
      assert.deepEqual([sink.facts, sink.outputs], [[], { text: '0 1 2 ', last: 3 }])
    })

    test('bytes and unusual texts come through unharmed', async () => {
      await using setting = await create({ model: 'echo' })
      const text = '\u0000 \ud83d\ude00 "quoted" \r\n \u2028 __proto__ ' + 'x'.repeat(100_000)
      assert.deepEqual((await answer(setting, 1, { text })).outputs, { text })
    })

    test('one that must be alone gets a worker with nothing beside it', async () => {
      await using setting = await create({ model: 'slow', limits: { concurrency: 2 } })
      const { sink } = await send(setting, 1, { text: 'a', ms: 50 })
      assert.equal(setting.backend.reserve('alone'), null)
      assert.notEqual(setting.backend.reserve('shared'), null)
      await sink.ended()
      const alone = setting.backend.reserve('alone')
      assert.ok(alone)
      const second = new RecordingSink()
      alone.run([itemOf(2, { inputs: { text: 'b', ms: 50 } })], [second])
      assert.equal(setting.backend.reserve('shared'), null)
      await second.ended()
    })

    test('a batch has one end for each of its items', async () => {
      await using setting = await create({ model: 'batch' })
      const sinks = [new RecordingSink(), new RecordingSink(), new RecordingSink()]
      const items = sinks.map((_, index) => itemOf(index + 1, { inputs: { text: `t${index}`, fail: index === 1 } }))
      setting.backend.reserve('shared')?.run(items, sinks)
      await Promise.all(sinks.map((sink) => sink.ended()))
      assert.deepEqual(sinks.map(({ outputs }) => outputs), [{ text: 't0', size: 3 }, undefined, { text: 't2', size: 3 }])
      assert.equal(sinks[1]?.error?.code, 'MODEL_FAILED')
    })

    test('a batch with a result left out fails that item at once, and no other', async () => {
      await using setting = await create({ model: 'batch' })
      const sinks = [new RecordingSink(), new RecordingSink()]
      const items = sinks.map((_, index) => itemOf(index + 1, { inputs: { text: index === 1 ? 'left out' : 't0', fail: false } }))
      setting.backend.reserve('shared')?.run(items, sinks)
      await Promise.all(sinks.map((sink) => sink.ended()))
      assert.deepEqual([sinks[0]?.outputs, sinks[1]?.error?.code], [{ text: 't0', size: 2 }, 'INVALID_OUTPUT'])
    })
  })

  describe(`${name} cancels`, () => {
    test('one that has not started, without the author hearing of it', async (context) => {
      await using setting = await create({ model: 'slow', prefetch: true })
      const running = await send(setting, 1, { text: 'a', ms: 60_000 })
      await started(running)
      if (setting.backend.reserve('shared') === null) return context.skip('this backend lets nothing wait in a worker')
      const waiting = await send(setting, 2, { text: 'b', ms: 60_000 })
      setting.backend.cancel(2, 'CANCELLED')
      await waiting.sink.ended()
      assert.ok(waiting.sink.heard[0] === 'returned' || waiting.sink.error?.code === 'CANCELLED', waiting.sink.heard.join())
      assert.ok(!waiting.sink.facts.some(({ type }) => type === 'started'))
      setting.backend.cancel(1, 'CANCELLED')
      await running.sink.ended()
    })

    test('one that runs, by its signal; its worker serves on', async () => {
      await using setting = await create({ model: 'slow' })
      const running = await send(setting, 1, { text: 'a', ms: 60_000 })
      await started(running)
      const [before] = setting.backend.snapshot().replicas
      setting.backend.cancel(1, 'CANCELLED')
      await running.sink.ended()
      assert.deepEqual([running.sink.heard, running.sink.error?.code], [['failed', 'released'], 'CANCELLED'])
      assert.deepEqual((await answer(setting, 2, { text: 'b', ms: 0 })).outputs, { text: 'b' })
      assert.equal(setting.backend.snapshot().replicas[0]?.pid, before?.pid)
    })

    for (const model of ['never', 'loop']) {
      test(`one that does not obey (${model}), by force; the next one runs`, async () => {
        await using setting = await create({ model, limits: { timeoutMs: 60_000 } })
        const running = await send(setting, 1, { text: 'a', [model]: true })
        await started(running)
        setting.backend.cancel(1, 'CANCELLED')
        await running.sink.ended()
        assert.equal(running.sink.heard.filter((what) => what === 'failed' || what === 'done').length, 1)
        assert.equal(running.sink.error?.code, 'CANCELLED')
        assert.deepEqual((await answer(setting, 2, { text: 'b', [model]: false })).outputs, { text: 'b' })
      })
    }

    test('nothing that is not there', async () => {
      await using setting = await create({ model: 'echo' })
      setting.backend.cancel(77, 'CANCELLED')
      setting.backend.credit(77, 1)
      assert.deepEqual((await answer(setting, 1, { text: 'x' })).outputs, { text: 'x' })
    })
  })

  describe(`${name} says how a prediction failed`, () => {
    for (const [how, code] of [['user', 'MODEL_SAID'], ['error', 'MODEL_FAILED'], ['string', 'MODEL_FAILED'], ['undefined', 'MODEL_FAILED'], ['wrong type', 'INVALID_OUTPUT']] as const) {
      test(`${how}: ${code}`, async () => {
        await using setting = await create({ model: 'throws' })
        const { error, heard } = await answer(setting, 1, { how })
        assert.deepEqual([error?.code, heard], [code, ['failed', 'released']])
        assert.doesNotMatch(String(error?.message), /secret|home/)
        if (how === 'error' || how === 'string') assert.match(String(error?.cause), /secret/)
      })
    }

    for (const [how, cause] of [['unreadable', /a message that throws/], ['unsendable', /BigInt/]] as const) {
      test(`${how}: INTERNAL at once, and the place is free`, async () => {
        await using setting = await create({ model: 'throws' })
        const { error, heard } = await answer(setting, 1, { how })
        assert.deepEqual([error?.code, heard], ['INTERNAL', ['failed', 'released']])
        assert.match(String(error?.cause), cause)
        assert.equal((await answer(setting, 2, { how: 'user' })).error?.code, 'MODEL_SAID')
      })
    }

    test('time: DEADLINE_EXCEEDED at once, the place free when the work has stopped', async () => {
      await using setting = await create({ model: 'never', limits: { timeoutMs: 300 } })
      const { sink } = await send(setting, 1, { text: 'a', never: true })
      await sink.until(() => sink.heard.length > 0)
      assert.deepEqual([sink.heard, sink.error?.code], [['failed'], 'DEADLINE_EXCEEDED'])
      assert.equal(setting.backend.reserve('shared'), null)
      await sink.ended()
      assert.deepEqual((await answer(setting, 2, { text: 'b', never: false })).outputs, { text: 'b' })
    })

    test('memory: OUT_OF_MEMORY', async () => {
      await using setting = await create({ model: 'heap-hog', limits: { heapMb: 48 } })
      const { error } = await answer(setting, 1, { text: 'a', hog: true })
      assert.equal(error?.code, 'OUT_OF_MEMORY')
    })
  })

  describe(`${name} loses a worker`, () => {
    test('in the middle of a stream: what was said stands, the prediction is lost, and the next one runs', async () => {
      await using setting = await create({ model: 'stream' })
      const running = await send(setting, 1, { count: 100_000, pauseMs: 20, fail: false, die: false })
      await running.sink.until(() => running.sink.facts.some(({ type }) => type === 'append'))
      setting.loseWorker()
      await running.sink.ended()
      assert.deepEqual(running.sink.heard, ['lost', 'released'])
      assert.deepEqual(running.sink.loss, { suspect: true, death: 'crash' })
      assert.equal(setting.backend.isReady(), false)
      assert.equal(setting.backend.isServing(), true)
      assert.equal((await answer(setting, 2, { count: 1, pauseMs: 0, fail: false, die: false })).heard[0], 'done')
      assert.equal(setting.backend.snapshot().restarts.crash, 1)
    })

    test('by the author himself: the prediction is lost and suspect', async () => {
      await using setting = await create({ model: 'exits' })
      assert.deepEqual((await answer(setting, 1, { text: 'x', how: 'kill' })).loss, { suspect: true, death: 'crash' })
    })
  })

  describe(`${name} holds a model back that yields faster than anyone reads`, () => {
    test('300,000 yields without credit: a window of them is sent, and memory stays flat', async () => {
      await using setting = await create({ model: 'flood', limits: { concurrency: 2 } })
      await answer(setting, 1, { count: 0, characters: 1 })
      const before = await setting.rssBytes()
      const flood = await send(setting, 2, { count: 300_000, characters: 1_000 })
      await flood.sink.until(() => flood.sink.facts.length >= 64)
      // Others run through the same thread meanwhile; whatever came unasked would have come by now.
      for (let id = 3; id < 53; id++) await answer(setting, id, { count: 10, characters: 1_000 })
      assert.ok(flood.sink.facts.length <= 65, `${flood.sink.facts.length} facts came`)
      assert.deepEqual(flood.sink.heard, [])
      const grownMb = ((await setting.rssBytes()) - before) / 1024 / 1024
      assert.ok(grownMb < 64, `${grownMb} MB more`)
      setting.backend.cancel(2, 'CANCELLED')
      await flood.sink.ended()
      assert.equal(flood.sink.error?.code, 'CANCELLED')
    })

    test('with credit all of it comes, in order', async () => {
      await using setting = await create({ model: 'flood' })
      const { sink, id } = await send(setting, 1, { count: 2_000, characters: 100 })
      for (let credited = 0; !sink.heard.includes('released');) {
        const { length } = sink.facts
        if (length > credited) setting.backend.credit(id, length - credited)
        credited = length
        await sink.until(() => sink.facts.length > credited || sink.heard.includes('released'))
      }
      const outputs = sink.facts.filter((fact) => fact.type === 'output').map(({ outputs: { text } }) => Number.parseInt(String(text), 10))
      assert.deepEqual(outputs.slice(1), Array.from({ length: 2_000 }, (_, index) => index))
    })
  })

  describe(`${name} closes`, () => {
    test('while busy: what runs is finished first, nothing new is taken, no process is left', async () => {
      await using setting = await create({ model: 'slow' })
      const running = await send(setting, 1, { text: 'a', ms: 300 })
      await started(running)
      const closing = setting.backend.close(10_000)
      assert.equal(setting.backend.reserve('shared'), null)
      await closing
      assert.deepEqual([running.sink.heard, running.sink.outputs], [['done', 'released'], { text: 'a' }])
      assert.equal(setting.living(), 0)
    })

    test('in time: what runs too long is lost without blame', async () => {
      await using setting = await create({ model: 'slow' })
      const running = await send(setting, 1, { text: 'a', ms: 60_000 })
      await started(running)
      await setting.backend.close(50)
      assert.deepEqual([running.sink.heard, running.sink.loss?.suspect], [['lost', 'released'], false])
      assert.equal(setting.living(), 0)
    })

    test('while it starts, and more than once', async () => {
      await using setting = await create({ model: 'echo' })
      setting.loseWorker()
      await setting.until(() => !setting.backend.isReady())
      await Promise.all([setting.backend.close(1_000), setting.backend.close(0)])
      assert.equal(setting.living(), 0)
      assert.equal(setting.backend.isServing(), false)
    })
  })

  describe(`${name} is restarted`, () => {
    test('with the new worker ready before the old one goes; what runs is finished', async () => {
      await using setting = await create({ model: 'slow' })
      const running = await send(setting, 1, { text: 'a', ms: 1_000 })
      await started(running)
      const before = setting.backend.snapshot().replicas[0]?.pid
      let wasUnready = false
      setting.backend.restart('asked')
      await setting.until(() => {
        wasUnready ||= !setting.backend.isReady()
        const { replicas } = setting.backend.snapshot()
        return replicas.length === 1 && replicas[0]?.state === 'ready' && replicas[0].pid !== before
      })
      assert.equal(wasUnready, false)
      assert.deepEqual(running.sink.heard, ['done', 'released'])
      assert.deepEqual((await answer(setting, 2, { text: 'b', ms: 0 })).outputs, { text: 'b' })
    })
  })
}
