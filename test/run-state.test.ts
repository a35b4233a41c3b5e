import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findFronts, reapOrphans, type RunRecord, RunState } from '../server/run-state.ts'
import { isSameProcess, processStartTime } from '../workers/ports.ts'

const notHere = process.platform === 'linux' ? false : 'orphans are searched for on Linux only'
const failOnWriteError = (error: unknown): void => assert.ifError(error)

interface Place extends AsyncDisposable {
  stateDir: string
  log: { lines: string[]; info(fields: object, message: string): void; warn(fields: object, message: string): void }
  kills: [pid: number, signal: string][]
  kill: (pid: number, signal: 'SIGTERM' | 'SIGKILL') => void
  /** A `sleep`, ended at the latest with the place. */
  startProcess(): Promise<Started>
  writeRecord(record: Partial<RunRecord> & { pid: number }): Promise<string>
}

interface Started {
  pid: number
  startTime: string
  child: ChildProcess
}

async function makePlace(): Promise<Place> {
  const stateDir = await mkdtemp(join(tmpdir(), 'footlights-run-'))
  await mkdir(join(stateDir, 'run'))
  const started: Started[] = []
  const lines: string[] = []
  const kills: [number, string][] = []
  return {
    stateDir,
    kills,
    log: { lines, info: (_fields, message) => lines.push(message), warn: (_fields, message) => lines.push(message) },
    kill: (pid, signal) => {
      kills.push([pid, signal])
      process.kill(pid, signal)
    },
    startProcess: async () => {
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
      await once(child, 'spawn')
      assert.ok(child.pid !== undefined)
      const one = { pid: child.pid, startTime: processStartTime(child.pid) ?? '', child }
      started.push(one)
      return one
    },
    writeRecord: async (record) => {
      const path = join(stateDir, 'run', `${record.pid}.json`)
      const whole: RunRecord = { startTime: 'long ago', port: 7860, host: '127.0.0.1', parentPid: 1, workers: [], startedAt: new Date().toISOString(), ...record }
      await writeFile(path, JSON.stringify(whole))
      return path
    },
    async [Symbol.asyncDispose]() {
      for (const { child } of started) await end(child)
      await rm(stateDir, { recursive: true })
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A pid that nobody has. */
async function deadPid(): Promise<number> {
  const child = spawn('true', { stdio: 'ignore' })
  await once(child, 'exit')
  assert.ok(child.pid !== undefined)
  return child.pid
}

async function readRecord(place: Place, pid = process.pid): Promise<RunRecord> {
  return JSON.parse(await readFile(join(place.stateDir, 'run', `${pid}.json`), 'utf8'))
}

describe('RunState', () => {
  it('writes down who it is, readable by nobody else', async () => {
    await using place = await makePlace()
    RunState.open(place.stateDir, { port: 7860, host: '127.0.0.1', socket: '/x.sock', onWriteError: failOnWriteError })
    const { startedAt, ...record } = await readRecord(place)
    assert.deepEqual(record, {
      pid: process.pid, startTime: processStartTime(process.pid), port: 7860, host: '127.0.0.1', parentPid: process.ppid, workers: [], socket: '/x.sock',
    })
    assert.ok(!Number.isNaN(Date.parse(startedAt)))
    assert.equal((await lstat(join(place.stateDir, 'run', `${process.pid}.json`))).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(join(place.stateDir, 'run')), [`${process.pid}.json`])
  })

  it('has a worker on disk before anything else can happen, and takes it out again', async () => {
    await using place = await makePlace()
    const worker = await place.startProcess()
    const state = RunState.open(place.stateDir, { port: 0, host: '127.0.0.1', onWriteError: failOnWriteError })
    state.workerSpawned(worker.pid, 'echo')
    await Promise.resolve()
    assert.deepEqual((await readRecord(place)).workers, [{ pid: worker.pid, startTime: processStartTime(worker.pid), model: 'echo' }])
    state.workerExited(worker.pid)
    state.update({ port: 4711 })
    await Promise.resolve()
    const record = await readRecord(place)
    assert.deepEqual([record.workers, record.port], [[], 4711])
  })

  it('leaves nothing, and nothing comes back', async () => {
    await using place = await makePlace()
    const state = RunState.open(place.stateDir, { port: 0, host: '127.0.0.1', onWriteError: failOnWriteError })
    state.workerExited(4711)
    state.remove()
    state.workerExited(4712)
    await Promise.resolve()
    assert.deepEqual(await readdir(join(place.stateDir, 'run')), [])
  })

  it('makes its folder again when a cleaner took it', async () => {
    await using place = await makePlace()
    const state = RunState.open(place.stateDir, { port: 0, host: '127.0.0.1', onWriteError: failOnWriteError })
    await rm(join(place.stateDir, 'run'), { recursive: true })
    state.update({ port: 1 })
    await Promise.resolve()
    assert.equal((await readRecord(place)).port, 1)
  })

  it('says so when it cannot write, and goes on', async () => {
    await using place = await makePlace()
    await rm(join(place.stateDir, 'run'), { recursive: true })
    await writeFile(join(place.stateDir, 'run'), 'in the way')
    const errors: unknown[] = []
    RunState.open(place.stateDir, { port: 0, host: '127.0.0.1', onWriteError: (error) => errors.push(error) })
    assert.equal(errors.length, 1)
  })
})

describe('findFronts', { skip: notHere }, () => {
  it('finds the others, alive and dead, with the workers that still run', async () => {
    await using place = await makePlace()
    const [front, worker, gone] = [await place.startProcess(), await place.startProcess(), await deadPid()]
    const workers = [{ pid: worker.pid, startTime: worker.startTime, model: 'echo' }, { pid: gone, startTime: 'x', model: 'echo' }]
    await place.writeRecord({ pid: front.pid, startTime: front.startTime, parentPid: process.pid, workers })
    await place.writeRecord({ pid: gone })
    RunState.open(place.stateDir, { port: 0, host: '127.0.0.1', onWriteError: failOnWriteError })
    const fronts = findFronts(place.stateDir).sort((a, b) => Number(b.isAlive) - Number(a.isAlive))
    assert.deepEqual(fronts.map((one) => [one.record.pid, one.isAlive, one.isParentGone, one.workers.map(({ pid }) => pid)]), [
      [front.pid, true, false, [worker.pid]],
      [gone, false, false, []],
    ])
  })

  it('takes a front for dead whose pid another process has now', async () => {
    await using place = await makePlace()
    const other = await place.startProcess()
    await place.writeRecord({ pid: other.pid, startTime: `${other.startTime}0` })
    assert.deepEqual(findFronts(place.stateDir).map(({ isAlive }) => isAlive), [false])
  })

  it('knows a front of an earlier boot that had the pid of this one', async () => {
    await using place = await makePlace()
    await place.writeRecord({ pid: process.pid, startTime: 'another boot:1' })
    assert.deepEqual(findFronts(place.stateDir).map(({ record, isAlive }) => [record.pid, isAlive]), [[process.pid, false]])
  })

  it('ignores what is no run-state file', async () => {
    await using place = await makePlace()
    const { pid, startTime } = await place.startProcess()
    const run = join(place.stateDir, 'run')
    await writeFile(join(run, `${pid}.json`), '{"pid":')
    await writeFile(join(run, 'notes.json'), '{}')
    await writeFile(join(run, '1.json'), JSON.stringify({ pid, startTime }))
    await writeFile(join(run, '-1.json'), '{}')
    assert.deepEqual(findFronts(place.stateDir), [])
    assert.deepEqual(findFronts(join(place.stateDir, 'nowhere')), [])
  })
})

describe('findFronts, of orphans', { skip: notHere }, () => {
  it('tells the dead and those whose parent is gone from one that somebody looks after', async () => {
    await using place = await makePlace()
    const [kept, left, gone] = [await place.startProcess(), await place.startProcess(), await deadPid()]
    await place.writeRecord({ pid: kept.pid, startTime: kept.startTime, parentPid: process.pid })
    await place.writeRecord({ pid: left.pid, startTime: left.startTime, parentPid: gone })
    await place.writeRecord({ pid: gone })
    const seen = new Map(findFronts(place.stateDir).map(({ record, isAlive, isParentGone }) => [record.pid, isAlive && !isParentGone ? 'kept' : isAlive ? 'left' : 'gone']))
    assert.deepEqual(seen, new Map([[kept.pid, 'kept'], [left.pid, 'left'], [gone, 'gone']]))
  })
})

describe('reapOrphans', { skip: notHere }, () => {
  it('ends the workers of a dead front and removes its files', async () => {
    await using place = await makePlace()
    const [worker, other, front] = [await place.startProcess(), await place.startProcess(), await deadPid()]
    const path = await place.writeRecord({ pid: front, workers: [worker, other].map(({ pid, startTime }) => ({ pid, startTime, model: 'echo' })) })
    await writeFile(`${path}.tmp`, '{"half":')
    const ended = [once(worker.child, 'exit'), once(other.child, 'exit')]
    assert.equal(reapOrphans(place.stateDir, place), 2)
    assert.deepEqual((await Promise.all(ended)).map(([, signal]) => signal), ['SIGKILL', 'SIGKILL'])
    assert.deepEqual(await readdir(join(place.stateDir, 'run')), [])
    assert.deepEqual(place.log.lines, ['ended orphaned worker of echo', 'ended orphaned worker of echo'])
  })

  it('leaves the workers of a living front alone', async () => {
    await using place = await makePlace()
    const [front, worker] = [await place.startProcess(), await place.startProcess()]
    const path = await place.writeRecord({ pid: front.pid, startTime: front.startTime, workers: [{ pid: worker.pid, startTime: worker.startTime, model: 'echo' }] })
    assert.equal(reapOrphans(place.stateDir, place), 0)
    assert.deepEqual(place.kills, [])
    assert.ok(existsSync(path))
  })

  it('never signals a stranger that has the pid of a former worker', async () => {
    await using place = await makePlace()
    const stranger = await place.startProcess()
    const path = await place.writeRecord({
      pid: await deadPid(),
      workers: [
        { pid: stranger.pid, startTime: `${stranger.startTime}0`, model: 'echo' },
        { pid: stranger.pid, startTime: null, model: 'echo' },
        { pid: 1, startTime: processStartTime(1), model: 'echo' },
      ],
    })
    assert.equal(reapOrphans(place.stateDir, place), 0)
    assert.deepEqual(place.kills, [])
    assert.ok(isSameProcess(stranger.pid, stranger.startTime))
    assert.ok(!existsSync(path))
  })

  it('refuses files that name groups of processes', async () => {
    await using place = await makePlace()
    for (const pid of [0, -1]) await place.writeRecord({ pid: await deadPid(), workers: [{ pid, startTime: 'x', model: 'echo' }] })
    assert.equal(reapOrphans(place.stateDir, place), 0)
    assert.deepEqual(place.kills, [])
    assert.deepEqual(await readdir(join(place.stateDir, 'run')), [])
  })

  it('says so when it may not end one, and goes on with the next', async () => {
    await using place = await makePlace()
    const [first, second] = [await place.startProcess(), await place.startProcess()]
    await place.writeRecord({ pid: await deadPid(), workers: [first, second].map(({ pid, startTime }) => ({ pid, startTime, model: 'echo' })) })
    const kill = (pid: number): void => {
      place.kills.push([pid, 'tried'])
      if (pid === first.pid) throw Object.assign(new Error('not permitted'), { code: 'EPERM' })
    }
    assert.equal(reapOrphans(place.stateDir, { log: place.log, kill }), 1)
    assert.deepEqual(place.kills.map(([pid]) => pid), [first.pid, second.pid])
    assert.deepEqual(place.log.lines, ['could not end orphaned worker of echo', 'ended orphaned worker of echo'])
  })

  it('removes half files of the dead and keeps those of the living', async () => {
    await using place = await makePlace()
    const [living, gone] = [await place.startProcess(), await deadPid()]
    for (const pid of [living.pid, gone]) await writeFile(join(place.stateDir, 'run', `${pid}.json.tmp`), '{"half":')
    reapOrphans(place.stateDir, place)
    assert.deepEqual(await readdir(join(place.stateDir, 'run')), [`${living.pid}.json.tmp`])
  })
})
