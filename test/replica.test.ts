import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ExitRecord, Limits, ModelSpec, RestartReason, ThreadDeath } from '../workers/contract.ts'
import { Replica, type ReplicaOwner } from '../workers/replica.ts'
import { HUNG_AFTER_MS, SUSPECT_AFTER_MS } from '../workers/suspicion.ts'
import { FakeClock, FakeWorkers, itemOf, LIMITS, RecordingSink, settled, specOf } from './helpers/fake-worker.ts'

/** A replica whose owner writes down what it hears. */
function createReplica(limits: Partial<Limits> = {}) {
  const clock = new FakeClock()
  const workers = new FakeWorkers()
  const effective: Limits = { ...LIMITS, ...limits }
  const changes: string[] = []
  const restarts: RestartReason[] = []
  const exits: ExitRecord[] = []
  let capacityCalls = 0
  let answer: (spec: ModelSpec) => Limits | null = () => effective
  const owner: ReplicaOwner = {
    described: (_replica, spec) => answer(spec),
    changed: (_replica, what) => changes.push(what),
    capacity: () => capacityCalls++,
    restarted: (reason) => restarts.push(reason),
    exited: (record) => exits.push(record),
    log: () => {},
  }
  const replica = new Replica(0, owner, {
    settings: { model: 'fake', modelFile: '/models/fake/model.ts', stateDir: '/state', limits: effective },
    spawn: workers.spawn, clock, random: () => 0.5, wallClock: () => new Date(clock.now()),
  })
  return {
    replica, clock, workers, changes, restarts, exits,
    get capacityCalls() { return capacityCalls },
    describeAs(next: (spec: ModelSpec) => Limits | null) { answer = next },
    /** Started, set up, in rotation. */
    ready() {
      replica.start()
      workers.last.becomeReady()
      return this
    },
    run(id: number, alone = false): RecordingSink {
      const sink = new RecordingSink()
      replica.run([itemOf(id)], [sink], alone)
      return sink
    },
  }
}

