import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { PortHeldError, type ReclaimOptions, reclaimPort } from '../server/reclaim-port.ts'
import type { Clock } from '../workers/contract.ts'
import { isPortFree, isSameProcess, processStartTime } from '../workers/ports.ts'
import type { FrontReport, FrontSettings } from './fixtures/processes/front.ts'

const notHere = process.platform === 'linux' ? false : 'holders of ports are found on Linux only'
const FRONT = join(import.meta.dirname, 'fixtures', 'processes', 'front.ts')

const clock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

interface Front extends FrontReport {
  /** The process that was started: the front, or its parent. */
  child: ChildProcess
}

class Place implements AsyncDisposable {
  readonly stateDir: string
  readonly kills: [pid: number, signal: string][] = []
  readonly #children: ChildProcess[] = []
  readonly #others = new Map<number, string | null>()

  constructor(stateDir: string) {
    this.stateDir = stateDir
  }

  async startFront(settings: Omit<FrontSettings, 'stateDir'>): Promise<Front> {
    const child = this.track(spawn(process.execPath, [FRONT, JSON.stringify({ ...settings, stateDir: this.stateDir })], { stdio: ['ignore', 'pipe', 'inherit'] }))
    assert.ok(child.stdout)
    const [line] = await once(child.stdout, 'data')
    const report: FrontReport = JSON.parse(String(line))
    for (const pid of [report.pid, ...report.workers]) this.#others.set(pid, processStartTime(pid))
    return { ...report, child }
  }

  /** A front whose parent got SIGKILL. */
  async startOrphan(settings: Omit<FrontSettings, 'stateDir' | 'parent'>): Promise<Front> {
    const front = await this.startFront({ ...settings, parent: true })
    await end(front.child)
    return front
  }

  track(child: ChildProcess): ChildProcess {
    this.#children.push(child)
    return child
  }

