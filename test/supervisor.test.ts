import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Limits } from '../workers/contract.ts'
import { Supervisor } from '../workers/supervisor.ts'
import { FakeClock, type FakeWorker, FakeWorkers, itemOf, LIMITS, RecordingSink, settled, specOf } from './helpers/fake-worker.ts'

const MB = 1024 * 1024

class FakeUsage {
  readonly watched = new Map<number, (rssBytes: number, cpuRatio: number) => void>()

  watch(pid: number, onSample: (rssBytes: number, cpuRatio: number) => void): void {
    this.watched.set(pid, onSample)
  }

  forget(pid: number): void {
    this.watched.delete(pid)
  }
}

function createSupervisor(limits: Partial<Limits> = {}) {
  const clock = new FakeClock()
  const workers = new FakeWorkers()
  const usage = new FakeUsage()
  const memory = { short: false, isShort: (): boolean => memory.short, waking: (): void => {} }
  const effective: Limits = { ...LIMITS, ...limits }
  const changes: string[] = []
  const reasons: string[] = []
  const fileWatchers = new Set<() => void>()
  const inForce: string[] = []
  let onCapacity = (): void => {}
  let wanted: Limits | null = effective
  const supervisor = new Supervisor(
    1,
    {
      described: () => wanted, inForce: (spec) => inForce.push(spec.title), capacity: () => onCapacity(), exited: () => {}, log: () => {},
      changed: (worker, what, why) => {
        changes.push(`${worker} ${what}`)
        reasons.push(`${what}: ${why}`)
      },
    },
    {
      settings: { model: 'fake', modelFile: '/models/fake/model.ts', stateDir: '/state', limits: effective },
      spawn: workers.spawn, clock, random: () => 0.5, wallClock: () => new Date(clock.now()), drainMs: 30_000, usage, memory,
      watchFiles: (callback) => {
        fileWatchers.add(callback)
        return () => fileWatchers.delete(callback)
      },
    },
  )
  return {
    supervisor, clock, workers, usage, memory, changes, reasons, inForce, fileWatchers,
    want(next: Limits | null) { wanted = next },
    onCapacity(callback: () => void) { onCapacity = callback },
    states: () => supervisor.snapshot().replicas.map(({ worker, state }) => `${worker} ${state}`),
    replica(worker: number) {
      const found = [...supervisor.replicas()].find((candidate) => candidate.worker === worker)
      assert.ok(found, `there is no worker ${worker}`)
      return found
    },
    sample(worker: FakeWorker, megabytes: number) { usage.watched.get(worker.pid)?.(megabytes * MB, 0.1) },
    ready() {
      supervisor.start()
      workers.last.becomeReady()
      for (const worker of workers.all.slice(1)) worker.becomeReady()
      return this
    },
  }
}

describe('the number of replicas', () => {
  test('is what the described model wants', () => {
    const { supervisor, workers, states } = createSupervisor({ replicas: 3 })
    supervisor.start()
    assert.deepEqual(states(), ['0 starting'])
    workers.last.becomeReady()
    assert.deepEqual(states(), ['0 ready', '1 starting', '2 starting'])
    workers.at(1).becomeReady()
    assert.equal(workers.all.length, 3)
  })

  test('is restored after a crash, and the others serve on', () => {
    const { workers, states, supervisor } = createSupervisor({ replicas: 2 }).ready()
    workers.at(0).exit()
    assert.deepEqual(states(), ['0 starting', '1 ready'])
    assert.equal(supervisor.snapshot().restarts.crash, 1)
    assert.equal(supervisor.snapshot().cause, null, 'the model serves')
  })
})

describe('exits', () => {
  test('are kept, the last twenty, whatever replica they were of', async () => {
    const { supervisor, workers, clock } = createSupervisor({ replicas: 2 }).ready()
    workers.at(1).exit()
    for (let crashes = 0; crashes < 22; crashes++) {
      workers.living.find(({ worker }) => worker === 0)?.exit({ code: crashes, signal: null })
      await clock.pass(80_000)
      for (const worker of workers.living) worker.becomeReady()
    }
    const { exits } = supervisor.snapshot()
    assert.equal(exits.length, 20)
    assert.deepEqual(exits.slice(-2).map(({ worker, code }) => [worker, code]), [[0, 20], [0, 21]])
  })
})

