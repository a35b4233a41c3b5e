import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHostError, HostError } from '../workers/errors.ts'
import { createFakeModel, eventsSoFar, eventTypes, type FakeModel, type Submitted } from './helpers/fake-model.ts'
import { settled, specOf } from './helpers/fake-worker.ts'

function refusal(act: () => unknown): HostError {
  try {
    act()
  } catch (error) {
    if (error instanceof HostError) return error
    throw error
  }
  throw new Error('it was not refused')
}

/** Where it stands in the line, as it was told last. */
async function positionOf({ prediction }: Submitted): Promise<{ position: number; etaSeconds: number | null } | undefined> {
  for (const event of (await eventsSoFar(prediction)).reverse()) if (event.type === 'queued') return { position: event.position, etaSeconds: event.etaSeconds }
  return undefined
}

/** One run of a second was measured. */
function withPace(fake: FakeModel): FakeModel {
  fake.finish(fake.submit(), { runMs: 1_000 })
  return fake
}

describe('the line of a model', () => {
  test('is first in, first out', () => {
    const fake = createFakeModel().start()
    const all = [fake.submit(), fake.submit(), fake.submit()]
    for (const each of all) fake.finish(each)
    assert.deepEqual(fake.workers.last.given, all.map(({ run }) => run.item.id))
    assert.ok(all.every(({ prediction }) => prediction.state === 'succeeded'))
  })

  test('tells each his place and the time that is left, and again as it moves', async () => {
    const fake = withPace(createFakeModel().start())
    const [running, next, last] = [fake.submit(), fake.submit(), fake.submit()]
    assert.equal(await positionOf(running), undefined)
    assert.deepEqual(await positionOf(next), { position: 1, etaSeconds: 1 })
    assert.deepEqual(await positionOf(last), { position: 2, etaSeconds: 2 })
    fake.finish(running)
    await fake.clock.pass(100)
    assert.deepEqual(await positionOf(last), { position: 1, etaSeconds: 1 })
  })

  test('knows no time before the first run was measured, and shares it among all that run at once', async () => {
    const fresh = createFakeModel().start()
    fresh.submit()
    assert.deepEqual(await positionOf(fresh.submit()), { position: 1, etaSeconds: null })
    const wide = withPace(createFakeModel({ limits: { concurrency: 4 } }).start())
    for (let i = 0; i < 4; i++) wide.submit()
    assert.deepEqual(await positionOf(wide.submit()), { position: 1, etaSeconds: 0.25 })
  })

  test('is told to nobody who does not follow', async () => {
    const fake = createFakeModel().start()
    fake.submit()
    const { prediction } = fake.submit({ events: false })
    assert.deepEqual(await eventTypes(prediction), [])
  })

  test('refuses when it is full, with the time until there is room', () => {
    const fake = withPace(createFakeModel({ limits: { queueSize: 2 } }).start())
    for (let i = 0; i < 3; i++) fake.submit()
    const { code, retryAfterSeconds } = refusal(() => fake.submit())
    assert.deepEqual({ code, retryAfterSeconds }, { code: 'QUEUE_FULL', retryAfterSeconds: 2 })
    assert.equal(fake.model.view().outcomes.rejected, 1)
  })

  test('of no length still lets one through to a free worker', () => {
    const fake = createFakeModel({ limits: { queueSize: 0 } }).start()
    assert.equal(fake.submit().run.running, true)
    assert.equal(refusal(() => fake.submit()).code, 'QUEUE_FULL')
  })

  test('is bounded also while no worker is ready', () => {
    const fake = createFakeModel({ limits: { queueSize: 2 } })
    fake.backend.start()
    fake.submit()
    fake.submit()
    assert.equal(refusal(() => fake.submit()).code, 'QUEUE_FULL')
  })

  test('moves on when the first of it leaves', async () => {
    const fake = createFakeModel().start()
    const [running, first, second] = [fake.submit(), fake.submit(), fake.submit()]
    fake.model.cancel(first.run, cancelled())
    await fake.clock.pass(100)
    assert.equal((await positionOf(second))?.position, 1)
    fake.finish(running)
    assert.equal(second.run.running, true)
    assert.deepEqual(fake.workers.last.given, [running.run.item.id, second.run.item.id])
  })
})