  isRunning(pid: number): boolean {
    return isSameProcess(pid, this.#others.get(pid) ?? null)
  }

  reclaim(port: number, more: Partial<ReclaimOptions> = {}): Promise<{ reclaimed: number }> {
    const log = { info: () => {}, warn: () => {} }
    const kill: ReclaimOptions['kill'] = (pid, signal) => {
      this.kills.push([pid, signal])
      process.kill(pid, signal)
    }
    return reclaimPort({ stateDir: this.stateDir, port, host: '127.0.0.1', clock, log, kill, ...more })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await end(child)
    for (const pid of this.#others.keys()) if (this.isRunning(pid)) process.kill(pid, 'SIGKILL')
    // The end of a grandchild is no event here.
    for (const pid of this.#others.keys()) while (this.isRunning(pid)) await sleep(5)
    await rm(this.stateDir, { recursive: true })
  }
}

async function makePlace(): Promise<Place> {
  return new Place(await mkdtemp(join(tmpdir(), 'footlights-port-')))
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}


describe('reclaimPort', { skip: notHere }, () => {
  it('takes a free port, and 0, as they are', async () => {
    await using place = await makePlace()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert.ok(address !== null && typeof address === 'object')
    server.close()
    await once(server, 'close')
    assert.deepEqual(await place.reclaim(address.port), { reclaimed: 0 })
    assert.deepEqual(await place.reclaim(0), { reclaimed: 0 })
  })

  it('names a stranger and leaves it alone', async () => {
    await using place = await makePlace()
    const code = "require('net').createServer().listen(0, '127.0.0.1', function () { process.stdout.write(String(this.address().port)) })"
    const stranger = place.track(spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] }))
    assert.ok(stranger.stdout && stranger.pid !== undefined)
    const port = Number(String((await once(stranger.stdout, 'data'))[0]))
    await writeRunFile(place, { pid: stranger.pid, startTime: 'another boot:1', port })
    await assert.rejects(place.reclaim(port), (error) => {
      assert.ok(error instanceof PortHeldError)
      assert.deepEqual([error.code, error.port, error.pid], ['PORT_HELD', port, stranger.pid])
      assert.match(error.message, new RegExp(`^port ${port} is held by pid ${stranger.pid} \\(\\S*node\\S* -e `))
      return true
    })
    assert.deepEqual(place.kills, [])
    assert.equal(stranger.exitCode, null)
  })

  it('leaves a front alone that its parent looks after, even when it does not answer', async () => {
    await using place = await makePlace()
    const front = await place.startFront({ mode: 'silent', workers: 1 })
    await assert.rejects(place.reclaim(front.port), { code: 'PORT_HELD', pid: front.pid })
    assert.deepEqual(place.kills, [])
  })

  it('ends a front whose parent is gone, also while it still serves: whoever starts another wants that one', async () => {
    await using place = await makePlace()
    const front = await place.startOrphan({ mode: 'answers', workers: 1 })
    assert.deepEqual(await place.reclaim(front.port), { reclaimed: 1 })
    assert.deepEqual(place.kills[0], [front.pid, 'SIGTERM'])
  })

  it('asks a front to end whose parent is gone and that does not answer, and ends its workers', async () => {
    await using place = await makePlace()
    const front = await place.startOrphan({ mode: 'silent', workers: 2 })
    assert.deepEqual(await place.reclaim(front.port), { reclaimed: 1 })
    assert.deepEqual(place.kills, [[front.pid, 'SIGTERM'], ...front.workers.map((pid) => [pid, 'SIGKILL'])])
    assert.ok(await isPortFree(front.port, '127.0.0.1'))
    assert.deepEqual(await readdir(join(place.stateDir, 'run')), [])
  })

  it('ends an orphaned front by force that does not end by itself', async () => {
    await using place = await makePlace()
    const front = await place.startOrphan({ mode: 'stubborn', workers: 0 })
    assert.deepEqual(await place.reclaim(front.port, { graceMs: 50 }), { reclaimed: 1 })
    assert.deepEqual(place.kills, [[front.pid, 'SIGTERM'], [front.pid, 'SIGKILL']])
    assert.ok(await isPortFree(front.port, '127.0.0.1'))
  })

  it('names an orphan that it may not end', async () => {
    await using place = await makePlace()
    const front = await place.startOrphan({ mode: 'silent', workers: 0 })
    const kill = (): never => {
      throw Object.assign(new Error('not permitted'), { code: 'EPERM' })
    }
    await assert.rejects(place.reclaim(front.port, { kill }), { code: 'PORT_HELD', pid: front.pid })
  })

  it('ends an orphaned front that is frozen', async () => {
    await using place = await makePlace()
    const front = await place.startOrphan({ mode: 'answers', workers: 1 })
    process.kill(front.pid, 'SIGSTOP')
    assert.deepEqual(await place.reclaim(front.port, { graceMs: 50 }), { reclaimed: 1 })
    assert.ok(!place.isRunning(front.pid))
    assert.ok(await isPortFree(front.port, '127.0.0.1'))
  })

  it('ends a worker of a dead front that inherited the port', async () => {
    await using place = await makePlace()
    const front = await place.startFront({ mode: 'answers', workers: 1, shares: true })
    await end(front.child)
    assert.equal(await isPortFree(front.port, '127.0.0.1'), false)
    assert.deepEqual(await place.reclaim(front.port), { reclaimed: 1 })
    assert.deepEqual(place.kills, [[front.workers[0], 'SIGKILL']])
    assert.ok(await isPortFree(front.port, '127.0.0.1'))
  })

  it('ends an orphaned front together with the worker that shares its port', async () => {
    await using place = await makePlace()
    const front = await place.startOrphan({ mode: 'silent', workers: 1, shares: true })
    assert.deepEqual(await place.reclaim(front.port), { reclaimed: 1 })
    assert.ok(await isPortFree(front.port, '127.0.0.1'))
    assert.ok(![front.pid, ...front.workers].some((pid) => place.isRunning(pid)))
  })

  it('signals nobody when a stranger shares the port with an orphan', async () => {
    await using place = await makePlace()
    const front = await place.startOrphan({ mode: 'silent', workers: 1, shares: true })
    const stranger = front.workers[0]
    assert.ok(stranger !== undefined)
    await writeRunFile(place, { pid: front.pid, startTime: processStartTime(front.pid), port: front.port })
    await assert.rejects(place.reclaim(front.port), { code: 'PORT_HELD', pid: stranger })
    assert.deepEqual(place.kills, [])
  })
})

describe('PortHeldError', () => {
  it('says so when nobody can tell who it is', () => {
    assert.match(new PortHeldError(80, { pid: null, command: null }).message, /^port 80 is held by (?:a process that this user may not see|another process; which one cannot be found on \w+)$/)
  })
})

/** The run-state file of a front without workers and with a parent that is gone. */
async function writeRunFile(place: Place, front: { pid: number; startTime: string | null; port: number }): Promise<void> {
  const record = { ...front, host: '127.0.0.1', parentPid: 999_999_999, workers: [], startedAt: new Date().toISOString() }
  await mkdir(join(place.stateDir, 'run'), { recursive: true })
  await writeFile(join(place.stateDir, 'run', `${front.pid}.json`), JSON.stringify(record))
}
