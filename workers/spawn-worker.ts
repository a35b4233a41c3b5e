import { fork } from 'node:child_process'
import type { Envelope, SpawnWorker, ToWorker, WorkerEvents, WorkerHandle } from './contract.ts'
import type { Lane } from './lane.ts'
import type { LaneListener, LaneUser } from './lane-listener.ts'
import { offerToKernel, type OomKills } from './oom.ts'
import { Outbox } from './outbox.ts'
import type { FromProcess, FromThread, LaneAddress, ToProcess } from './thread-contract.ts'
import { UnitRunner } from './unit-runner.ts'
import { WorkerOutput } from './worker-output.ts'

export interface SpawnWorkerDeps {
  /** Where the worker's threads connect. */
  lanes: LaneListener
  /** One line that the author's code, or a library of his, wrote. */
  onLine(model: string, worker: number, stream: 'stdout' | 'stderr', line: string): void
  onSpawned(model: string, pid: number): void
  onExited(pid: number): void
  /** Who was ended by the kernel for want of memory. */
  oomKills: OomKills
  now(): number
  /** Environment of the workers; the host's own secrets are not in it. */
  env: NodeJS.ProcessEnv
}

/** Makes the real `SpawnWorker`: a forked Node process that runs `process-entry.ts`, and the lanes to its threads. */
export function createSpawnWorker(deps: SpawnWorkerDeps): SpawnWorker {
  return (model, worker, events) => new ForkedWorker(deps, model, worker, events)
}

class ForkedWorker implements WorkerHandle, LaneUser {
  readonly pid: number
  readonly #child: ReturnType<typeof fork>
  readonly #outbox: Outbox<ToProcess>
  readonly #output: WorkerOutput
  readonly #listener: LaneListener
  readonly #address: LaneAddress
  readonly #openLanes = new Set<Lane>()
  readonly #events: WorkerEvents
  #units: UnitRunner | null = null
  #whenHeardOut: (() => void) | null = null
  #killed = false

  constructor(deps: SpawnWorkerDeps, model: string, worker: number, events: WorkerEvents) {
    const child = fork(new URL('./process-entry.ts', import.meta.url), [], {
      // Explicit, or a child under a test runner inherits dozens of the runner's flags.
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: deps.env,
    })
    this.#child = child
    this.pid = child.pid ?? 0
    this.#events = events
    this.#listener = deps.lanes
    this.#address = deps.lanes.expect(this)
    this.#output = new WorkerOutput((stream, line) => deps.onLine(model, worker, stream, line), deps.now)
    // Neither is there when no process could be made for want of descriptors.
    if (child.stdout != null) this.#output.drain('stdout', child.stdout)
    if (child.stderr != null) this.#output.drain('stderr', child.stderr)
    this.#outbox = new Outbox((messages) => this.#write(messages))
    child.on('message', (messages: Envelope<FromProcess>) => {
      for (const message of messages) this.#hear(message)
    })
    this.#reportExit(deps, events)
    if (child.pid === undefined) return
    offerToKernel(child.pid)
    deps.onSpawned(model, child.pid)
  }

  send(message: ToWorker): void {
    switch (message.type) {
      case 'load':
        this.#units = this.#unitRunner(message.settings.limits)
        return this.#outbox.push({ ...message, lanes: this.#address })
      case 'setup':
        this.#units?.useLimits(message.limits)
        return this.#outbox.push(message)
      case 'stop':
        return this.#outbox.push(message)
      case 'predict':
        return this.#units?.predict(message.items, message.alone === true)
      case 'cancel':
        return this.#units?.cancel(message.id, message.reason)
      case 'credit':
        return this.#units?.credit(message.id, message.events)
    }
  }

  unsentBytes(): number {
    return this.#units?.unsentBytes() ?? 0
  }

  isStalled(): boolean {
    return this.#units?.isStalled() ?? false
  }

  kill(): void {
    this.#killed = true
    this.#child.kill('SIGKILL')
  }

  lastLines(): string[] {
    return this.#output.lastLines()
  }

  droppedBytes(): number {
    return this.#output.droppedBytes()
  }

  opened(lane: Lane): void {
    this.#openLanes.add(lane)
    this.#units?.laneOpened(lane)
  }

  said(lane: Lane, message: FromThread): void {
    this.#units?.laneSaid(lane, message)
  }

  closed(lane: Lane): void {
    this.#openLanes.delete(lane)
    this.#units?.laneClosed(lane)
    if (this.#openLanes.size === 0) this.#whenHeardOut?.()
  }

  #unitRunner(limits: ConstructorParameters<typeof UnitRunner>[0]): UnitRunner {
    return new UnitRunner(limits, {
      say: (message) => this.#events.message(message),
      withdraw: (thread, upTo) => this.#outbox.push({ type: 'withdraw', thread, upTo }),
      terminate: (thread) => this.#outbox.push({ type: 'terminate', thread }),
    })
  }

  #hear(message: FromProcess): void {
    switch (message.type) {
      case 'thread-ready':
      case 'thread-gone':
      case 'withdrawn':
        return this.#units?.hear(message)
      default:
        this.#events.message(message)
    }
  }

  #write(messages: ToProcess[]): void {
    // A write to a worker that is just ending fails; its exit is on the way and says all.
    if (this.#child.connected) this.#child.send(messages, undefined, undefined, () => {})
  }

  /** One exit per process, also when it could not be started at all; after everything that it and its threads said before its end has been read. */
  #reportExit(deps: SpawnWorkerDeps, events: WorkerEvents): void {
    const child = this.#child
    const report = once((code: number | null, signal: string | null) => {
      this.#listener.forget(this.#address)
      for (const lane of this.#openLanes) lane.destroy()
      deps.onExited(this.pid)
      const byKernel = signal === 'SIGKILL' && !this.#killed && deps.oomKills.takeOne()
      events.exit(byKernel ? { code, signal, outOfMemory: true } : { code, signal })
    })
    // More than one may come, and one that nobody hears would end the host.
    child.on('error', () => {
      if (child.pid === undefined) report(null, null)
    })
    child.once('exit', (code, signal) => {
      const reportWhenHeardOut = (): void => {
        if (!child.connected && this.#openLanes.size === 0) report(code, signal)
      }
      this.#whenHeardOut = reportWhenHeardOut
      child.once('disconnect', reportWhenHeardOut)
      setTimeout(() => report(code, signal), UNREAD_MS).unref()
      reportWhenHeardOut()
    })
  }
}

/** How long an exit waits for the rest of what the worker said. */
const UNREAD_MS = 200

function once<Args extends unknown[]>(callback: (...args: Args) => void): (...args: Args) => void {
  let called = false
  return (...args) => {
    if (called) return
    called = true
    callback(...args)
  }
}