describe('a deadline of the caller', () => {
  test('that the estimate exceeds is refused at once, with the time it would take', () => {
    const fake = withPace(createFakeModel().start())
    for (let i = 0; i < 3; i++) fake.submit()
    const { code, retryAfterSeconds } = refusal(() => fake.submit({ timeoutMs: 3_000 }))
    assert.deepEqual({ code, retryAfterSeconds }, { code: 'OVERLOADED', retryAfterSeconds: 3 })
    fake.submit({ timeoutMs: 4_000 })
  })

  test('is no reason to refuse while nothing was measured, or a place is free', () => {
    const fake = createFakeModel().start()
    fake.submit({ timeoutMs: 1 })
    fake.submit({ timeoutMs: 1 })
    const idle = withPace(createFakeModel().start())
    idle.submit({ timeoutMs: 10 })
  })

  test('ends one that waits, without a worker hearing of it', async () => {
    const fake = createFakeModel().start()
    fake.submit()
    const { prediction } = fake.submit({ timeoutMs: 500 })
    await fake.clock.pass(500)
    await assert.rejects(prediction.result(), { code: 'DEADLINE_EXCEEDED' })
    assert.equal(fake.workers.last.given.length, 1)
    assert.equal(fake.model.view().queue.depth, 0)
    assert.equal(fake.model.view().outcomes.timeout, 1)
  })

  test('ends one that runs, whose place stays taken until the work has stopped', async () => {
    const fake = createFakeModel().start()
    const late = fake.submit({ timeoutMs: 500 })
    const next = fake.submit()
    await fake.clock.pass(500)
    await assert.rejects(late.prediction.result(), { code: 'DEADLINE_EXCEEDED' })
    assert.deepEqual(fake.workers.last.told('cancel'), [{ type: 'cancel', id: late.run.item.id, reason: 'DEADLINE_EXCEEDED' }])
    assert.deepEqual([next.run.running, fake.model.view().queue.running], [false, 1])
    fake.workers.last.say({ type: 'failed', id: late.run.item.id, error: { code: 'DEADLINE_EXCEEDED', message: '' }, runMs: 500 })
    assert.deepEqual([next.run.running, fake.model.view().queue.running], [true, 1])
    assert.equal(fake.model.view().outcomes.timeout, 1, 'it ends once')
  })

  test('ends one that is held', async () => {
    const fake = createFakeModel({ limits: { holdMs: 10_000 } })
    fake.backend.start()
    const { prediction } = fake.submit({ timeoutMs: 2_000 })
    await fake.clock.pass(2_000)
    await assert.rejects(prediction.result(), { code: 'DEADLINE_EXCEEDED' })
  })
})

describe('while no worker is ready', () => {
  test('predictions are held, and run when one is', async () => {
    const fake = createFakeModel()
    fake.backend.start()
    const { prediction, run } = fake.submit()
    assert.equal(prediction.state, 'held')
    assert.equal(fake.model.view().queue.held, 1)
    await fake.clock.pass(5_000)
    fake.workers.last.becomeReady(fake.spec)
    assert.equal(run.running, true)
    assert.deepEqual(await eventTypes(prediction), ['held'])
  })

  test('each is refused after holdMs of its own', async () => {
    const fake = createFakeModel({ limits: { holdMs: 10_000, setupMs: 60_000 } })
    fake.backend.start()
    const early = fake.submit()
    await fake.clock.pass(6_000)
    const late = fake.submit()
    await fake.clock.pass(4_000)
    await assert.rejects(early.prediction.result(), (error) => error instanceof HostError && error.code === 'NOT_READY' && Number(error.retryAfterSeconds) >= 1)
    assert.equal(late.prediction.ended, false)
    await fake.clock.pass(6_000)
    await assert.rejects(late.prediction.result(), { code: 'NOT_READY' })
  })

  test('work that waits to hear what the model is, is refused after holdMs and counted; who only asks for its description is not', async () => {
    const fake = createFakeModel({ limits: { holdMs: 2_000 } })
    fake.backend.start()
    const isNotReady = (error: unknown): boolean => error instanceof HostError && error.code === 'NOT_READY'
    const refused = Promise.all([assert.rejects(fake.model.whenDescribedForWork(), isNotReady), assert.rejects(fake.model.whenDescribed(), isNotReady)])
    const left = new AbortController()
    const gone = assert.rejects(fake.model.whenDescribedForWork(left.signal), isNotReady)
    left.abort()
    await gone
    await fake.clock.pass(2_000)
    await refused
    assert.equal(fake.model.view().outcomes.rejected, 1)
    assert.match(await fake.metrics.text(), /^footlights_shed_total\{model="fake",reason="not_ready"\} 1$/m)
  })

  test('what waited in the line before is held from then on', async () => {
    const fake = createFakeModel({ limits: { holdMs: 10_000 } }).start()
    fake.submit()
    const waiting = fake.submit()
    await fake.clock.pass(500)
    fake.workers.last.say({ type: 'heartbeat' })
    await fake.clock.pass(500)
    fake.workers.last.exit()
    assert.equal(waiting.prediction.state, 'held')
    await fake.clock.pass(9_999)
    assert.equal(waiting.prediction.ended, false)
    await fake.clock.pass(1)
    assert.equal(waiting.prediction.ended, true)
  })

  test('all that wait are refused when it is quarantined, and so are those who come, with the time of the next try', async () => {
    const fake = createFakeModel()
    fake.backend.start()
    const { prediction } = fake.submit()
    for (let starts = 0; starts < 3; starts++) {
      fake.workers.last.exit({ code: 1, signal: null })
      await fake.clock.pass(1_200)
    }
    await assert.rejects(prediction.result(), { code: 'QUARANTINED' })
    const { code, retryAfterSeconds } = refusal(() => fake.submit())
    assert.equal(code, 'QUARANTINED')
    assert.ok(retryAfterSeconds !== undefined && retryAfterSeconds > 30 && retryAfterSeconds <= 60)
  })
})

