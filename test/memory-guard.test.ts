import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLogger } from '../server/log.ts'
import type { MachineMemory } from '../server/machine-memory.ts'
import { type GuardedModel, MemoryGuard } from '../server/memory-guard.ts'
import type { ReplicaState } from '../workers/contract.ts'
import { OomKills } from '../workers/oom.ts'
import { createFakeModel } from './helpers/fake-model.ts'
import { FakeClock, settled } from './helpers/fake-worker.ts'

const MB = 1024 * 1024
const ROOMY = { availableBytes: 1_000 * MB, limitBytes: 2_000 * MB }
const SHORT = { availableBytes: 90 * MB, limitBytes: 2_000 * MB }
const CRITICAL = { availableBytes: 20 * MB, limitBytes: 2_000 * MB }

/** A model with one worker, idle until told otherwise. */
function createGuarded(name: string, asked: string[], rssBytes = 50 * MB) {
  const base = createFakeModel().start().snapshot()
  const stateNow = (): ReplicaState => (guarded.isStarting ? 'starting' : 'ready')
  const guarded = {
    name, isIdle: true, isDescribed: true, endedPredictions: 0, asleep: false, isStarting: false,
    backend: {
      snapshot: () => ({ ...base, sleeping: guarded.asleep, replicas: base.replicas.map((replica) => ({ ...replica, rssBytes, state: stateNow() })) }),
      giveWay: (why: string) => {
        guarded.asleep = true
        asked.push(`${name} sleeps: ${why}`)
      },
      endWorker: (worker: number, why: string) => void asked.push(`${name} ${worker} ends: ${why}`),
    },
  }
  return guarded satisfies GuardedModel
}

function createGuard({ minFreeMb }: { minFreeMb?: number | undefined } = { minFreeMb: 100 }) {
  const clock = new FakeClock()
  const asked: string[] = []
  const evicted: string[] = []
  const lines: { level: string; message: string }[] = []
  const state: { memory: MachineMemory | null } = { memory: ROOMY }
  const models = ['a', 'b', 'c'].map((name) => createGuarded(name, asked))
  const guard = new MemoryGuard({
    read: () => state.memory, minFreeMb, models: () => models, oomKills: new OomKills(() => null), clock, evicted: (model) => evicted.push(model),
    log: createLogger({ level: 'info', pretty: false, destination: { write: (line) => void lines.push(JSON.parse(line)) } }),
  })
  guard.start()
  const [a, b, c] = models
  assert.ok(a && b && c)
  return { guard, clock, state, asked, evicted, lines, a, b, c, who: () => asked.map((text) => text.split(':')[0]) }
}