describe('a replica that starts', () => {
  test('loads, is described, sets up under the limits that hold, and is ready', () => {
    const { replica, workers, changes, describeAs } = createReplica()
    describeAs(() => ({ ...LIMITS, threads: 3 }))
    replica.start()
    assert.deepEqual([replica.state, replica.isRoutable()], ['starting', false])
    workers.last.say({ type: 'described', spec: specOf({}) })
    assert.equal(workers.last.told('setup')[0]?.limits.threads, 3)
    workers.last.say({ type: 'ready', setupMs: 5 })
    assert.deepEqual([replica.state, replica.isRoutable()], ['ready', true])
    assert.deepEqual(changes, ['starting', 'ready'])
  })

  test('is ended when setup takes longer than its bound, and the exit counts as a failed start', async () => {
    const { replica, workers, clock, restarts } = createReplica({ setupMs: 5_000 })
    replica.start()
    await clock.pass(4_999)
    assert.equal(workers.last.killed, false)
    await clock.pass(1)
    assert.equal(workers.last.killed, true)
    assert.equal(replica.state, 'starting', 'only the exit moves the state')
    workers.last.exit()
    assert.equal(replica.state, 'backoff')
    assert.match(replica.cause ?? '', /setup did not finish within 5000 ms/)
    assert.deepEqual(restarts, ['setup'])
  })

  test("has the author's own time for setup from the moment that it is known", async () => {
    const { replica, workers, clock, describeAs } = createReplica({ setupMs: 5_000 })
    describeAs(() => ({ ...LIMITS, setupMs: 20_000 }))
    replica.start()
    await clock.pass(4_000)
    workers.last.say({ type: 'described', spec: specOf({}) })
    await clock.pass(19_999)
    assert.equal(workers.last.killed, false)
    await clock.pass(1)
    assert.equal(workers.last.killed, true)
  })

  test('tells what a syntax error is, not only where', () => {
    const { replica, workers } = createReplica()
    replica.start()
    const cause = 'models/m/model.ts:1\nexport default {\n\nSyntaxError [ERR_INVALID_TYPESCRIPT_SYNTAX]: Unexpected token\n    at parse (node:internal:72:36)'
    workers.last.say({ type: 'setup-failed', error: { code: 'MODEL_FAILED', message: 'general', cause } })
    assert.equal(replica.cause, 'SyntaxError [ERR_INVALID_TYPESCRIPT_SYNTAX]: Unexpected token (models/m/model.ts:1)')
  })

  test('tells the cause of a failed setup in one line, and is tried again after a wait', async () => {
    const { replica, workers, clock } = createReplica()
    replica.start()
    workers.last.say({ type: 'setup-failed', error: { code: 'MODEL_FAILED', message: 'general', cause: 'Error: no weights\n    at setup (model.ts:3)' } })
    assert.equal(workers.last.killed, true)
    workers.last.exit()
    assert.equal(replica.cause, 'Error: no weights')
    await clock.pass(499)
    assert.equal(workers.all.length, 1)
    await clock.pass(1)
    assert.equal(workers.all.length, 2)
    assert.equal(replica.state, 'starting')
  })

  test('is quarantined after three failed starts, tried after a minute, and at once when woken', async () => {
    const { replica, workers, clock } = createReplica()
    replica.start()
    for (let starts = 1; starts <= 3; starts++) {
      workers.last.exit({ code: 1, signal: null })
      if (starts < 3) await clock.pass(2_000)
    }
    assert.equal(replica.state, 'quarantined')
    assert.equal(replica.retryAt?.getTime(), clock.now() + 60_000)
    await clock.pass(59_999)
    assert.equal(workers.all.length, 3)
    await clock.pass(1)
    assert.equal(workers.all.length, 4)
    workers.last.exit({ code: 1, signal: null })
    assert.equal(replica.state, 'quarantined')
    replica.wake()
    assert.equal(replica.state, 'starting')
    assert.equal(replica.snapshot().restarts, 4, 'each end is counted once')
    await clock.pass(60_000)
    assert.equal(workers.all.length, 5, 'the wait that was cut short starts nothing more')
  })

  test('stays asleep when its owner does not want it set up', () => {
    const { replica, workers, describeAs } = createReplica()
    describeAs(() => null)
    replica.start()
    workers.last.say({ type: 'described', spec: specOf({}) })
    assert.equal(workers.last.told('setup').length, 0)
  })
})

describe('the silence of a worker', () => {
  test('makes it suspect, and a word makes it good again', async () => {
    const { replica, workers, clock, changes } = createReplica().ready()
    await clock.pass(SUSPECT_AFTER_MS)
    replica.judge(false)
    assert.equal(replica.isRoutable(), true)
    await clock.pass(1)
    replica.judge(false)
    assert.deepEqual([replica.isRoutable(), replica.state, replica.snapshot().suspect], [false, 'ready', true])
    workers.last.say({ type: 'heartbeat' })
    assert.equal(replica.isRoutable(), true)
    assert.deepEqual(changes.slice(-2), ['suspect', 'heard'])
  })

  test('ends it when it lasts, and its predictions are suspects of a hang', async () => {
    const setting = createReplica().ready()
    const { replica, workers, clock } = setting
    const sink = setting.run(1)
    const hung = workers.last
    await clock.pass(HUNG_AFTER_MS + 1)
    replica.judge(false)
    assert.equal(hung.killed, true)
    assert.equal(replica.state, 'ready', 'only the exit moves the state')
    assert.equal(replica.isRoutable(), false)
    hung.exit()
    assert.deepEqual(sink.heard, ['lost', 'released'])
    assert.deepEqual(sink.loss, { suspect: true, death: 'hang' })
    assert.equal(replica.snapshot().lastExit?.reason, 'hang')
  })

  test('proves nothing when our own loop was late', async () => {
    const { replica, workers, clock } = createReplica().ready()
    clock.jump(10_000)
    replica.judge(true)
    assert.deepEqual([workers.last.killed, replica.isRoutable()], [false, true])
    await clock.pass(HUNG_AFTER_MS)
    replica.judge(false)
    assert.equal(workers.last.killed, true, 'but it is no pardon for ever')
  })

  test('ends it also while it drains', async () => {
    const setting = createReplica().ready()
    const { replica, workers, clock } = setting
    const sink = setting.run(1)
    const gone = replica.drain('recycle', 600_000)
    await clock.pass(HUNG_AFTER_MS + 1)
    replica.judge(false)
    assert.equal(workers.last.killed, true)
    workers.last.exit()
    await gone
    assert.deepEqual(sink.loss, { suspect: false, death: 'stop' })
  })

  test('of one that never spoke is bounded by its setup alone', async () => {
    const { replica, workers, clock } = createReplica({ setupMs: 60_000 })
    replica.start()
    await clock.pass(HUNG_AFTER_MS * 3)
    replica.judge(false)
    assert.equal(workers.last.killed, false)
  })
})