describe('a planned replacement', () => {
  test('is ready before the old one is retired', async () => {
    const { supervisor, workers, states } = createSupervisor().ready()
    const restarted = supervisor.restart()
    assert.deepEqual(states(), ['0 ready', '1 starting'])
    await settled()
    assert.equal(workers.at(0).told('stop').length, 0)
    workers.at(1).becomeReady()
    await settled()
    assert.deepEqual(states(), ['0 draining', '1 ready'])
    workers.at(0).exit({ code: 0, signal: null })
    await restarted
    assert.deepEqual(states(), ['1 ready'])
    assert.equal(supervisor.snapshot().restarts.recycle, 1)
  })

  test('that fails to start leaves the old one serving', async () => {
    const { supervisor, workers, states, changes } = createSupervisor().ready()
    const restarted = supervisor.restart()
    workers.at(1).exit({ code: 1, signal: null })
    await restarted
    await settled()
    assert.deepEqual(states(), ['0 ready'])
    assert.ok(changes.includes('1 replacement failed'), changes.join())
    assert.equal(workers.all.length, 2)
  })

  test('of several goes one by one, each taking the lowest free number', async () => {
    const { supervisor, workers, states } = createSupervisor({ replicas: 2 }).ready()
    void supervisor.restart()
    assert.deepEqual(states(), ['0 ready', '1 ready', '2 starting'])
    workers.at(2).becomeReady()
    await settled()
    assert.equal(workers.all.length, 3, 'the second waits for the first to be gone')
    workers.at(0).exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual(states(), ['0 starting', '1 ready', '2 ready'])
    workers.at(3).becomeReady()
    await settled()
    workers.at(1).exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual(states(), ['0 ready', '2 ready'])
  })

  test('takes over at once when the old one crashes before it is ready', async () => {
    const { supervisor, workers, states } = createSupervisor().ready()
    const restarted = supervisor.restart()
    workers.at(0).exit()
    await restarted
    await settled()
    for (const spare of workers.living.filter(({ killed }) => killed)) spare.exit()
    await settled()
    assert.deepEqual(states(), ['1 starting'])
    workers.at(1).becomeReady()
    assert.deepEqual(states(), ['1 ready'])
    assert.equal(workers.living.length, 1)
  })

  test('asked for twice is made once', async () => {
    const { supervisor, workers } = createSupervisor().ready()
    void supervisor.restart()
    void supervisor.restart()
    await settled()
    assert.equal(workers.all.length, 2)
  })

  test('comes after the budget of requests, once, and not again and again when it will not start', async () => {
    const { supervisor, workers, replica, clock } = createSupervisor().ready()
    const runOne = (id: number): void => {
      replica(0).run([itemOf(id)], [new RecordingSink()], false)
      supervisor.countPredictions(replica(0), 2)
      workers.at(0).say({ type: 'done', id, outputs: {}, runMs: 1 })
    }
    runOne(1)
    assert.equal(workers.all.length, 1)
    runOne(2)
    runOne(3)
    assert.equal(workers.all.length, 2)
    workers.at(1).exit({ code: 1, signal: null })
    await settled()
    runOne(4)
    assert.equal(workers.all.length, 2)
    await clock.pass(30_000)
    runOne(5)
    assert.equal(workers.all.length, 3)
  })
})

