import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Limits, ModelSpec } from '../workers/contract.ts'
import { createFakeModel, type FakeModel } from './helpers/fake-model.ts'
import { type FakeWorker, settled } from './helpers/fake-worker.ts'

const FIRST_ROUND_MS = 3_000
const FAILED = { code: 'MODEL_FAILED', message: 'general', cause: 'Error: the upstream is gone\n    at predict (model.ts:3)' } as const

/** Ready, and set to run canaries; workers answer nothing by themselves. */
function createModel(limits: Partial<Limits> = {}, spec: Partial<ModelSpec> = {}): FakeModel {
  return createFakeModel({ limits, spec: { canary: true, examples: [{ text: 'example' }], ...spec } }).start()
}

/** Time passes and the workers live. */
async function live({ clock, workers }: FakeModel, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    await clock.pass(Math.min(500, ms - passed))
    for (const worker of workers.living) if (!worker.killed) worker.say({ type: 'heartbeat' })
  }
}

/** Ids of the canaries that a worker was given. */
function canariesOf(worker: FakeWorker): number[] {
  return worker.given.filter((id) => id < 0)
}

function lastCanary(worker: FakeWorker): number {
  const id = canariesOf(worker).at(-1)
  assert.ok(id !== undefined, `worker ${worker.worker} was given no canary`)
  return id
}

function pass(worker: FakeWorker): void {
  worker.say({ type: 'done', id: lastCanary(worker), outputs: { text: 'ok' }, runMs: 1 })
}

function fail(worker: FakeWorker): void {
  worker.say({ type: 'failed', id: lastCanary(worker), error: FAILED, runMs: 1 })
}

function suspects({ backend }: FakeModel): number[] {
  return backend.snapshot().replicas.filter(({ suspect }) => suspect).map(({ worker }) => worker)
}

function whatHappened({ model }: FakeModel): string[] {
  return model.view().events.map(({ worker, what }) => `${worker} ${what}`)
}

describe('canaries', () => {
  test('are run on every ready worker now and then, and are in no count of predictions', async () => {
    const fake = createModel({ replicas: 2, maxRequests: 1 })
    await live(fake, FIRST_ROUND_MS)
    for (const worker of fake.workers.all) {
      assert.deepEqual(worker.told('predict')[0]?.items.map(({ inputs, events }) => ({ inputs, events })), [{ inputs: { text: 'example' }, events: false }])
      pass(worker)
    }
    await live(fake, 2_000)
    assert.deepEqual(fake.workers.all.map((worker) => canariesOf(worker).length), [2, 2], 'they go on')
    assert.equal(fake.workers.all.length, 2, 'they use up no budget of requests')
    const { outcomes, queue, latency } = fake.model.view()
    assert.deepEqual([Object.values(outcomes).reduce((sum, count) => sum + count, 0), queue.running, latency.p50], [0, 0, null])
    assert.match(await fake.metrics.text(), /footlights_predictions_total\{model="fake",outcome="succeeded"\} 0\n/)
    assert.match(await fake.metrics.text(), /footlights_inflight\{model="fake"\} 0\n/)
  })

  for (const [name, spec] of [['the model does not want them', { canary: false }], ['it has no example', { examples: [] }], ['its inputs refuse the example', { examples: [{ text: 7 }] }]] as const) {
    test(`are not run where ${name}`, async () => {
      const fake = createModel({}, { ...spec, examples: 'examples' in spec ? [...spec.examples] : [{ text: 'example' }] })
      await live(fake, FIRST_ROUND_MS * 3)
      assert.deepEqual(canariesOf(fake.workers.last), [])
    })
  }

  test('do not wake a model that sleeps', async () => {
    const fake = createModel()
    fake.backend.sleep()
    await settled()
    fake.workers.last.exit({ code: 0, signal: null })
    await live(fake, FIRST_ROUND_MS * 3)
    assert.deepEqual([fake.workers.all.length, canariesOf(fake.workers.last)], [1, []])
  })

  test('are the less frequent the longer they take', async () => {
    const fake = createModel()
    await live(fake, FIRST_ROUND_MS)
    await live(fake, 2_000)
    pass(fake.workers.last)
    await live(fake, 97_000)
    assert.equal(canariesOf(fake.workers.last).length, 1, 'two seconds of every hundred')
    await live(fake, 3_000)
    assert.equal(canariesOf(fake.workers.last).length, 2)
  })

  test('come before users where a worker is busy, and hold them up for one run at most', async () => {
    const fake = createModel()
    const [running, next] = [fake.submit(), fake.submit()]
    await live(fake, FIRST_ROUND_MS)
    assert.deepEqual(canariesOf(fake.workers.last), [])
    fake.finish(running, { runMs: 1 })
    assert.equal(canariesOf(fake.workers.last).length, 1)
    assert.equal(next.run.running, false)
    pass(fake.workers.last)
    assert.equal(next.run.running, true)
  })

  test('are run later when they would wait behind something slow', async () => {
    const fake = createModel()
    await live(fake, FIRST_ROUND_MS)
    const first = lastCanary(fake.workers.last)
    fake.workers.last.say({ type: 'returned', id: first })
    assert.notEqual(lastCanary(fake.workers.last), first)
    pass(fake.workers.last)
    assert.deepEqual(suspects(fake), [])
  })
})