describe('a suspect that runs alone', () => {
  for (const begun of [true, false]) {
    test(`is ${begun ? 'blamed' : 'not blamed'} for the end of a worker that ${begun ? 'had begun with it' : 'was dead already when it was given'}`, () => {
      const setting = createReplica().ready()
      setting.workers.last.takes = begun
      const sink = setting.run(1, true)
      setting.workers.last.exit()
      assert.deepEqual(sink.loss, { suspect: begun, death: 'crash' })
    })
  }
})

describe('two suspicions', () => {
  test('do not clear one another', async () => {
    const { replica, workers, clock, changes } = createReplica().ready()
    replica.doubt('the canary failed')
    assert.deepEqual([replica.snapshot().suspect, replica.isRoutable(), replica.isDoubted], [true, true, true])
    await clock.pass(SUSPECT_AFTER_MS + 1)
    replica.judge(false)
    assert.equal(replica.isRoutable(), false, 'a silent one can answer nothing')
    workers.last.say({ type: 'heartbeat' })
    assert.deepEqual([replica.snapshot().suspect, replica.isRoutable()], [true, true], 'the heartbeat says nothing about the canary')
    await clock.pass(SUSPECT_AFTER_MS + 1)
    replica.judge(false)
    replica.trust('the canary passed')
    assert.deepEqual([replica.snapshot().suspect, replica.isRoutable()], [true, false], 'nor the canary about the heartbeat')
    workers.last.say({ type: 'heartbeat' })
    assert.equal(replica.snapshot().suspect, false)
    assert.deepEqual(changes.slice(2), ['suspect', 'suspect', 'heard', 'suspect', 'trusted', 'heard'])
  })

  test('are not handed on to the next process', async () => {
    const { replica, workers } = createReplica().ready()
    replica.doubt('the canary failed')
    workers.last.exit()
    workers.last.becomeReady()
    assert.equal(replica.snapshot().suspect, false)
  })
})