describe('another version of the model', () => {
  const ONE = specOf({ title: 'one' })
  const TWO = specOf({ title: 'two' })
  const OTHER = specOf({ title: 'other', inputs: { picture: { kind: 'image' } } })

  function serving(limits: Partial<Limits> = {}) {
    const setting = createSupervisor(limits)
    setting.supervisor.start()
    setting.workers.last.becomeReady(ONE)
    for (const worker of setting.workers.all.slice(1)) worker.becomeReady(ONE)
    return setting
  }

  function update({ supervisor }: ReturnType<typeof createSupervisor>) {
    const { update: last } = supervisor.snapshot()
    return last === null ? null : [last.state, last.cause]
  }

  test('comes into force when its first worker is ready, not when it is announced', async () => {
    const { supervisor, workers, inForce } = serving()
    void supervisor.restart()
    workers.at(1).say({ type: 'described', spec: TWO })
    assert.deepEqual(inForce, ['one'])
    workers.at(1).say({ type: 'ready', setupMs: 1 })
    assert.deepEqual(inForce, ['one', 'two'])
  })

  test('is in force as soon as it is announced while no worker has ever been ready', () => {
    const { supervisor, workers, inForce } = createSupervisor()
    supervisor.start()
    workers.last.say({ type: 'described', spec: ONE })
    assert.deepEqual(inForce, ['one'])
  })

  test('that fails after it was announced changes nothing, is told with its cause, and is not tried again', async () => {
    const setting = serving({ replicas: 2 })
    const { supervisor, workers, states, inForce, clock } = setting
    const restarted = supervisor.restart()
    workers.last.say({ type: 'described', spec: OTHER }, { type: 'setup-failed', error: { code: 'MODEL_FAILED', message: 'it failed', cause: 'Error: no weights' } })
    workers.last.exit({ code: 1, signal: null })
    await restarted
    await settled()
    await clock.pass(1_200)
    assert.deepEqual([states(), inForce, update(setting)], [['0 ready', '1 ready'], ['one'], ['failed', 'Error: no weights']])
    assert.equal(workers.all.length, 3)
  })

  test('that failed is tried again when someone asks, and then it is done', async () => {
    const setting = serving()
    const { supervisor, workers } = setting
    void supervisor.restart()
    workers.last.exit({ code: 1, signal: null })
    await settled()
    void supervisor.restart()
    assert.deepEqual(update(setting), ['running', null])
    workers.last.becomeReady(TWO)
    await settled()
    assert.deepEqual(update(setting), ['done', null], 'the old one has left rotation')
  })

  test('that takes the same is rolled out one by one; the old ones serve on until then', async () => {
    const setting = serving({ replicas: 2 })
    const { supervisor, workers, states } = setting
    void supervisor.restart()
    workers.at(2).becomeReady(TWO)
    await settled()
    assert.deepEqual(states(), ['0 draining', '1 ready', '2 ready'])
    assert.deepEqual(update(setting), ['running', null])
  })

  test('that takes something else puts all old ones out of rotation in the moment it comes into force, before anything is dispatched', async () => {
    const setting = serving({ replicas: 3 })
    const { supervisor, workers, states } = setting
    const routable = (): string[] => [...supervisor.replicas()].filter((replica) => replica.isRoutable()).map(({ worker }) => String(worker))
    void supervisor.restart()
    workers.at(3).say({ type: 'described', spec: OTHER })
    assert.deepEqual(routable(), ['0', '1', '2'])
    const seen: string[][] = []
    setting.onCapacity(() => seen.push(routable()))
    workers.at(3).say({ type: 'ready', setupMs: 1 })
    assert.ok(seen.length > 0 && seen.every((each) => each.join() === '3'), JSON.stringify(seen))
    assert.deepEqual(states(), ['0 draining', '1 draining', '2 draining', '3 ready', '4 starting', '5 starting'])
    for (const worker of workers.all.slice(4)) worker.becomeReady(OTHER)
    assert.deepEqual(update(setting), ['done', null])
  })

  test('comes with limits of its own: more workers at once, and those too many go', async () => {
    const { supervisor, workers, states, want } = serving({ replicas: 2 })
    want({ ...LIMITS, replicas: 3 })
    void supervisor.restart()
    workers.at(2).becomeReady(TWO)
    await settled()
    assert.deepEqual(states(), ['0 draining', '1 ready', '2 ready', '3 starting'])
    workers.at(0).exit({ code: 0, signal: null })
    workers.at(3).becomeReady(TWO)
    await settled()
    want({ ...LIMITS, replicas: 1 })
    const replacement = workers.last
    replacement.becomeReady(specOf({ title: 'three' }))
    for (let turn = 0; turn < 6; turn++) {
      await settled()
      for (const worker of workers.living) if (worker.told('stop').length > 0) worker.exit({ code: 0, signal: null })
    }
    assert.equal(states().length, 1)
  })

  test('asked for once more while one is on its way, replaces also those that were new a moment ago', async () => {
    const setting = serving()
    const { supervisor, workers, states, inForce } = setting
    void supervisor.restart()
    void supervisor.restart()
    workers.at(1).becomeReady(TWO)
    await settled()
    workers.at(0).exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual(states(), ['0 starting', '1 ready'])
    workers.at(2).becomeReady(specOf({ title: 'three' }))
    await settled()
    workers.at(1).exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual([states(), inForce, update(setting)], [['0 ready'], ['one', 'two', 'three'], ['done', null]])
  })

  test('asked for while a worker is still starting replaces that one, too, when it is ready: it may have read the old files', async () => {
    const setting = createSupervisor()
    const { supervisor, workers, states } = setting
    supervisor.start()
    void supervisor.restart()
    assert.equal(workers.all.length, 1)
    workers.at(0).becomeReady(ONE)
    assert.deepEqual(states(), ['0 ready', '1 starting'])
    assert.deepEqual(update(setting), ['running', null])
  })

  test('that a crashed worker brings back comes into force as well, and an older one that is ready later does not', async () => {
    const { workers, states, inForce } = serving({ replicas: 2 })
    workers.at(0).exit()
    workers.at(1).exit()
    workers.at(2).say({ type: 'described', spec: ONE })
    workers.at(3).becomeReady(OTHER)
    assert.deepEqual(inForce, ['one', 'other'])
    workers.at(2).say({ type: 'ready', setupMs: 1 })
    await settled()
    assert.deepEqual(inForce, ['one', 'other'])
    assert.deepEqual(states(), ['0 draining', '1 ready', '2 starting'])
  })
})