describe('a worker that fails its canary', () => {
  test('is suspect and routed around, and good again when it passes', async () => {
    const fake = createModel({ replicas: 2 })
    await live(fake, FIRST_ROUND_MS)
    fail(fake.workers.at(0))
    pass(fake.workers.at(1))
    assert.deepEqual(suspects(fake), [0])
    const why = fake.model.view().events.at(-1)?.why
    assert.equal(why, 'it failed its canary: Error: the upstream is gone')
    const [first, second] = [fake.submit(), fake.submit()]
    assert.deepEqual([first.run.running, second.run.running], [true, false], 'the second waits for the good one')
    assert.ok(fake.workers.at(1).given.includes(first.run.item.id))
    await live(fake, 1_000)
    pass(fake.workers.at(0))
    assert.deepEqual(suspects(fake), [])
    assert.ok(fake.workers.at(0).given.includes(second.run.item.id))
  })

  test('serves on where no other is ready', async () => {
    const fake = createModel()
    await live(fake, FIRST_ROUND_MS)
    fail(fake.workers.last)
    assert.deepEqual([suspects(fake), fake.backend.isReady()], [[0], true])
    assert.equal(fake.submit().run.running, true)
  })

  test('twice in a row is replaced, the new one first', async () => {
    const fake = createModel({ replicas: 2 })
    await live(fake, FIRST_ROUND_MS)
    fail(fake.workers.at(0))
    pass(fake.workers.at(1))
    await live(fake, 1_000)
    fail(fake.workers.at(0))
    assert.equal(fake.workers.all.length, 3)
    assert.deepEqual(fake.backend.snapshot().replicas.map(({ worker, state }) => `${worker} ${state}`), ['0 ready', '1 ready', '2 starting'])
    fake.workers.last.becomeReady(fake.spec)
    await settled()
    fake.workers.at(0).exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual(fake.backend.snapshot().replicas.map(({ worker, state, suspect }) => `${worker} ${state} ${suspect}`), ['1 ready false', '2 ready false'])
    const [exit] = fake.backend.snapshot().exits
    assert.deepEqual([exit?.reason, exit?.cause], ['recycle', 'canary'])
    assert.ok(whatHappened(fake).includes('0 being replaced'))
  })

  test('by taking too long is no different, and what hangs is ended where nothing else runs beside it', async () => {
    const fake = createModel({ timeoutMs: 4_000 })
    await live(fake, FIRST_ROUND_MS)
    await live(fake, 4_000)
    assert.deepEqual(suspects(fake), [0])
    assert.deepEqual(fake.workers.last.told('cancel').map(({ id }) => id), canariesOf(fake.workers.last))
    assert.match(fake.model.view().events.at(-1)?.why ?? '', /no answer within 4 s/)
  })

  test('has others in its thread left alone: a canary that hangs beside them runs to its deadline', async () => {
    const fake = createModel({ timeoutMs: 4_000, concurrency: 2 })
    await live(fake, FIRST_ROUND_MS + 4_000)
    assert.deepEqual([suspects(fake), fake.workers.last.told('cancel')], [[0], []])
    await live(fake, 1_000)
    assert.equal(canariesOf(fake.workers.at(0)).length, 1, 'no second one is put beside it')
    assert.equal(fake.workers.all.length, 2, 'that it hangs still is the second failure')
  })

  test('is not judged by a time that our own loop slept through', async () => {
    const fake = createModel({ timeoutMs: 4_000 })
    await live(fake, FIRST_ROUND_MS)
    fake.clock.jump(60_000)
    await fake.clock.pass(0)
    pass(fake.workers.last)
    assert.deepEqual(suspects(fake), [])
  })

  test('because a user failed on it is found at once', async () => {
    const fake = createModel({ replicas: 2 })
    const unlucky = fake.submit()
    const worker = fake.workers.all.find(({ given }) => given.includes(unlucky.run.item.id))
    assert.ok(worker !== undefined)
    worker.say({ type: 'failed', id: unlucky.run.item.id, error: FAILED, runMs: 1 })
    assert.equal(canariesOf(worker).length, 1)
    fail(worker)
    assert.deepEqual(suspects(fake), [worker.worker])
    const refused = fake.submit()
    const other = fake.workers.all.find((candidate) => candidate !== worker)
    other?.say({ type: 'failed', id: refused.run.item.id, error: { code: 'MODEL_SAID', message: 'not like this' }, runMs: 1 })
    assert.equal(other === undefined ? -1 : canariesOf(other).length, 0, 'an author who refuses an input is no failure')
  })

  test('because users fail on it is looked at right after a round, too, but not for each of them', async () => {
    const fake = createModel()
    await live(fake, FIRST_ROUND_MS)
    pass(fake.workers.last)
    const unlucky = (): void => {
      const { run } = fake.submit()
      fake.workers.last.say({ type: 'failed', id: run.item.id, error: FAILED, runMs: 1 })
    }
    unlucky()
    assert.equal(canariesOf(fake.workers.last).length, 2)
    pass(fake.workers.last)
    unlucky()
    assert.equal(canariesOf(fake.workers.last).length, 2, 'it has just passed: the inputs are to blame')
    await live(fake, 1_000)
    unlucky()
    assert.equal(canariesOf(fake.workers.last).length, 3)
  })

  test('as its replacement does is replaced less and less often', async () => {
    const fake = createModel()
    await live(fake, FIRST_ROUND_MS)
    const startedAt: number[] = []
    while (startedAt.length < 4) {
      for (const worker of fake.workers.living) if (canariesOf(worker).length > 0) fail(worker)
      await live(fake, 500)
      const { last } = fake.workers
      if (last.told('setup').length === 0) {
        startedAt.push(fake.clock.now())
        last.becomeReady(fake.spec)
        await settled()
        fake.workers.at(-2).exit({ code: 0, signal: null })
        await settled()
      }
    }
    const pauses = startedAt.slice(1).map((at, index) => at - (startedAt[index] ?? 0))
    assert.ok(pauses.every((pause, index) => pause >= 10_000 * 2 ** index), pauses.join())
  })
})