describe('the record of an exit', () => {
  test('says what is known: how it ended, how long it lived, what it held, what it wrote last', async () => {
    const { replica, workers, clock, exits } = createReplica().ready()
    await clock.pass(12_000.123456)
    replica.sampled({ rssBytes: 300, cpuRatio: 0.5, rssSlopeBytesPerMinute: null })
    workers.last.lines = ['loading', 'Segmentation fault']
    const { pid } = workers.last
    workers.last.exit()
    assert.deepEqual(exits, [{
      worker: 0, pid, reason: 'crash', cause: 'signal', planned: false, signal: 'SIGSEGV', code: null, at: new Date(clock.now()).toISOString(), uptimeSeconds: 12, rssBytes: 300,
      lastLines: ['loading', 'Segmentation fault'],
    }])
    assert.deepEqual(replica.snapshot().lastExit, exits[0])
  })

  type Setting = ReturnType<typeof createReplica>
  const causes: [cause: ExitRecord['cause'], reason: ExitRecord['reason'], end: (setting: Setting) => unknown][] = [
    ['code', 'crash', ({ workers }) => workers.last.exit({ code: 3, signal: null })],
    ['oom', 'oom', ({ workers }) => {
      workers.last.lines = ['FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory']
      workers.last.exit({ signal: 'SIGABRT' })
    }],
    ['oom', 'oom', ({ workers }) => workers.last.exit({ signal: 'SIGKILL', outOfMemory: true })],
    ['rss', 'rss', ({ replica, workers }) => {
      replica.kill('rss')
      workers.last.exit()
    }],
    ['machine', 'rss', ({ replica, workers }) => {
      replica.giveUp()
      workers.last.exit()
    }],
    ['hang', 'hang', async ({ replica, workers, clock }) => {
      await clock.pass(HUNG_AFTER_MS + 1)
      replica.judge(false)
      workers.last.exit()
    }],
    ['poison', 'crash', (setting) => {
      setting.run(1, true)
      setting.workers.last.exit()
    }],
    ['signal', 'crash', (setting) => {
      setting.workers.last.takes = false
      setting.run(1, true)
      setting.workers.last.exit()
    }],
    ['deadline', 'timeout', ({ workers }) => {
      workers.last.say({ type: 'threads', ready: 0, died: 'timeout' })
      workers.last.exit({ signal: 'SIGABRT' })
    }],
    ['cancelled', 'timeout', async (setting) => {
      setting.run(1)
      setting.replica.cancel(1, 'CANCELLED')
      await setting.clock.pass(2_000)
      setting.workers.last.exit()
    }],
    ['recycle', 'recycle', async ({ replica, workers }) => {
      const gone = replica.drain('recycle', 1_000)
      await settled()
      workers.last.exit({ code: 0, signal: null })
      await gone
    }],
    ['canary', 'recycle', async ({ replica, workers }) => {
      replica.doubt('the canary failed')
      const gone = replica.drain('recycle', 1_000)
      await settled()
      workers.last.exit({ code: 0, signal: null })
      await gone
    }],
    ['stop', 'stop', async ({ replica, workers }) => {
      const gone = replica.drain('stop', 1_000)
      await settled()
      workers.last.exit({ signal: 'SIGKILL' })
      await gone
    }],
    ['signal', 'stop', async ({ replica, workers }) => {
      const gone = replica.drain('stop', 1_000)
      await settled()
      workers.last.exit({ signal: 'SIGSEGV' })
      await gone
    }],
  ]
  for (const [cause, reason, end] of causes) {
    test(`has the cause ${cause} for the reason ${reason}`, async () => {
      const setting = createReplica().ready()
      await end(setting)
      assert.deepEqual(setting.exits.map((exit) => [exit.cause, exit.reason]), [[cause, reason]])
    })
  }

  const ofThreads: [cause: ExitRecord['cause'], reason: ExitRecord['reason'], death: ThreadDeath, alone: boolean][] = [
    ['code', 'crash', 'crash', false], ['poison', 'crash', 'crash', true], ['oom', 'oom', 'oom', true], ['deadline', 'timeout', 'timeout', true], ['cancelled', 'timeout', 'cancel', false],
  ]
  for (const [cause, reason, death, alone] of ofThreads) {
    test(`of a thread that ended by ${death}${alone ? ' under one that ran alone' : ''} has the cause ${cause}, and is not that of the process`, async () => {
      const { replica, workers, clock, exits, run } = createReplica().ready()
      replica.sampled({ rssBytes: 300, cpuRatio: 0.5, rssSlopeBytesPerMinute: null })
      run(1, alone)
      const at = new Date(clock.now()).toISOString()
      workers.last.say({ type: 'thread-ended', exit: { death, code: 3, uptimeSeconds: 1.5, error: 'Error: why\n    at predict' } })
      // Its last words come by another way, and may be behind.
      workers.last.lines = ['a last word']
      await clock.pass(1_000)
      assert.deepEqual(exits, [{
        worker: 0, pid: workers.last.pid, thread: true, reason, cause, planned: false, signal: null, code: 3, at, uptimeSeconds: 1.5, rssBytes: 300,
        lastLines: ['a last word', 'Error: why', '    at predict'],
      }])
      assert.deepEqual([replica.snapshot().lastExit, replica.snapshot().restarts], [null, 0])
    })
  }

  test('says nothing of threads that end before they are ready: the process fails to start, and says why', async () => {
    const { replica, workers, clock, exits } = createReplica()
    replica.start()
    workers.last.say({ type: 'thread-ended', exit: { death: 'crash', code: 1, uptimeSeconds: 0 } })
    await clock.pass(1_000)
    assert.deepEqual(exits, [])
  })

  test('of a start that failed tells one that said so from one that crashed', () => {
    const { replica, workers, exits } = createReplica()
    replica.start()
    workers.last.say({ type: 'setup-failed', error: { code: 'MODEL_FAILED', message: 'general' } })
    workers.last.exit()
    replica.wake()
    workers.last.exit({ code: 1, signal: null })
    assert.deepEqual(exits.map(({ reason, cause }) => [reason, cause]), [['setup', 'setup'], ['setup', 'code']])
  })
})