describe('memory', () => {
  test('near the cap is a reason to replace', async () => {
    const { workers, states, sample, supervisor } = createSupervisor({ rssMb: 100 }).ready()
    sample(workers.at(0), 60)
    sample(workers.at(0), 85)
    assert.equal(workers.all.length, 1)
    sample(workers.at(0), 86)
    sample(workers.at(0), 90)
    assert.deepEqual(states(), ['0 ready', '1 starting'])
    workers.at(1).becomeReady()
    await settled()
    workers.at(0).exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual(states(), ['1 ready'])
    assert.equal(supervisor.snapshot().restarts.rss, 1)
  })

  test('far above the cap ends it at once', () => {
    const { workers, sample, supervisor } = createSupervisor({ rssMb: 100 }).ready()
    sample(workers.at(0), 126)
    assert.equal(workers.at(0).killed, true)
    workers.at(0).exit()
    assert.equal(supervisor.snapshot().restarts.rss, 1)
    assert.equal(supervisor.snapshot().replicas[0]?.lastExit?.reason, 'rss')
  })

  test('holds for a setup, too', () => {
    const { supervisor, workers, sample } = createSupervisor({ rssMb: 100 })
    supervisor.start()
    sample(workers.last, 126)
    assert.equal(workers.last.killed, true)
  })

  test('that was there from the start is no reason: a new one would be no smaller', () => {
    const { workers, sample } = createSupervisor({ rssMb: 100 }).ready()
    for (const megabytes of [90, 91, 99]) sample(workers.at(0), megabytes)
    assert.equal(workers.all.length, 1)
    sample(workers.at(0), 101)
    assert.equal(workers.all.length, 2)
  })

  test('is not a reason again at each sample when the replacement would not start', async () => {
    const { workers, sample, clock } = createSupervisor({ rssMb: 100 }).ready()
    sample(workers.at(0), 50)
    sample(workers.at(0), 90)
    workers.at(1).exit({ code: 1, signal: null })
    await settled()
    sample(workers.at(0), 95)
    assert.equal(workers.all.length, 2)
    await clock.pass(30_000)
    sample(workers.at(0), 95)
    assert.equal(workers.all.length, 3)
  })

  test('that grows steadily is a reason long before the cap, and the event says with what, how fast and how long there would be', async () => {
    const { workers, states, sample, clock, reasons, supervisor } = createSupervisor({ rssMb: 1_000 }).ready()
    for (let megabytes = 100; workers.all.length === 1 && megabytes < 850; megabytes += 25) {
      sample(workers.at(0), megabytes)
      await clock.pass(500)
      workers.at(0).say({ type: 'heartbeat' })
    }
    assert.deepEqual(states(), ['0 ready', '1 starting'])
    const why = reasons.find((reason) => reason.startsWith('leaks memory'))
    assert.match(why ?? '', /^leaks memory: grows with time, between predictions: 3000 MB a minute; \d{3} MB of 1000 MB, its cap would be reached in \d+ s, being replaced$/)
    assert.equal(supervisor.snapshot().replicas[0]?.rssSlopeBytesPerMinute, 3_000 * MB)
    workers.at(1).becomeReady()
    await settled()
    workers.at(0).exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual([states(), supervisor.snapshot().restarts.rss], [['1 ready'], 1])
  })

  test('of a setup says nothing about the time in service', async () => {
    const { supervisor, workers, sample, clock } = createSupervisor({ rssMb: 1_000 })
    supervisor.start()
    for (let megabytes = 50; megabytes < 800; megabytes += 50) {
      sample(workers.last, megabytes)
      await clock.pass(500)
      workers.last.say({ type: 'heartbeat' })
    }
    workers.last.becomeReady()
    sample(workers.last, 800)
    assert.deepEqual([workers.all.length, supervisor.snapshot().replicas[0]?.rssSlopeBytesPerMinute], [1, null])
  })

  test('is watched for as long as there is a process', () => {
    const { workers, usage } = createSupervisor().ready()
    assert.deepEqual([...usage.watched.keys()], [workers.at(0).pid])
    workers.at(0).exit()
    assert.deepEqual([...usage.watched.keys()], [workers.at(1).pid])
  })
})

