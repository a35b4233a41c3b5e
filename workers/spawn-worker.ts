import { fork } from 'node:child_process'
import type { Envelope, FromWorker, SpawnWorker, ToWorker, WorkerEvents, WorkerHandle } from './contract.ts'
import { Outbox } from './outbox.ts'
import { WorkerOutput } from './worker-output.ts'

export interface SpawnWorkerDeps {
  /** One line that the author's code, or a library of his, wrote. */
  onLine(model: string, worker: number, stream: 'stdout' | 'stderr', line: string): void
  onSpawned(model: string, pid: number): void
  onExited(pid: number): void
  now(): number
  /** Environment of the workers; the host's own secrets are not in it. */
  env: NodeJS.ProcessEnv
}

/** Makes the real `SpawnWorker`: a forked Node process that runs `process-entry.ts`. */
export function createSpawnWorker(deps: SpawnWorkerDeps): SpawnWorker {
  return (model, worker, events) => new ForkedWorker(deps, model, worker, events)
}

class ForkedWorker implements WorkerHandle {
  readonly pid: number
  readonly #child: ReturnType<typeof fork>
  readonly #outbox: Outbox<ToWorker>
  readonly #output: WorkerOutput
  #unsentBytes = 0

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
    this.#output = new WorkerOutput((stream, line) => deps.onLine(model, worker, stream, line), deps.now)
    // Neither is there when no process could be made for want of descriptors.
    if (child.stdout != null) this.#output.drain('stdout', child.stdout)
    if (child.stderr != null) this.#output.drain('stderr', child.stderr)
    this.#outbox = new Outbox((messages) => this.#write(messages))
    child.on('message', (messages: Envelope<FromWorker>) => {
      for (const message of messages) events.message(message)
    })
    this.#reportExit(deps, events)
    if (child.pid !== undefined) deps.onSpawned(model, child.pid)
  }

  send(message: ToWorker): void {
    this.#outbox.push(message)
  }

  unsentBytes(): number {
    return this.#unsentBytes
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  lastLines(): string[] {
    return this.#output.lastLines()
  }

  droppedBytes(): number {
    return this.#output.droppedBytes()
  }

  #write(messages: ToWorker[]): void {
    if (!this.#child.connected) return
    const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0)
    this.#unsentBytes += bytes
    // A write to a worker that is just ending fails; its exit is on the way and says all.
    this.#child.send(messages, undefined, undefined, () => {
      this.#unsentBytes -= bytes
    })
  }

  /** One exit per process, also when it could not be started at all; after everything that it said before its end has been read. */
  #reportExit(deps: SpawnWorkerDeps, events: WorkerEvents): void {
    const child = this.#child
    const report = once((code: number | null, signal: string | null) => {
      deps.onExited(this.pid)
      events.exit({ code, signal })
    })
    // More than one may come, and one that nobody hears would end the host.
    child.on('error', () => {
      if (child.pid === undefined) report(null, null)
    })
    child.once('exit', (code, signal) => {
      if (!child.connected) return report(code, signal)
      child.once('disconnect', () => report(code, signal))
      setTimeout(() => report(code, signal), UNREAD_MS).unref()
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

/** Bytes that matter for the cap on what a stopped worker has not taken: long texts; the rest is small. */
function sizeOf(message: ToWorker): number {
  if (message.type !== 'predict') return 64
  let bytes = 0
  for (const item of message.items) for (const value of Object.values(item.inputs)) bytes += typeof value === 'string' ? value.length : 256
  return bytes
}
