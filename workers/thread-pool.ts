import type { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Limits, ModelSpec, ThreadDeath, ThreadExit, WorkerSettings } from './contract.ts'
import { describeThrown, type WireError } from './errors.ts'
import { inSeconds } from './exit-record.ts'
import { isAfter, type LaneAddress, type ThreadResult, type ThreadTask } from './thread-contract.ts'

/** One piscina thread. */
interface PoolThread {
  readonly id: number
  readonly worker: Worker
  /** The number of the unit that it began last. It begins one by raising this; we withdraw units by raising it past them. */
  readonly gate: Int32Array
  readonly opened: Promise<ModelSpec>
  isReady: boolean
}

export interface ThreadPoolEvents {
  /** The thread has set up, and run an example. */
  ready(thread: number): void
  gone(thread: number, begun: number, exit: ThreadExit): void
  /** A replaced thread could not be set up again. */
  setupFailed(error: WireError): void
}

const TEARDOWN_MS = 1_000

/**
 * The threads of a worker process: piscina makes them under their memory cap, replaces those that end, and carries the steps of their lives
 * (open, setup, teardown). The work itself comes to them from the front, see `thread-contract.ts`; this process can keep a thread from
 * beginning what it was sent, and end it, also while author code has it.
 */
export class ThreadPool {
  readonly #settings: WorkerSettings
  readonly #lanes: LaneAddress
  readonly #events: ThreadPoolEvents
  readonly #pool: Piscina<ThreadTask, ThreadResult>
  #limits: Limits
  readonly #threads = new Map<number, PoolThread>()
  #target = -1
  #isSettingUp = false
  #isClosed = false

  constructor(settings: WorkerSettings, lanes: LaneAddress, events: ThreadPoolEvents) {
    this.#settings = settings
    this.#lanes = lanes
    this.#events = events
    this.#limits = settings.limits
    const { threads, heapMb } = settings.limits
    this.#pool = new Piscina<ThreadTask, ThreadResult>({
      filename: new URL('./thread-entry.ts', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      // A thread's steps follow each other, and never wait for another thread's.
      concurrentTasksPerWorker: 2,
      // An idle thread that blocks in Atomics.wait would stop the author's timers and the lane.
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
    const [first] = this.#threads.values()
    if (first === undefined) throw new SetupFailure({ code: 'MODEL_FAILED', message: 'The model could not be loaded.', cause: 'its thread ended at once' })
    return first.opened
  }

  /** Sets up every thread, also those that come later. Resolves when all are ready. */
  async setup(limits: Limits): Promise<void> {
    this.#limits = limits
    await new Promise((resolve) => setImmediate(resolve))
    this.#isSettingUp = true
    await Promise.all([...this.#threads.values()].map((thread) => this.#setupThread(thread)))
  }

  /** @returns The last unit that the thread has begun, or will ever begin of those up to `upTo`; undefined when there is no such thread. */
  withdraw(id: number, upTo: number): number | undefined {
    const gate = this.#threads.get(id)?.gate
    if (gate === undefined) return undefined
    for (;;) {
      const begun = Atomics.load(gate, 0)
      if (!isAfter(upTo, begun) || Atomics.compareExchange(gate, 0, begun, upTo) === begun) return begun
    }
  }

  /** Ends the thread; another takes its place. */
  terminate(id: number): void {
    void this.#threads.get(id)?.worker.terminate()
  }

  /** Runs the author's `teardown` in every thread, for at most a second, and ends them. */
  async close(): Promise<void> {
    this.#isClosed = true
    const teardowns = [...this.#threads.values()].filter((thread) => thread.isReady).map((thread) => this.#submit(thread.id, { kind: 'teardown' }))
    await Promise.race([Promise.allSettled(teardowns), new Promise((resolve) => setTimeout(resolve, TEARDOWN_MS))])
    await this.#pool.destroy()
  }

  #adopt(id: number): void {
    const worker = this.#pool.threads.find((candidate) => candidate.threadId === id)
    if (worker === undefined || this.#isClosed) return
    const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const opened = this.#submit(id, { kind: 'open', settings: this.#settings, lanes: this.#lanes, gate }).then(specOf)
    opened.catch(() => {})
    const thread: PoolThread = { id, worker, gate, opened, isReady: false }
    this.#threads.set(id, thread)
    this.#watchEnd(thread)
    if (this.#isSettingUp) this.#setupReplacement(thread)
  }

  #watchEnd({ id, worker, gate }: PoolThread): void {
    const startedAt = performance.now()
    let thrown: Pick<ThreadExit, 'death' | 'error'> = { death: 'crash' }
    worker.once('error', (error) => {
      thrown = { death: deathOf(error), error: describeThrown(error) }
    })
    worker.once('exit', (code) => {
      this.#threads.delete(id)
      const uptimeSeconds = inSeconds(performance.now() - startedAt)
      if (!this.#isClosed) this.#events.gone(id, Atomics.load(gate, 0), { ...thrown, code, uptimeSeconds })
    })
  }

  async #setupThread(thread: PoolThread): Promise<void> {
    await thread.opened
    const { timeoutMs, concurrency } = this.#limits
    const result = await this.#submit(thread.id, { kind: 'setup', warmUpMs: timeoutMs, concurrency })
    if (result.kind === 'failed') throw new SetupFailure(result.error)
    if (!this.#threads.has(thread.id)) return
    thread.isReady = true
    this.#events.ready(thread.id)
  }

  /** A thread that takes the place of a dead one has the same time to set up as the first had. */
  #setupReplacement(thread: PoolThread): void {
    const fail = (error: unknown): void => {
      if (!this.#isClosed) this.#events.setupFailed(setupErrorOf(error))
    }
    const bound = setTimeout(() => fail(new Error(`a replaced thread was not set up within ${this.#limits.setupMs} ms`)), this.#limits.setupMs)
    this.#setupThread(thread).catch(fail).finally(() => clearTimeout(bound))
  }

  #submit(id: number, task: ThreadTask): Promise<ThreadResult> {
    this.#target = id
    return this.#pool.run(task)
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

/** The thread's own last error; its code tells a full heap, nothing else is told apart. */
function deathOf(error: unknown): ThreadDeath {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'oom' : 'crash'
}