describe('a broken model', () => {
  function quarantined() {
    const setting = createSupervisor()
    setting.supervisor.start()
    return setting
  }

  async function fail({ workers, clock }: ReturnType<typeof createSupervisor>): Promise<void> {
    for (let starts = 0; starts < 3; starts++) {
      workers.last.exit({ code: 1, signal: null })
      await clock.pass(1_500)
    }
  }

  test('is quarantined with its cause and the time of the next try', async () => {
    const setting = quarantined()
    await fail(setting)
    const snapshot = setting.supervisor.snapshot()
    assert.equal(snapshot.quarantined, true)
    assert.match(snapshot.cause ?? '', /setup/)
    assert.ok(Date.parse(snapshot.retryAt ?? '') > setting.clock.now())
  })

  test('is tried at once when its files change, and they are watched no longer', async () => {
    const setting = quarantined()
    await fail(setting)
    assert.equal(setting.fileWatchers.size, 1)
    for (const changed of [...setting.fileWatchers]) changed()
    assert.deepEqual(setting.states(), ['0 starting'])
    assert.equal(setting.fileWatchers.size, 0)
    setting.workers.last.becomeReady()
    assert.equal(setting.supervisor.snapshot().cause, null)
  })

  test('is tried at once when an operator asks', async () => {
    const setting = quarantined()
    await fail(setting)
    await setting.supervisor.restart()
    assert.deepEqual(setting.states(), ['0 starting'])
  })
})

describe('while the machine is short of memory', () => {
  test('a worker that is to be replaced goes first, one at a time, and the new one comes when its memory is back', async () => {
    const { workers, memory, supervisor, states, sample } = createSupervisor({ replicas: 2, rssMb: 100 }).ready()
    for (const worker of workers.all) sample(worker, 20)
    memory.short = true
    for (const worker of workers.all) sample(worker, 90)
    assert.deepEqual(states(), ['0 draining', '1 ready'])
    await settled()
    workers.at(0).exit({ code: 0, signal: null })
    await settled()
    assert.deepEqual(states(), ['0 starting', '1 ready'])
    assert.equal(supervisor.snapshot().restarts.rss, 1)
  })

  test('an operator\'s replacement is ready before the old one goes, since it may not start', async () => {
    const { memory, supervisor, states } = createSupervisor().ready()
    memory.short = true
    void supervisor.restart()
    await settled()
    assert.deepEqual(states(), ['0 ready', '1 starting'])
  })
})

