import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Limits, ModelSpec, PredictItem, ThreadDeath } from './contract.ts'
import type { WireError } from './errors.ts'
import type { FromThread, ThreadEnd, ThreadResult, ThreadTask, ToThread } from './thread-contract.ts'

/** One call of the author's `predict` or `predictBatch`. */
export interface Unit {
  readonly items: PredictItem[]
  thread: PoolThread | null
}

/** One piscina thread and what runs in it. */
export interface PoolThread {
  readonly id: number
  readonly worker: Worker
  readonly port: MessagePort
  readonly units: Set<Unit>
  ready: boolean
  /** Set while we terminate it, with the unit that it is for. */
  terminating: { unit: Unit; death: 'timeout' | 'cancel' } | null
  /** How many units it ran when it died. */
  unitsAtDeath: number | null
}

export interface ThreadPoolEvents {
  fact(message: FromThread): void
  ended(unit: Unit, ends: ThreadEnd[]): void
  /** The thread died under the unit. */
  lost(unit: Unit, death: ThreadDeath, thread: PoolThread): void
  /** A thread came into or went out of rotation. */
  threadsReady(ready: number, died?: ThreadDeath): void
  /** A replaced thread could not be set up again. */
  setupFailed(error: WireError): void
}

const TEARDOWN_MS = 1_000

export interface ThreadPoolSettings {
  model: string
  modelFile: string
  stateDir: string
  limits: Limits
}

/**
 * Runs units of work in the threads of a piscina pool. We choose the thread (by the pool's load balancer), since only a thread
 * that has set up and run an example may get work, and since a forced stop must know where a prediction runs.
 * A unit never waits inside the pool or a thread: at most `concurrency` are given to one thread.
 */
export class ThreadPool {
  readonly #settings: ThreadPoolSettings
  readonly #events: ThreadPoolEvents
  readonly #pool: Piscina<ThreadTask, ThreadResult>
  #limits: Limits
  readonly #threads = new Map<number, PoolThread>()
  readonly #opened = new Map<number, Promise<ModelSpec>>()
  #target = -1
  #settingUp = false
  #closed = false

  constructor(settings: ThreadPoolSettings, events: ThreadPoolEvents) {
    this.#settings = settings
    this.#events = events
    this.#limits = settings.limits
    const { threads, heapMb } = settings.limits
    this.#pool = new Piscina<ThreadTask, ThreadResult>({
      filename: new URL('./thread-entry.ts', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      // The pool's own limit on tasks per thread is never reached: `next` keeps to `concurrency`.
      concurrentTasksPerWorker: 1_000_000,
      // An idle thread that blocks in Atomics.wait would stop the author's timers and our port.
      atomics: 'disabled',
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
      loadBalancer: (_task, workers) => workers.find((worker) => worker.id === this.#target) ?? null,
    })
    this.#pool.on('workerCreate', ({ id }: { id: number }) => this.#adopt(id))
    // Without a listener an idle thread's death would end this process.
    this.#pool.on('error', () => {})
  }

  /** Resolves with the model's spec once a thread has loaded it. Rejects with a `SetupFailure` when it can't be loaded. */
  async described(): Promise<ModelSpec> {
    await new Promise((resolve) => setImmediate(resolve))
    const [first] = this.#opened.values()
    if (first === undefined) throw new SetupFailure({ code: 'MODEL_FAILED', message: 'The model could not be loaded.', cause: 'its thread ended at once' })
    return first
  }

