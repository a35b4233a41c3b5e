import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Limits, ModelSpec, PredictItem, ThreadDeath } from './contract.ts'
import type { WireError } from './errors.ts'
import { CLAIM_TAKEN_BACK, type FromThread, type ThreadResult, type ThreadTask, type ToThread } from './thread-contract.ts'

/** One call of the author's `predict` or `predictBatch`. */
export interface Unit {
  readonly items: PredictItem[]
  /** Null while it waits in this process. */
  bundle: Bundle | null
}

/** Units given to a thread in one task, which runs them one after the other. */
export interface Bundle {
  readonly thread: PoolThread
  readonly units: Unit[]
  /** A place for each unit, see `ThreadTask`; null for a single one. */
  readonly claims: Int32Array | null
  /** How many have ended, and how many had when someone last looked. */
  ended: number
  seenEnded: number
}

/** One piscina thread and what runs in it. */
export interface PoolThread {
  readonly id: number
  readonly worker: Worker
  readonly port: MessagePort
  readonly bundles: Set<Bundle>
  ready: boolean
  /** Set while we terminate it, with the unit that it is for. */
  terminating: { unit: Unit; death: 'timeout' | 'cancel' } | null
  /** How many units it was running when it died. */
  unitsAtDeath: number | null
}

export interface ThreadPoolEvents {
  said(message: FromThread): void
  /** The thread can take a bundle again. */
  free(): void
  /** The thread died under the unit. */
  lost(unit: Unit, death: ThreadDeath, thread: PoolThread): void
  /** The thread died before it had begun the unit. */
  unbegun(unit: Unit): void
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
 * No task waits inside the pool: a thread runs at most `concurrency` bundles side by side, and the units of a bundle can be taken back until they begin.
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

  /** The thread that can take one more bundle now and has the fewest, or null. */
  next(): PoolThread | null {
    let best: PoolThread | null = null
    for (const thread of this.#threads.values()) {
      if (!thread.ready || thread.bundles.size >= this.#limits.concurrency) continue
      if (best === null || thread.bundles.size < best.bundles.size) best = thread
    }
    return best
  }

  /** How many bundles could be given out now. */
  freeLanes(): number {
    let lanes = 0
    for (const thread of this.#threads.values()) if (thread.ready) lanes += Math.max(0, this.#limits.concurrency - thread.bundles.size)
    return lanes
  }

  run(thread: PoolThread, units: Unit[]): void {
    const claims = units.length === 1 ? null : new Int32Array(new SharedArrayBuffer(units.length * Int32Array.BYTES_PER_ELEMENT))
    const bundle: Bundle = { thread, units, claims, ended: 0, seenEnded: 0 }
    for (const unit of units) unit.bundle = bundle
    thread.bundles.add(bundle)
    this.#submit(thread, { kind: 'predict', units: units.map((unit) => unit.items), claims }).then(
      () => {
        thread.bundles.delete(bundle)
        this.#events.free()
      },
      (error: unknown) => this.#bundleDied(bundle, error),
    )
  }

  /** Takes back a unit that its thread has not begun. @returns False when it has. */
  takeBack(unit: Unit): boolean {
    const { bundle } = unit
    if (bundle === null || bundle.claims === null) return false
    return Atomics.compareExchange(bundle.claims, bundle.units.indexOf(unit), 0, CLAIM_TAKEN_BACK) === 0
  }

  *bundles(): Iterable<Bundle> {
    for (const thread of this.#threads.values()) yield* thread.bundles
  }

  tell(unit: Unit, message: ToThread): void {
    unit.bundle?.thread.port.postMessage(message)
  }

  /** Ends the thread that the unit runs in. Its other units are lost with it. In native code this may abort the whole process. */
  terminate(unit: Unit, death: 'timeout' | 'cancel'): void {
    const { bundle } = unit
    if (bundle === null || bundle.thread.terminating !== null || !bundle.thread.bundles.has(bundle)) return
    bundle.thread.terminating = { unit, death }
    this.#retire(bundle.thread, death)
    void bundle.thread.worker.terminate()
  }

  #bundleDied(bundle: Bundle, error: unknown): void {
    const { thread } = bundle
    this.#hearRest(thread)
    thread.unitsAtDeath ??= thread.bundles.size
    thread.bundles.delete(bundle)
    const death = deathOf(thread, error)
    this.#retire(thread, death)
    for (const unit of bundle.units.slice(bundle.ended)) {
      if (this.takeBack(unit)) this.#events.unbegun(unit)
      else this.#events.lost(unit, death, thread)
    }
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
    const thread: PoolThread = { id, worker, port: port1, bundles: new Set(), ready: false, terminating: null, unitsAtDeath: null }
    this.#threads.set(id, thread)
    port1.on('message', (message: FromThread) => this.#events.said(message))
    // The pool's own rejection comes a turn later than the exit, which knows of no reason.
    worker.once('error', (error) => this.#retire(thread, deathOf(thread, error)))
    worker.once('exit', () => {
      this.#retire(thread, thread.terminating?.death ?? 'crash')
      this.#threads.delete(id)
      this.#opened.delete(id)
      this.#hearRest(thread)
      port1.close()
    })
    const { model, modelFile, stateDir } = this.#settings
    const opened = this.#submit(thread, { kind: 'open', model, modelFile, stateDir, port: port2 }, [port2]).then(specOf)
    opened.catch(() => {})
    this.#opened.set(id, opened)
    if (this.#settingUp) this.#setupReplacement(thread)
  }

  /** What a thread said before it died counts: a unit that has ended is not lost. */
  #hearRest(thread: PoolThread): void {
    for (let rest = receiveMessageOnPort(thread.port); rest !== undefined; rest = receiveMessageOnPort(thread.port)) this.#events.said(rest.message)
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