describe('late messages', () => {
  test('of a killed worker are not heard: what it held is given to another', async () => {
    const setting = createReplica().ready()
    const { replica, workers } = setting
    const sink = setting.run(1)
    replica.kill('hang')
    workers.last.say({ type: 'done', id: 1, outputs: { text: 'too late' }, runMs: 1 }, { type: 'heartbeat' })
    assert.deepEqual(sink.heard, [])
    workers.last.exit()
    assert.deepEqual(sink.heard, ['lost', 'released'])
  })

  test('of a process that has gone are not taken for those of the next one', () => {
    const setting = createReplica().ready()
    const { replica, workers } = setting
    const old = workers.last
    old.exit()
    assert.equal(workers.all.length, 2)
    old.say({ type: 'described', spec: specOf({}) }, { type: 'ready', setupMs: 1 })
    assert.equal(replica.state, 'starting')
    assert.equal(workers.last.told('setup').length, 0)
    workers.last.becomeReady()
    const again = setting.run(1)
    old.say({ type: 'done', id: 1, outputs: { text: 'of the dead' }, runMs: 1 })
    assert.deepEqual(again.heard, [])
  })
})

describe('capacity', () => {
  test('is threads times concurrency, and what is spare', () => {
    const setting = createReplica({ threads: 2, concurrency: 2 }).ready()
    const { replica } = setting
    for (let id = 1; id <= 4; id++) {
      assert.equal(replica.hasRoom(0), true)
      setting.run(id)
    }
    assert.equal(replica.hasRoom(0), false)
    assert.equal(replica.hasRoom(1), true)
    setting.run(5)
    assert.equal(replica.hasRoom(1), false)
  })

  test('follows the threads that are ready', () => {
    const setting = createReplica({ threads: 2 }).ready()
    const { replica, workers } = setting
    setting.run(1)
    assert.equal(replica.hasRoom(0), true)
    workers.last.say({ type: 'threads', ready: 1, died: 'oom' })
    assert.equal(replica.hasRoom(0), false)
    assert.deepEqual(setting.restarts, ['oom'])
    workers.last.say({ type: 'threads', ready: 0 })
    assert.equal(replica.isRoutable(), false)
    assert.ok(setting.capacityCalls >= 2)
  })

  test('is none beside a prediction that must run alone', () => {
    const setting = createReplica({ concurrency: 4 }).ready()
    const sink = setting.run(1, true)
    assert.equal(setting.replica.hasRoom(4), false)
    setting.workers.last.say({ type: 'done', id: 1, outputs: {}, runMs: 1 })
    assert.deepEqual(sink.heard, ['done', 'released'])
    assert.equal(setting.replica.hasRoom(0), true)
  })

  test('is none where too much waits to be read', () => {
    const { replica, workers } = createReplica().ready()
    workers.last.unsent = 33 * 1024 * 1024
    assert.equal(replica.hasRoom(0), false)
  })

  test('is told again when what waited has been read, though nothing ends there', () => {
    const setting = createReplica().ready()
    const { workers, replica } = setting
    workers.last.unsent = 33 * 1024 * 1024
    assert.equal(replica.hasRoom(0), false)
    const before = setting.capacityCalls
    workers.last.say({ type: 'heartbeat' })
    assert.equal(setting.capacityCalls, before, 'it still waits')
    workers.last.unsent = 0
    workers.last.say({ type: 'heartbeat' }, { type: 'heartbeat' })
    assert.equal(setting.capacityCalls, before + 1)
    assert.equal(replica.hasRoom(0), true)
  })

  test('a batch takes one place until its last item has ended', () => {
    const { replica, workers } = createReplica().ready()
    const sinks = [new RecordingSink(), new RecordingSink()]
    replica.run([itemOf(1), itemOf(2)], sinks, false)
    workers.last.say({ type: 'done', id: 1, outputs: {}, runMs: 1 })
    assert.equal(replica.hasRoom(0), false)
    workers.last.say({ type: 'done', id: 2, outputs: {}, runMs: 1 })
    assert.equal(replica.hasRoom(0), true)
  })
})