describe('a cancelled prediction', () => {
  test('that waits is gone at once', async () => {
    const fake = createFakeModel().start()
    fake.submit()
    const { prediction, run } = fake.submit()
    fake.model.cancel(run, cancelled())
    assert.equal(prediction.state, 'cancelled')
    assert.equal(fake.model.view().queue.depth, 0)
  })

  test('that runs is told to its worker; what it still says is not heard, and it keeps giving credit', async () => {
    const fake = createFakeModel().start()
    const { prediction, run } = fake.submit()
    const { id } = run.item
    fake.workers.last.say({ type: 'started', id })
    fake.model.cancel(run, cancelled())
    fake.model.cancel(run, cancelled())
    for (let i = 0; i < 32; i++) fake.workers.last.say({ type: 'output', id, outputs: { text: 'late' } })
    fake.finish({ prediction, run })
    assert.deepEqual(await eventTypes(prediction), ['started', 'error'])
    assert.ok(fake.workers.last.told('credit').length > 0)
    assert.equal(fake.model.isIdle, true)
    assert.equal(fake.model.view().outcomes.cancelled, 1)
  })

  test('whose worker dies is not run again', async () => {
    const fake = createFakeModel().start()
    const { run } = fake.submit()
    fake.model.cancel(run, cancelled())
    fake.workers.last.exit()
    fake.workers.last.becomeReady(fake.spec)
    await settled()
    assert.deepEqual(fake.workers.last.given, [])
    assert.equal(fake.model.isIdle, true)
  })
})

describe('a line longer than what runs', () => {
  const given = (runMs: number, many: number): number => {
    const fake = createFakeModel().start()
    fake.finish(fake.submit({ events: false }), { runMs })
    for (let each = 0; each < many; each++) fake.submit({ events: false })
    return fake.workers.last.told('predict').length - 1
  }

  test('has its first wait at the thread, behind what is quick', () => {
    assert.equal(given(20, 3), 2)
    assert.equal(given(20, 9), 2)
  })

  test('keeps it behind what is slow; a short one keeps it for whichever thread is free first', () => {
    assert.equal(given(1_000, 9), 1)
    assert.equal(given(20, 2), 1)
  })
})