  /** Sets up every thread, also those that come later. Resolves when all are in rotation. */
  async setup(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.#settingUp = true
    await Promise.all([...this.#threads.values()].map((thread) => this.#setupThread(thread)))
  }

  useLimits(limits: Limits): void {
    this.#limits = limits
  }

  /** A thread that can take one more unit now, or null. */
  next(): PoolThread | null {
    let best: PoolThread | null = null
    for (const thread of this.#threads.values()) {
      if (!thread.ready || thread.units.size >= this.#limits.concurrency) continue
      if (best === null || thread.units.size < best.units.size) best = thread
    }
    return best
  }

  run(thread: PoolThread, unit: Unit): void {
    unit.thread = thread
    thread.units.add(unit)
    this.#submit(thread, { kind: 'predict', items: unit.items }).then(
      (result) => {
        thread.units.delete(unit)
        if (result.kind === 'predict') this.#events.ended(unit, result.ends)
      },
      (error: unknown) => {
        thread.unitsAtDeath ??= thread.units.size
        thread.units.delete(unit)
        this.#retire(thread, deathOf(thread, error))
        this.#events.lost(unit, deathOf(thread, error), thread)
      },
    )
  }

  tell(unit: Unit, message: ToThread): void {
    unit.thread?.port.postMessage(message)
  }

  /** Ends the thread that the unit runs in. Its other units are lost with it. In native code this may abort the whole process. */
  terminate(unit: Unit, death: 'timeout' | 'cancel'): void {
    const thread = unit.thread
    if (thread === null || thread.terminating !== null || !thread.units.has(unit)) return
    thread.terminating = { unit, death }
    this.#retire(thread, death)
    void thread.worker.terminate()
  }

  /** Runs the author's `teardown` in every thread, for at most a second, and ends them. */
  async close(): Promise<void> {
    this.#closed = true
    const teardowns = [...this.#threads.values()].filter((thread) => thread.ready).map((thread) => this.#submit(thread, { kind: 'teardown' }))
    await Promise.race([Promise.allSettled(teardowns), new Promise((resolve) => setTimeout(resolve, TEARDOWN_MS))])
    await this.#pool.destroy()
  }

  get ready(): number {
    let ready = 0
    for (const thread of this.#threads.values()) if (thread.ready) ready++
    return ready
  }

  #adopt(id: number): void {
    const worker = this.#pool.threads.find((candidate) => candidate.threadId === id)
    if (worker === undefined || this.#closed) return
    const { port1, port2 } = new MessageChannel()
    const thread: PoolThread = { id, worker, port: port1, units: new Set(), ready: false, terminating: null, unitsAtDeath: null }
    this.#threads.set(id, thread)
    port1.on('message', (message: FromThread) => this.#events.fact(message))
    worker.once('exit', () => {
      this.#retire(thread, thread.terminating?.death ?? 'crash')
      this.#threads.delete(id)
      this.#opened.delete(id)
      port1.close()
    })
    const { model, modelFile, stateDir } = this.#settings
    const opened = this.#submit(thread, { kind: 'open', model, modelFile, stateDir, port: port2 }, [port2]).then(specOf)
    opened.catch(() => {})
    this.#opened.set(id, opened)
    if (this.#settingUp) this.#setupReplacement(thread)
  }

  async #setupThread(thread: PoolThread): Promise<void> {
    await this.#opened.get(thread.id)
    const result = await this.#submit(thread, { kind: 'setup', warmUpMs: this.#limits.timeoutMs })
    if (result.kind === 'failed') throw new SetupFailure(result.error)
    if (!this.#threads.has(thread.id)) return
    thread.ready = true
    this.#events.threadsReady(this.ready)
  }

  /** A thread that takes the place of a dead one has the same time to set up as the first had. */
  #setupReplacement(thread: PoolThread): void {
    const fail = (error: unknown): void => {
      if (!this.#closed) this.#events.setupFailed(setupErrorOf(error))
    }
    const bound = setTimeout(() => fail(new Error(`a replaced thread was not set up within ${this.#limits.setupMs} ms`)), this.#limits.setupMs)
    this.#setupThread(thread).catch(fail).finally(() => clearTimeout(bound))
  }

  #submit(thread: PoolThread, task: ThreadTask, transferList: MessagePort[] = []): Promise<ThreadResult> {
    if (!this.#threads.has(thread.id)) return Promise.reject(new Error('the thread has ended'))
    this.#target = thread.id
    return this.#pool.run(task, { transferList })
  }

  #retire(thread: PoolThread, death: ThreadDeath): void {
    if (!thread.ready) return
    thread.ready = false
    if (!this.#closed) this.#events.threadsReady(this.ready, death)
  }
}

/** A model that could not be loaded or set up; carries the error as data. */
export class SetupFailure extends Error {
  readonly wire: WireError

  constructor(wire: WireError) {
    super(wire.message)
    this.wire = wire
  }
}

/** Why a thread could not be made ready, as data. */
export function setupErrorOf(error: unknown): WireError {
  if (error instanceof SetupFailure) return error.wire
  return { code: 'MODEL_FAILED', message: 'The model could not be set up.', cause: error instanceof Error ? error.message : String(error) }
}

function specOf(result: ThreadResult): ModelSpec {
  if (result.kind === 'open') return result.spec
  throw new SetupFailure(result.kind === 'failed' ? result.error : { code: 'INTERNAL', message: 'The thread answered out of turn.' })
}

/** Piscina rejects every task of a dead thread with the thread's own error; the code tells a full heap, nothing else is told apart. */
function deathOf(thread: PoolThread, error: unknown): ThreadDeath {
  if (thread.terminating !== null) return thread.terminating.death
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'oom' : 'crash'
}