describe('a cancelled prediction', () => {
  test('holds its place until the work has stopped', () => {
    const setting = createReplica().ready()
    const { replica, workers } = setting
    const sink = setting.run(1)
    assert.equal(replica.cancel(1, 'CANCELLED'), true)
    assert.deepEqual(workers.last.told('cancel'), [{ type: 'cancel', id: 1, reason: 'CANCELLED' }])
    assert.equal(replica.hasRoom(0), false)
    workers.last.say({ type: 'failed', id: 1, error: { code: 'CANCELLED', message: '' }, runMs: 1 })
    assert.deepEqual(sink.heard, ['failed', 'released'])
    assert.equal(replica.hasRoom(0), true)
  })

  test('costs the process when its stopping is not confirmed; neighbours are no suspects and the restart is immediate', async () => {
    const setting = createReplica({ concurrency: 2 }).ready()
    const { replica, workers, clock, restarts } = setting
    const stuck = setting.run(1)
    const neighbour = setting.run(2)
    replica.cancel(1, 'CANCELLED')
    await clock.pass(1_999)
    assert.equal(workers.last.killed, false)
    await clock.pass(1)
    assert.equal(workers.last.killed, true)
    workers.last.exit()
    assert.deepEqual(stuck.heard, ['released'])
    assert.deepEqual(neighbour.heard, ['lost', 'released'])
    assert.deepEqual(neighbour.loss, { suspect: false, death: 'timeout' })
    assert.deepEqual(restarts, ['timeout'])
    assert.equal(replica.state, 'starting')
  })

  test('is not answered twice when its deadline had answered it', () => {
    const setting = createReplica().ready()
    const sink = setting.run(1)
    const error = { code: 'DEADLINE_EXCEEDED', message: '' } as const
    setting.workers.last.say({ type: 'failed', id: 1, error, runMs: 1, stopping: true })
    assert.deepEqual(sink.heard, ['failed'])
    setting.workers.last.say({ type: 'lost', id: 1, suspect: true, death: 'crash' })
    assert.deepEqual(sink.heard, ['failed', 'released'])
  })

  test('leaves the batch that it is part of running, as long as anyone waits for it', async () => {
    const { replica, workers, clock } = createReplica().ready()
    const sinks = [new RecordingSink(), new RecordingSink()]
    replica.run([itemOf(1), itemOf(2)], sinks, false)
    replica.cancel(1, 'CANCELLED')
    await clock.pass(60_000)
    assert.equal(workers.last.killed, false)
    replica.cancel(2, 'CANCELLED')
    await clock.pass(2_000)
    assert.equal(workers.last.killed, true)
  })

  test('an abort soon after a forced stop is that stop, later it is a crash', async () => {
    const setting = createReplica().ready()
    const { workers, clock, restarts } = setting
    workers.last.say({ type: 'threads', ready: 0, died: 'timeout' })
    await clock.pass(1_999)
    workers.last.exit({ signal: 'SIGABRT' })
    workers.last.becomeReady()
    workers.last.say({ type: 'threads', ready: 0, died: 'timeout' })
    await clock.pass(2_000)
    workers.last.exit({ signal: 'SIGABRT' })
    assert.deepEqual(restarts, ['timeout', 'timeout', 'timeout', 'crash'])
  })
})