describe('batches', () => {
  const spec = { batch: { maxSize: 3, maxWaitMs: 50 } }
  const sizes = (fake: FakeModel): number[] => fake.workers.last.told('predict').map(({ items }) => items.length)

  test('take what waits, up to the size of a batch, without waiting', () => {
    const fake = createFakeModel({ spec }).start()
    const all = Array.from({ length: 5 }, () => fake.submit())
    assert.deepEqual(sizes(fake), [1])
    const [first] = all
    assert.ok(first)
    fake.finish(first)
    assert.deepEqual(sizes(fake), [1, 3])
    for (const each of all.slice(1, 4)) fake.finish(each)
    assert.equal(sizes(fake).length, 2, 'the last one of the line waits for company, since the last batch had some')
  })

  test('wait for company when the last one had some, until it comes or for maxWaitMs', async () => {
    const fake = createFakeModel({ spec }).start()
    const runAll = (all: Submitted[]): void => { for (const each of all) fake.finish(each) }
    const [opener, ...three] = [fake.submit(), fake.submit(), fake.submit(), fake.submit()]
    assert.ok(opener)
    fake.finish(opener)
    runAll(three)
    const early = fake.submit()
    const company = fake.submit()
    assert.equal(early.run.running, false)
    const full = fake.submit()
    assert.deepEqual(sizes(fake), [1, 3, 3])
    runAll([early, company, full])
    const lonely = fake.submit()
    await fake.clock.pass(49)
    assert.equal(lonely.run.running, false)
    await fake.clock.pass(1)
    assert.equal(lonely.run.running, true)
  })

  test('wait for the company of those who were just answered also when the first has waited for its room longer than that', async () => {
    const fake = createFakeModel({ spec }).start()
    const [opener, ...two] = [fake.submit(), fake.submit(), fake.submit()]
    assert.ok(opener)
    fake.finish(opener)
    const left = fake.submit()
    await fake.clock.pass(200)
    for (const each of two) fake.finish(each)
    assert.equal(left.run.running, false)
    fake.submit()
    assert.deepEqual(sizes(fake), [1, 2, 2])
  })

  test('a full one is given out behind another that is quick, so that its thread never waits; a smaller one, and one behind something slow, is not', () => {
    const run = (runMs: number): number[] => {
      const fake = createFakeModel({ spec: { batch: { maxSize: 3, maxWaitMs: 0 } } }).start()
      fake.finish(fake.submit({ events: false }), { runMs })
      for (let each = 0; each < 9; each++) fake.submit({ events: false })
      return sizes(fake)
    }
    assert.deepEqual(run(10), [1, 1, 3])
    assert.deepEqual(run(1_000), [1, 1])
  })

  test('count as one call each in the time that is left', async () => {
    const fake = withPace(createFakeModel({ spec: { batch: { maxSize: 3, maxWaitMs: 0 } } }).start())
    fake.submit()
    const waiting = Array.from({ length: 4 }, () => fake.submit())
    const etas = await Promise.all(waiting.map(async (each) => (await positionOf(each))?.etaSeconds))
    assert.deepEqual(etas, [1, 1, 1, 2])
    fake.submit({ timeoutMs: 3_000 })
    assert.equal(refusal(() => fake.submit({ timeoutMs: 2_999 })).code, 'OVERLOADED')
  })

  test('leave out those that must run alone', async () => {
    const fake = createFakeModel({ spec: { batch: { maxSize: 3, maxWaitMs: 0 } } }).start()
    const [suspect, x] = [fake.submit(), fake.submit()]
    fake.workers.last.say({ type: 'lost', id: suspect.run.item.id, suspect: true, death: 'crash' })
    await settled()
    assert.deepEqual(sizes(fake), [1, 1])
    assert.equal(fake.workers.last.given.at(-1), suspect.run.running ? suspect.run.item.id : x.run.item.id)
  })
})