describe('canaries that an operator asks for', () => {
  test('are run at once on every ready worker, whether or not the model wants them, and judge nothing then', async () => {
    const fake = createModel({ replicas: 2 }, { canary: false })
    const report = fake.backend.runCanaries()
    await fake.clock.pass(30)
    pass(fake.workers.at(0))
    fail(fake.workers.at(1))
    const [pids, results] = [fake.workers.all.map(({ pid }) => pid), await report]
    assert.deepEqual(results, {
      replicas: [{ worker: 0, pid: pids[0], ok: true, seconds: 0.03 }, { worker: 1, pid: pids[1], ok: false, seconds: 0.03, error: 'Error: the upstream is gone' }],
    })
    assert.deepEqual(suspects(fake), [])
  })

  test('say why they could not be run', async () => {
    const without = createModel({}, { canary: false, examples: [] })
    const { replicas, reason } = await without.backend.runCanaries()
    assert.deepEqual(replicas.map(({ ok, seconds, error }) => ({ ok, seconds, error })), [{ ok: null, seconds: null, error: reason }])
    assert.match(reason ?? '', /no example/)

    const busy = createModel({}, { canary: false })
    busy.submit()
    const report = busy.backend.runCanaries()
    await live(busy, 10_000)
    assert.deepEqual((await report).replicas.map(({ ok, error }) => [ok, error]), [[null, 'busy: no place was free within 10 s']])

    const lost = createModel({}, { canary: false })
    const lastWords = lost.backend.runCanaries()
    lost.workers.last.exit()
    assert.equal((await lastWords).replicas[0]?.ok, null)
    assert.deepEqual(await lost.backend.runCanaries(), { replicas: [], reason: 'no worker is ready' })
  })
})