describe('sleep', () => {
  test('for another reason than being idle says so until it is woken', async () => {
    const { supervisor, workers } = createSupervisor().ready()
    const asleep = supervisor.sleep('memory is short')
    await settled()
    workers.last.exit({ code: 0, signal: null })
    await asleep
    assert.equal(supervisor.snapshot().cause, 'sleeping: memory is short')
    supervisor.start()
    workers.last.becomeReady()
    void supervisor.sleep()
    assert.equal(supervisor.snapshot().cause, 'sleeping')
  })

  test('ends all workers, and a start brings them back', async () => {
    const { supervisor, workers, states } = createSupervisor({ replicas: 2 }).ready()
    const asleep = supervisor.sleep()
    await settled()
    for (const worker of workers.living) worker.exit({ code: 0, signal: null })
    await asleep
    assert.deepEqual([states(), supervisor.snapshot().cause], [[], 'sleeping'])
    supervisor.start()
    assert.deepEqual(states(), ['0 starting', '1 starting'])
  })

  test('is broken off by a start: new workers come at once, the old ones end', async () => {
    const { supervisor, workers, states } = createSupervisor().ready()
    const asleep = supervisor.sleep()
    assert.deepEqual(states(), ['0 draining'])
    supervisor.start()
    assert.deepEqual(states(), ['0 draining', '1 starting'])
    await settled()
    workers.at(0).exit({ code: 0, signal: null })
    await asleep
    workers.at(1).becomeReady()
    assert.deepEqual(states(), ['1 ready'])
  })

  test('comes by itself when the described model is not wanted now', async () => {
    const { supervisor, workers, want, states } = createSupervisor()
    want(null)
    supervisor.start()
    workers.last.say({ type: 'described', spec: specOf({ load: 'lazy' }) })
    assert.equal(workers.last.killed, true)
    workers.last.exit()
    await settled()
    assert.deepEqual([states(), supervisor.sleeping], [[], true])
    want(LIMITS)
    supervisor.start()
    workers.last.becomeReady()
    assert.deepEqual(states(), ['0 ready'])
  })

  test('is not disturbed by a restart', async () => {
    const { supervisor, workers } = createSupervisor().ready()
    void supervisor.sleep()
    await settled()
    workers.at(0).exit({ code: 0, signal: null })
    await settled()
    await supervisor.restart()
    assert.equal(workers.all.length, 1)
  })
})

describe('close', () => {
  test('resolves when no process is left, and nothing is started any more', async () => {
    const { supervisor, workers, clock } = createSupervisor({ replicas: 2 }).ready()
    let closed = false
    const closing = supervisor.close(1_000).then(() => { closed = true })
    await settled()
    workers.at(0).exit({ code: 0, signal: null })
    await settled()
    assert.equal(closed, false)
    workers.at(1).exit({ code: 0, signal: null })
    await closing
    supervisor.start()
    await clock.pass(120_000)
    assert.equal(workers.all.length, 2)
  })

  test('during a replacement ends both, and whoever waited for it goes on', async () => {
    const { supervisor, workers } = createSupervisor().ready()
    const restarted = supervisor.restart()
    const closing = supervisor.close(1_000)
    await settled()
    assert.equal(workers.at(1).killed, true)
    for (const worker of workers.living) worker.exit()
    await Promise.all([closing, restarted])
    assert.equal(workers.all.length, 2)
  })

  test('waits for what runs, within its bound', async () => {
    const { supervisor, workers, replica, clock } = createSupervisor().ready()
    const sink = new RecordingSink()
    replica(0).run([itemOf(1)], [sink], false)
    const closing = supervisor.close(1_000)
    await clock.pass(999)
    assert.equal(workers.at(0).killed, false)
    await clock.pass(1)
    assert.equal(workers.at(0).killed, true)
    workers.at(0).exit()
    await closing
    assert.deepEqual(sink.heard, ['lost', 'released'])
  })

  test('bounds also the retirement that was under way', async () => {
    const { supervisor, workers, replica, clock } = createSupervisor().ready()
    replica(0).run([itemOf(1)], [new RecordingSink()], false)
    void supervisor.restart()
    workers.at(1).becomeReady()
    await settled()
    const closing = supervisor.close(0)
    await clock.pass(0)
    assert.equal(workers.at(0).killed, true)
    for (const worker of workers.living) worker.exit()
    await closing
  })
})

describe('the judge', () => {
  test('ends a worker that has fallen silent, by itself', async () => {
    const { workers, clock } = createSupervisor().ready()
    await clock.pass(2_250)
    assert.equal(workers.at(0).killed, false)
    await clock.pass(500)
    assert.equal(workers.at(0).killed, true)
  })

  test('forgives when it was late itself', async () => {
    const { workers, clock, supervisor } = createSupervisor().ready()
    clock.jump(60_000)
    await clock.pass(0)
    assert.deepEqual([workers.at(0).killed, supervisor.snapshot().replicas[0]?.suspect], [false, false])
  })
})