describe('a model that sleeps', () => {
  test('is woken by a request, which is held until a worker is ready', async () => {
    const fake = createFakeModel({ spec: { load: 'lazy' } })
    fake.backend.start()
    fake.workers.last.say({ type: 'described', spec: fake.spec })
    fake.workers.last.exit()
    await settled()
    assert.deepEqual([fake.model.view().state, fake.model.view().cause], ['ready', 'sleeping'])
    const { run } = fake.submit()
    fake.workers.last.becomeReady(fake.spec)
    assert.equal(run.running, true)
  })

  test('is woken also by a request that comes while it falls asleep', async () => {
    const fake = createFakeModel({ spec: { load: 'lazy' } })
    fake.backend.start()
    fake.workers.last.say({ type: 'described', spec: fake.spec })
    const { run, prediction } = fake.submit()
    await fake.clock.pass(1_000)
    fake.workers.at(0).exit()
    assert.equal(prediction.ended, false)
    fake.workers.last.becomeReady(fake.spec)
    assert.equal(run.running, true)
  })

  test('does not fall asleep while someone waits to hear what it is', async () => {
    const fake = createFakeModel({ spec: { load: 'lazy' } })
    fake.backend.start()
    const described = fake.model.whenDescribed()
    fake.workers.last.becomeReady(fake.spec)
    await described
    assert.equal(fake.model.view().state, 'ready')
    assert.equal(fake.workers.last.killed, false)
  })

  test('is woken by whoever wants to hear what it is, when it went to sleep before it could tell', async () => {
    const fake = createFakeModel()
    fake.backend.start()
    fake.backend.giveWay('memory is short')
    fake.workers.last.exit()
    await settled()
    assert.equal(fake.snapshot().sleeping, true)
    const described = fake.model.whenDescribed()
    assert.equal(fake.workers.all.length, 2)
    fake.workers.last.becomeReady(fake.spec)
    assert.equal((await described).title, 'fake')
  })

  test('is busy while someone waits to hear what it is', async () => {
    const fake = createFakeModel()
    fake.backend.start()
    assert.equal(fake.model.isIdle, true)
    const described = fake.model.whenDescribed()
    assert.equal(fake.model.isIdle, false)
    fake.workers.last.becomeReady(fake.spec)
    await described
    assert.equal(fake.model.isIdle, true)
  })

  test('falls asleep after idleSeconds without work, counted from the last', async () => {
    const fake = createFakeModel({ spec: { idleSeconds: 60 } }).start()
    const heartbeats = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds; i++) {
        await fake.clock.pass(1_000)
        fake.workers.last.say({ type: 'heartbeat' })
      }
    }
    await heartbeats(30)
    const work = fake.submit()
    await heartbeats(61)
    assert.equal(fake.snapshot().sleeping, false, 'it works')
    fake.finish(work)
    await heartbeats(59)
    assert.equal(fake.snapshot().sleeping, false)
    await heartbeats(1)
    assert.equal(fake.snapshot().sleeping, true)
  })

  test('falls asleep also when nothing ever came, or what came was cancelled', async () => {
    const fake = createFakeModel({ spec: { idleSeconds: 2 } }).start()
    await fake.clock.pass(1_500)
    fake.workers.last.say({ type: 'heartbeat' })
    await fake.clock.pass(500)
    assert.equal(fake.snapshot().sleeping, true)
    fake.workers.last.exit()
    await settled()
    const { run } = fake.submit()
    fake.model.cancel(run, cancelled())
    fake.workers.last.becomeReady(fake.spec)
    await fake.clock.pass(2_000)
    assert.equal(fake.snapshot().sleeping, true)
  })

  test('is left asleep by a restart', async () => {
    const fake = createFakeModel({ spec: { load: 'lazy' } })
    fake.backend.start()
    fake.workers.last.say({ type: 'described', spec: fake.spec })
    fake.workers.last.exit()
    await settled()
    fake.model.restart('asked')
    await settled()
    assert.equal(fake.workers.all.length, 1)
    fake.submit()
    assert.equal(fake.workers.all.length, 2)
  })

  test('is started by a restart when it went to sleep before it could tell what it is', async () => {
    const fake = createFakeModel()
    fake.backend.start()
    fake.backend.giveWay('memory is short')
    fake.workers.last.exit()
    await settled()
    void fake.model.restart('asked')
    assert.equal(fake.workers.all.length, 2)
    fake.workers.last.becomeReady(fake.spec)
    assert.equal(fake.model.view().state, 'ready')
    assert.equal(fake.snapshot().sleeping, false)
  })
})