describe('the guard of the memory', () => {
  test('sends idle models to sleep, the longest idle first, with a pause to see what it brings', async () => {
    const { clock, state, who, asked, evicted, a, b } = createGuard()
    a.isIdle = false
    await clock.pass(5_000)
    b.endedPredictions++
    await clock.pass(15_000)
    state.memory = SHORT
    await clock.pass(1_000)
    assert.deepEqual(who(), ['c sleeps'])
    assert.match(asked[0] ?? '', /90 MB available where 100 MB shall be/)
    await clock.pass(1_000)
    assert.equal(asked.length, 1)
    await clock.pass(5_000)
    assert.deepEqual(who(), ['c sleeps', 'b sleeps'], 'the busy one stays')
    assert.deepEqual(evicted, ['c', 'b'])
  })

  test('stops when there is enough again', async () => {
    const { clock, state, who } = createGuard()
    await clock.pass(20_000)
    state.memory = SHORT
    await clock.pass(1_000)
    state.memory = ROOMY
    await clock.pass(20_000)
    assert.equal(who().length, 1)
  })

  test('leaves one that was just woken alone', async () => {
    const { clock, state, who, a, b, c } = createGuard()
    b.isIdle = c.isIdle = false
    a.asleep = true
    await clock.pass(20_000)
    state.memory = SHORT
    await clock.pass(5_000)
    a.asleep = false
    await clock.pass(9_000)
    assert.deepEqual(who(), [])
    await clock.pass(3_000)
    assert.deepEqual(who(), ['a sleeps'])
  })

  test('leaves one alone that has not told yet what it is, and counts the start as use', async () => {
    const { clock, state, who, a, b, c } = createGuard()
    b.isIdle = c.isIdle = false
    a.isDescribed = false
    a.isStarting = true
    await clock.pass(5_000)
    state.memory = CRITICAL
    b.isIdle = c.isIdle = true
    await clock.pass(20_000)
    assert.deepEqual(who(), ['b sleeps', 'c sleeps'])
    state.memory = SHORT
    a.isDescribed = true
    await clock.pass(20_000)
    a.isStarting = false
    await clock.pass(9_000)
    assert.deepEqual(who(), ['b sleeps', 'c sleeps'])
    await clock.pass(3_000)
    assert.deepEqual(who(), ['b sleeps', 'c sleeps', 'a sleeps'])
  })

  test('has an idle model give way to one that is woken, at once', async () => {
    const { guard, clock, state, who, a } = createGuard()
    a.asleep = true
    await clock.pass(20_000)
    guard.roomFor('a').waking()
    assert.deepEqual(who(), [], 'there is enough')
    state.memory = SHORT
    await clock.pass(1_000)
    assert.deepEqual(who(), ['b sleeps'])
    guard.roomFor('a').waking()
    assert.deepEqual(who(), ['b sleeps', 'c sleeps'])
  })

  test('ends the biggest worker when memory is nearly gone and nobody is idle, and not again at each look', async () => {
    const { clock, state, who, a, b, c } = createGuard()
    a.isIdle = b.isIdle = c.isIdle = false
    state.memory = CRITICAL
    await clock.pass(9_000)
    assert.deepEqual(who(), ['a 0 ends'])
    await clock.pass(3_000)
    assert.deepEqual(who(), ['a 0 ends', 'a 0 ends'])
  })

  test('reserves 5 % of what there is unless told otherwise, from 64 to 512 MiB', async () => {
    for (const [limitMb, reserveMb] of [[500, 64], [4_000, 200], [64_000, 512]] as const) {
      const { clock, guard, state } = createGuard({ minFreeMb: undefined })
      state.memory = { limitBytes: limitMb * MB, availableBytes: reserveMb * MB }
      await clock.pass(1_000)
      assert.equal(guard.view()?.short, false)
      state.memory = { limitBytes: limitMb * MB, availableBytes: reserveMb * MB - 1 }
      await clock.pass(1_000)
      assert.equal(guard.view()?.short, true)
      assert.equal(guard.roomFor('a').isShort(), true)
    }
  })

  test('only looks when the operator wants nothing reserved, and where the system does not tell', async () => {
    for (const memory of [{ availableBytes: 0, limitBytes: 2_000 * MB }, null]) {
      const { clock, guard, state, who } = createGuard({ minFreeMb: memory === null ? 100 : 0 })
      await clock.pass(20_000)
      state.memory = memory
      await clock.pass(5_000)
      assert.deepEqual(who(), [])
      assert.deepEqual(guard.view(), memory === null ? null : { ...memory, short: false })
    }
  })

  test('tells when memory becomes short and when there is enough again, not each wink', async () => {
    const { clock, state, lines } = createGuard()
    for (const availableMb of [90, 105, 95, 110, 90, 130, 150]) {
      state.memory = { ...ROOMY, availableBytes: availableMb * MB }
      await clock.pass(1_000)
    }
    assert.deepEqual(lines.map(({ level, message }) => `${level} ${message}`), [
      'warn memory is short: 90 MB available where 100 MB shall be', 'info there is enough memory again',
    ])
  })
})

describe('a model that gives way', () => {
  test('says why it sleeps, and the next request wakes it', async () => {
    const fake = createFakeModel().start()
    fake.backend.giveWay('memory is short')
    await settled()
    fake.workers.last.exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual([fake.model.view().state, fake.model.view().cause], ['ready', 'sleeping: memory is short'])
    assert.ok(fake.model.view().events.some(({ what, why }) => what === 'gives way' && why === 'memory is short'))
    const { run } = fake.submit()
    assert.equal(run.ended, false)
    fake.workers.last.becomeReady(fake.spec)
    assert.equal(run.running, true)
  })

  test('is not to blame for a worker that is ended: what ran there is run again, beside others, and never refused', async () => {
    const fake = createFakeModel({ limits: { concurrency: 2 } }).start()
    const submitted = [fake.submit(), fake.submit()]
    for (let times = 0; times < 2; times++) {
      fake.backend.endWorker(0, 'memory is short')
      assert.equal(fake.workers.last.killed, true)
      fake.workers.last.exit()
      await fake.clock.pass(1_000)
      fake.workers.last.becomeReady(fake.spec)
      assert.deepEqual(submitted.map(({ run }) => [run.running, run.alone]), [[true, false], [true, false]])
    }
    assert.equal(fake.snapshot().restarts.rss, 2)
  })
})