describe('a crash', () => {
  test('makes all that ran suspects, and the first is restarted at once', () => {
    const setting = createReplica({ concurrency: 2 }).ready()
    const sinks = [setting.run(1), setting.run(2)]
    setting.workers.last.exit({ signal: 'SIGSEGV' })
    assert.deepEqual(sinks.map(({ loss }) => loss), [1, 2].map(() => ({ suspect: true, death: 'crash' })))
    assert.equal(setting.replica.state, 'starting')
    assert.equal(setting.replica.inFlight, 0)
    assert.match(setting.replica.cause ?? '', /crash \(signal SIGSEGV\)/)
  })

  test('is told from a full heap by what the process wrote last', () => {
    const { workers, restarts } = createReplica().ready()
    workers.last.lines = ['FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory']
    workers.last.exit({ signal: 'SIGABRT' })
    assert.deepEqual(restarts, ['oom'])
  })

  test('of memory above its cap waits like any other when it comes again', async () => {
    const { replica, workers, clock } = createReplica().ready()
    replica.kill('rss')
    workers.last.exit()
    assert.equal(replica.state, 'starting')
    workers.last.becomeReady()
    replica.kill('rss')
    workers.last.exit()
    assert.equal(replica.state, 'backoff')
    await clock.pass(500)
    assert.equal(replica.state, 'starting')
  })
})

describe('drain', () => {
  test('takes it out of rotation, waits for what runs, then asks it to stop', async () => {
    const setting = createReplica().ready()
    const { replica, workers } = setting
    const sink = setting.run(1)
    const gone = replica.drain('recycle', 30_000)
    assert.deepEqual([replica.state, replica.isRoutable()], ['draining', false])
    await settled()
    assert.equal(workers.last.told('stop').length, 0)
    workers.last.say({ type: 'done', id: 1, outputs: { text: 'x' }, runMs: 1 })
    await settled()
    assert.deepEqual(sink.heard, ['done', 'released'])
    assert.equal(workers.last.told('stop').length, 1)
    assert.equal(workers.last.killed, false)
    workers.last.exit({ code: 0, signal: null })
    await gone
    assert.equal(replica.state, 'stopped')
  })

  test('ends by force what outlasts the bound, and what runs there is given back blameless', async () => {
    const setting = createReplica().ready()
    const sink = setting.run(1)
    const gone = setting.replica.drain('recycle', 1_000)
    await setting.clock.pass(1_000)
    assert.equal(setting.workers.last.killed, true)
    setting.workers.last.exit()
    await gone
    assert.deepEqual(sink.loss, { suspect: false, death: 'stop' })
  })

  test('ends by force a worker that does not stop when asked', async () => {
    const { replica, workers, clock } = createReplica().ready()
    const gone = replica.drain('stop', 0)
    await settled()
    await clock.pass(1_999)
    assert.equal(workers.last.killed, false)
    await clock.pass(1)
    assert.equal(workers.last.killed, true)
    workers.last.exit()
    await gone
  })

  test('asked again, waits no longer than the new bound', async () => {
    const setting = createReplica().ready()
    setting.run(1)
    const first = setting.replica.drain('recycle', 600_000)
    const second = setting.replica.drain('stop', 100)
    await setting.clock.pass(100)
    assert.equal(setting.workers.last.killed, true)
    setting.workers.last.exit()
    await Promise.all([first, second])
  })

  test('ends a starting one at once, and one without a process needs no wait', async () => {
    const starting = createReplica()
    starting.replica.start()
    const gone = starting.replica.drain('stop', 30_000)
    assert.equal(starting.workers.last.killed, true)
    starting.workers.last.exit()
    await gone
    assert.equal(starting.replica.state, 'stopped')

    const waiting = createReplica()
    waiting.replica.start()
    waiting.workers.last.exit()
    assert.equal(waiting.replica.state, 'backoff')
    await waiting.replica.drain('stop', 30_000)
    await waiting.clock.pass(60_000)
    assert.deepEqual([waiting.replica.state, waiting.workers.all.length], ['stopped', 1])
  })

  test('of one whose process dies meanwhile is over, and nothing is started', async () => {
    const setting = createReplica().ready()
    const sink = setting.run(1)
    const gone = setting.replica.drain('recycle', 30_000)
    setting.workers.last.exit({ signal: 'SIGSEGV' })
    await gone
    assert.deepEqual(sink.heard, ['lost', 'released'])
    assert.deepEqual([setting.replica.state, setting.workers.all.length], ['stopped', 1])
  })
})