describe('a model that changes while it serves', () => {
  const OTHER = specOf({ inputs: { text: { kind: 'textbox', maxLength: 3 }, times: { kind: 'number', value: 2 } }, outputs: { text: { kind: 'textbox' }, picture: { kind: 'image' } } })

  /** A worker of another version sets up; the old one still has what it was given. */
  function changing(fake: FakeModel): { become(): void } {
    void fake.model.restart('asked')
    const next = fake.workers.last
    next.say({ type: 'described', spec: OTHER })
    return { become: () => next.say({ type: 'ready', setupMs: 1 }) }
  }

  test('holds its callers to the old spec until a worker of the new one is ready', () => {
    const fake = createFakeModel().start()
    const { become } = changing(fake)
    assert.deepEqual(fake.model.validate({ text: 'long text' }), { text: 'long text' })
    become()
    assert.deepEqual(fake.model.validate({ text: 'abc' }), { text: 'abc', times: 2 })
    assert.equal(refusal(() => fake.model.validate({ text: 'long text' })).code, 'INVALID_INPUT')
  })

  test('keeps the old spec when the new version would not set up', async () => {
    const fake = createFakeModel().start()
    changing(fake)
    fake.workers.last.exit({ code: 1, signal: null })
    await settled()
    assert.deepEqual(Object.keys(fake.model.spec?.inputs ?? {}), ['text'])
    assert.deepEqual([fake.model.view().state, fake.model.view().update?.state], ['ready', 'failed'])
  })

  test('checks what waits anew: what still fits runs on the new worker as that takes it, what does not fit is refused in words that say why', async () => {
    const fake = createFakeModel().start()
    const running = fake.submit({ text: 'running on the old one' })
    const [fits, tooLong] = [fake.submit({ text: 'abc' }), fake.submit({ text: 'abcd' })]
    changing(fake).become()
    await assert.rejects(tooLong.prediction.result(), (error) => error instanceof HostError && error.code === 'INVALID_INPUT' && /model was changed while this waited.*text/.test(error.message))
    assert.deepEqual(fake.workers.last.told('predict').flatMap(({ items }) => items.map(({ inputs }) => inputs)), [{ text: 'abc', times: 2 }])
    assert.deepEqual(Object.keys(fits.prediction.outputSpecs), ['text', 'picture'])
    assert.deepEqual(Object.keys(running.prediction.outputSpecs), ['text'], 'it is what the old worker gives')
    assert.equal(running.prediction.ended, false)
  })

  test('checks also what comes back from an old worker that is lost', async () => {
    const fake = createFakeModel({ limits: { concurrency: 2 } }).start()
    const [fits, tooLong] = [fake.submit({ text: 'abc' }), fake.submit({ text: 'abcd' })]
    changing(fake).become()
    fake.workers.at(0).exit()
    await settled()
    await assert.rejects(tooLong.prediction.result(), { code: 'INVALID_INPUT' })
    assert.deepEqual(fake.workers.last.given, [fits.run.item.id])
    fake.finish(fits)
    await settled()
    assert.equal(fits.prediction.state, 'succeeded')
    assert.equal(fake.model.isIdle, true)
  })

  test('runs what waits as it is when the new version takes the same', () => {
    const fake = createFakeModel().start()
    fake.submit()
    const waiting = fake.submit()
    void fake.model.restart('asked')
    fake.workers.last.becomeReady(specOf({ title: 'the same, otherwise' }))
    assert.deepEqual([waiting.run.running, fake.model.spec?.title], [true, 'the same, otherwise'])
  })

  test('forgets what ended workers of the version before', async () => {
    const fake = createFakeModel().start()
    const poison = fake.submit({ text: 'poison' })
    for (let deaths = 0; deaths < 2; deaths++) {
      fake.workers.last.exit()
      await fake.clock.pass(1_000)
      fake.workers.last.becomeReady(fake.spec)
      await settled()
    }
    await assert.rejects(poison.prediction.result(), { code: 'POISONOUS_INPUT' })
    await assert.rejects(fake.submit({ text: 'poison' }).prediction.result(), { code: 'POISONOUS_INPUT' })
    void fake.model.restart('asked')
    fake.workers.last.becomeReady(fake.spec)
    const again = fake.submit({ text: 'poison' })
    await settled()
    assert.equal(again.run.running, true)
  })

  test('that is hosted no more ends its workers when what was accepted has ended', async () => {
    const fake = createFakeModel().start()
    const running = fake.submit()
    const retired = fake.model.retire(10_000)
    await settled()
    assert.equal(fake.workers.last.told('stop').length, 0)
    fake.finish(running)
    await settled()
    assert.equal(fake.workers.last.told('stop').length, 1)
    fake.workers.last.exit({ code: 0, signal: null })
    await retired
    assert.equal(refusal(() => fake.submit()).code, 'NOT_READY')
  })
})

describe('what happened to the workers', () => {
  test('is told in the order in which it happened, the latest 100', () => {
    const { model } = createFakeModel()
    for (let number = 1; number <= 101; number++) model.changed({ at: 'the same moment', model: 'fake', worker: 0, what: String(number), why: '' })
    assert.deepEqual(model.view().events.map(({ what }) => what), Array.from({ length: 100 }, (_, index) => String(index + 2)))
  })
})

function cancelled(): HostError {
  return createHostError('CANCELLED', 'The prediction was cancelled.')
}
