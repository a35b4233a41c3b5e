import type { BackendSnapshot, Clock, Limits, ModelSpec, PredictItem, ReplicaSnapshot, RestartReason, SupervisionEvent, Values } from '../workers/contract.ts'
import { type InputsResult, inputsSchema } from '../workers/components.ts'
import { createHostError, type HostError } from '../workers/errors.ts'
import type { ProcessBackend } from '../workers/process-backend.ts'
import type { Metrics, Outcome } from './metrics.ts'
import { outcomeOf, shedReasonOf } from './outcome.ts'
import { Pace } from './pace.ts'
import { Poison } from './poison.ts'
import type { Prediction } from './prediction.ts'
import { PredictionRun, type RunOwner } from './prediction-run.ts'
import { Queue } from './queue.ts'

/** The places in a line are told to those who follow them at most this often. */
const TELL_POSITIONS_MS = 100
const EVENTS_KEPT = 100

/** One hosted model as plain data, pulled by the status page, `/models` and the metrics. */
export interface ModelView {
  name: string
  title: string
  description: string
  state: 'starting' | 'ready' | 'unavailable'
  cause: string | null
  /** ISO 8601. */
  retryAt: string | null
  quarantined: boolean
  /** Kinds of components. */
  inputs: string[]
  outputs: string[]
  queue: { depth: number; running: number; limit: number; held: number }
  /** Mean of the last runs. */
  usualSeconds: number | null
  startupEtaSeconds: number | null
  replicas: ReplicaSnapshot[]
  /** How many workers it shall have; fewer may be there, none while it sleeps. */
  slots: number
  /** Seconds from arrival to the end. */
  latency: { p50: number | null; p95: number | null }
  outcomes: Record<Outcome, number>
  restarts: Record<RestartReason, number>
  logDroppedBytes: number
  /** The last ones, the newest last: what happens within a millisecond is sorted by time together with other models' and keeps its order. */
  events: SupervisionEvent[]
}

export interface HostedModelDeps {
  clock: Clock
  metrics: Metrics
  /** The operator's and the default limits around the author's. */
  effectiveLimits(spec: ModelSpec): Limits
  initialLimits: Limits
  /** One line in the log, for each prediction that ended. */
  logEnd(run: PredictionRun, outcome: Outcome, error: HostError | undefined): void
}

export interface AdmitOptions {
  requestId: string
  traceparent?: string | undefined
  traceId?: string | undefined
  /** From arrival, waiting included. */
  timeoutMs?: number | undefined
  events: boolean
}

/**
 * One model as the gateway sees it: what it takes, who waits, who runs, how fast it is. It moves predictions from the queue to the
 * backend whenever there is room, and holds them while no worker is ready.
 */
export class HostedModel implements RunOwner {
  readonly name: string
  readonly pace = new Pace()
  readonly #deps: HostedModelDeps
  readonly #queue: Queue<PredictionRun>
  readonly #running = new Set<PredictionRun>()
  readonly #poison: Poison
  readonly #outcomes: Record<Outcome, number> = { succeeded: 0, failed: 0, rejected: 0, cancelled: 0, timeout: 0, lost: 0 }
  readonly #events: SupervisionEvent[] = []
  readonly #describedWaiters = new Set<() => void>()
  readonly #deadlines = new Map<PredictionRun, () => void>()
  #backend: ProcessBackend | null = null
  #spec: ModelSpec | null = null
  #limits: Limits
  #check: ((raw: unknown) => InputsResult) | null = null
  #nextId = 1
  #unreadySince: number | null
  #holdTimer: (() => void) | null = null
  #tellTimer: (() => void) | null = null
  #batchTimer: (() => void) | null = null
  #lastBatch = 1
  #idleTimer: (() => void) | null = null

  constructor(name: string, deps: HostedModelDeps) {
    this.name = name
    this.#deps = deps
    this.#limits = deps.initialLimits
    this.#queue = new Queue(deps.initialLimits.queueSize)
    this.#poison = new Poison(() => deps.clock.now())
    this.#unreadySince = deps.clock.now()
    deps.metrics.addModel(name)
  }

  /** Called once: backend and model know each other. */
  use(backend: ProcessBackend): void {
    this.#backend = backend
  }

  get backend(): ProcessBackend {
    if (this.#backend === null) throw new Error('the model has no backend yet')
    return this.#backend
  }

  get spec(): ModelSpec | null {
    return this.#spec
  }

  get limits(): Limits {
    return this.#limits
  }

  /** The worker announced its model. @returns The limits that hold, or null to leave a lazy model asleep. */
  described(spec: ModelSpec): Limits | null {
    const first = this.#spec === null
    this.#limits = this.#deps.effectiveLimits(spec)
    this.#queue.limit = this.#limits.queueSize
    this.#check = inputsSchema(spec.inputs)
    this.#spec = { ...spec, title: spec.title || this.name }
    const wanted = this.#describedWaiters.size > 0 || this.#queue.depth > 0
    for (const wake of this.#describedWaiters) wake()
    return first && spec.load === 'lazy' && !wanted ? null : this.#limits
  }

  /**
   * The spec, as soon as a worker has announced it; waits up to `holdMs`.
   *
   * @throws {HostError} `NOT_READY`, or `QUARANTINED` with the time of the next try.
   */
  async whenDescribed(signal?: AbortSignal): Promise<ModelSpec> {
    if (this.#spec !== null) return this.#spec
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#describedWaiters.delete(wake)
        giveUp()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const giveUp = this.#deps.clock.after(this.backend.isServing() ? this.#limits.holdMs : 0, wake)
      this.#describedWaiters.add(wake)
      signal?.addEventListener('abort', wake)
    })
    if (this.#spec === null) throw this.#notServing()
    return this.#spec
  }

  /** @throws {HostError} `INVALID_INPUT`, each refused input named. */
  validate(inputs: unknown): Values {
    const result = this.#check?.(inputs)
    if (result === undefined) throw this.#notServing()
    if (result.ok) return result.value
    const first = result.errors[0]
    throw createHostError('INVALID_INPUT', first === undefined ? 'The inputs were refused.' : `${first.path}: ${first.message}`, { problems: result.errors })
  }

  /**
   * Takes a validated prediction into the line.
   *
   * @param onRun Gets the run before anything can happen to it.
   * @throws {HostError} at once: `QUARANTINED`, `QUEUE_FULL`, or `OVERLOADED` when it could not end before its deadline.
   */
  admit(prediction: Prediction, inputs: Values, options: AdmitOptions, onRun: (run: PredictionRun) => void): PredictionRun {
    this.#refuseUnservable(options.timeoutMs)
    const item: PredictItem = { id: this.#nextId++, inputs, events: options.events, requestId: options.requestId }
    if (options.traceparent !== undefined) item.traceparent = options.traceparent
    const run = new PredictionRun(prediction, item, this, { mayReplay: this.#spec?.replay ?? true, traceId: options.traceId })
    onRun(run)
    if (options.timeoutMs !== undefined) this.#setDeadline(run, options.timeoutMs)
    if (this.#poison.isEmpty) this.#enqueue(run)
    else void this.#enqueueUnlessPoison(run)
    return run
  }

  /** Ends it for its callers now, and the work as soon as the author's code lets go. */
  cancel(run: PredictionRun, error: HostError): void {
    const code = error.code === 'DEADLINE_EXCEEDED' ? 'DEADLINE_EXCEEDED' : 'CANCELLED'
    const waited = this.#queue.remove(run)
    if (!waited && run.running) this.backend.cancel(run.item.id, code)
    run.fail(error)
    if (!waited) return
    this.#tellPositions()
    // It may have been the one that the others had to leave a worker to.
    this.#pump()
  }

  /** Something changed at the backend: dispatch what can be, hold what can't. */
  capacityChanged(): void {
    if (this.#backend === null) return
    const ready = this.#backend.isReady()
    if (ready) this.#unreadySince = null
    else this.#unreadySince ??= this.#deps.clock.now()
    this.#pump()
    if (!this.#backend.isServing()) this.#refuseWaiting()
    else if (!ready) this.#hold()
    else if (this.#idleTimer === null) this.#sleepWhenIdle()
  }

  changed(event: SupervisionEvent): void {
    this.#events.push(event)
    if (this.#events.length > EVENTS_KEPT) this.#events.shift()
    if (this.#backend !== null && !this.#backend.isServing()) for (const wake of this.#describedWaiters) wake()
  }

  /** Refuses all that wait; what runs goes on. */
  refuseAll(error: () => HostError): void {
    for (const run of [...this.#queue]) {
      this.#queue.remove(run)
      run.fail(error())
    }
  }

  /** Nothing waits or runs. */
  get isIdle(): boolean {
    return this.#queue.depth === 0 && this.#running.size === 0
  }

  view(): ModelView {
    const backend: BackendSnapshot = this.backend.snapshot()
    const serving = backend.sleeping || backend.replicas.some((replica) => replica.state === 'ready')
    const starting = backend.replicas.some((replica) => replica.state === 'starting')
    const spec = this.#spec
    return {
      name: this.name,
      title: spec?.title ?? this.name,
      description: spec?.description ?? '',
      state: serving ? 'ready' : starting && backend.cause === null ? 'starting' : 'unavailable',
      cause: backend.cause,
      retryAt: backend.retryAt,
      quarantined: backend.quarantined,
      inputs: Object.values(spec?.inputs ?? {}).map((input) => input.kind),
      outputs: Object.values(spec?.outputs ?? {}).map((output) => output.kind),
      queue: { depth: this.#queue.depth, running: this.#running.size, limit: this.#queue.limit, held: this.#unreadySince === null ? 0 : this.#queue.depth },
      usualSeconds: this.pace.meanMs === null ? null : this.pace.meanMs / 1000,
      startupEtaSeconds: serving ? null : this.backend.readyInSeconds(),
      replicas: backend.replicas,
      slots: this.#limits.replicas,
      latency: this.pace.quantiles(),
      outcomes: { ...this.#outcomes },
      restarts: backend.restarts,
      logDroppedBytes: backend.logDroppedBytes,
      events: [...this.#events],
    }
  }

  restart(why: string): void {
    this.backend.restart(why)
  }

  credit(run: PredictionRun, facts: number): void {
    this.backend.credit(run.item.id, facts)
  }

  queueAgain(run: PredictionRun): void {
    this.#queue.addReturned(run)
    this.#running.delete(run)
    run.prediction.requeued()
    queueMicrotask(() => {
      this.capacityChanged()
      this.#tellPositions()
    })
  }

  poisoned(run: PredictionRun): number {
    void this.#poison.remember(run.item.inputs)
    return 600
  }

  replayed(_run: PredictionRun): void {
    this.#deps.metrics.replay(this.name, 'replayed')
  }

  ended(run: PredictionRun, error: HostError | undefined): void {
    const { metrics } = this.#deps
    const outcome = outcomeOf(error)
    const totalMs = this.now() - run.arrivedAt
    this.#deadlines.get(run)?.()
    this.#deadlines.delete(run)
    this.#outcomes[outcome]++
    if (outcome === 'succeeded') this.pace.observe(run.prediction.runSeconds * 1000, totalMs)
    metrics.ended(this.name, outcome, totalMs / 1000)
    if (run.replays > 0) metrics.replay(this.name, error === undefined ? 'succeeded' : 'failed')
    const shed = error === undefined ? undefined : shedReasonOf(error)
    if (shed !== undefined) metrics.shed(this.name, shed)
    this.#deps.logEnd(run, outcome, error)
    if (!run.running) this.#sleepWhenIdle()
  }

  released(run: PredictionRun): void {
    if (!run.running) this.#running.delete(run)
    this.#sleepWhenIdle()
  }

  retryAfterSeconds(): number {
    return this.#retryAfter(this.backend.isReady() ? this.#waitSeconds(this.#queue.depth + 1) : this.backend.readyInSeconds())
  }

  now(): number {
    return this.#deps.clock.now()
  }

  /** Expected seconds until the entry at this place (from 1) is dispatched; null when nothing was measured yet. */
  #waitSeconds(position: number): number | null {
    const { meanMs } = this.pace
    if (meanMs === null) return null
    const startSeconds = this.#unreadySince === null ? 0 : this.backend.readyInSeconds()
    const calls = Math.ceil(position / (this.#spec?.batch?.maxSize ?? 1))
    return startSeconds + (calls * meanMs) / 1000 / this.backend.parallelism()
  }

  #retryAfter(seconds: number | null): number {
    return Math.max(1, Math.ceil(seconds ?? 1))
  }

  #refuseUnservable(timeoutMs: number | undefined): void {
    const { backend } = this
    if (!backend.isServing()) throw this.#counted(this.#notServing())
    if (this.#queue.isFull && (backend.reserve('idle') === null || this.#queue.depth > 0)) {
      throw this.#counted(createHostError('QUEUE_FULL', `The queue is full: ${this.#queue.depth} are waiting.`, { retryAfterSeconds: this.#retryAfter(this.#waitSeconds(this.#queue.depth)) }))
    }
    // Where a place is free it runs at once: refused for what others took, it would be refused for ever, since only a run corrects the estimate.
    if (timeoutMs === undefined || this.#queue.depth + this.#running.size < backend.parallelism()) return
    const waitSeconds = this.#waitSeconds(this.#queue.depth + 1) ?? 0
    if (waitSeconds * 1000 + (this.pace.meanMs ?? 0) > timeoutMs) {
      throw this.#counted(createHostError('OVERLOADED', 'It could not be served within the given time.', { retryAfterSeconds: this.#retryAfter(waitSeconds) }))
    }
  }

  /** A refusal before the line is an end, too. */
  #counted(error: HostError): HostError {
    const shed = shedReasonOf(error)
    if (shed !== undefined) this.#deps.metrics.shed(this.name, shed)
    this.#outcomes.rejected++
    this.#deps.metrics.ended(this.name, 'rejected', 0)
    return error
  }

  #notServing(): HostError {
    const { quarantined, retryAt } = this.backend.snapshot()
    const untilRetry = retryAt === null ? this.backend.readyInSeconds() : (Date.parse(retryAt) - Date.now()) / 1000
    const retryAfterSeconds = this.#retryAfter(Math.max(0, untilRetry))
    if (quarantined) return createHostError('QUARANTINED', 'The model does not start and is paused until its next try.', { retryAfterSeconds })
    return createHostError('NOT_READY', 'No worker of the model became ready in time.', { retryAfterSeconds })
  }

  #setDeadline(run: PredictionRun, timeoutMs: number): void {
    run.deadlineAt = run.arrivedAt + timeoutMs
    const clear = this.#deps.clock.after(timeoutMs, () => this.cancel(run, createHostError('DEADLINE_EXCEEDED', `It was not done within the ${timeoutMs} ms that the caller gave.`)))
    this.#deadlines.set(run, clear)
  }

  async #enqueueUnlessPoison(run: PredictionRun): Promise<void> {
    const seconds = await this.#poison.remembered(run.item.inputs)
    if (run.ended) return
    if (seconds > 0) run.fail(createHostError('POISONOUS_INPUT', 'This input ended two workers. It is not tried again for a while.', { retryAfterSeconds: seconds }))
    else this.#enqueue(run)
  }

  #enqueue(run: PredictionRun): void {
    this.#idleTimer?.()
    this.#idleTimer = null
    this.backend.wake()
    this.#queue.add(run)
    this.#pump()
    if (run.running || run.ended) return
    if (this.#unreadySince === null) {
      if (run.followed) run.prediction.queuedAt(this.#queue.depth, this.#waitSeconds(this.#queue.depth))
    } else {
      this.#hold()
    }
  }

  #pump(): void {
    const { backend } = this
    for (let first = this.#queue.first(); first !== undefined; first = this.#queue.first()) {
      if (first.alone) {
        if (this.#dispatchAlone(first)) continue
        // Others go on beside it, but not on the worker that is being emptied for it.
        const shared = this.#queue.firstShared()
        const beside = shared === undefined ? null : backend.reserve('beside')
        if (beside === null || shared === undefined) return
        this.#queue.remove(shared)
        this.#dispatch([shared], beside)
        continue
      }
      const reservation = backend.reserve(first.followed ? 'idle' : 'shared')
      if (reservation === null || !this.#batchIsDue()) return
      this.#dispatch(this.#queue.takeShared(this.#spec?.batch?.maxSize ?? 1), reservation)
    }
  }

  #dispatchAlone(run: PredictionRun): boolean {
    const reservation = this.backend.reserve('alone')
    if (reservation === null) return false
    this.#queue.remove(run)
    this.#dispatch([run], reservation)
    return true
  }

  #dispatch(runs: PredictionRun[], reservation: { run(items: PredictItem[], sinks: PredictionRun[]): void }): void {
    for (const run of runs) {
      run.dispatch()
      this.#running.add(run)
      this.#deps.metrics.dispatched(this.name, run.prediction.waitSeconds)
    }
    if (this.#spec?.batch != null) {
      this.#lastBatch = runs.length
      this.#deps.metrics.batched(this.name, runs.length)
    }
    reservation.run(runs.map((run) => run.item), runs)
    if (this.#queue.depth > 0) this.#tellPositions()
  }

  /**
   * A batch goes at once, except when the last one was larger than what waits now: then company is on its way, and the first waits for it,
   * at most `maxWaitMs`.
   */
  #batchIsDue(): boolean {
    const batch = this.#spec?.batch
    if (batch == null || batch.maxWaitMs === 0) return true
    const first = this.#queue.first()
    const company = Math.min(this.#lastBatch, batch.maxSize)
    if (first === undefined || this.#queue.depth >= company || this.now() - first.arrivedAt >= batch.maxWaitMs) {
      this.#batchTimer?.()
      this.#batchTimer = null
      return true
    }
    this.#batchTimer ??= this.#deps.clock.after(batch.maxWaitMs, () => {
      this.#batchTimer = null
      this.#lastBatch = 1
      this.#pump()
    })
    return false
  }

  /** Tells those who wait that they are held, and refuses those who waited `holdMs` without a ready worker. */
  #hold(): void {
    const since = this.#unreadySince
    if (since === null || this.#queue.depth === 0) return
    const etaSeconds = this.backend.readyInSeconds()
    for (const run of this.#queue) if (run.followed && run.prediction.state !== 'held') run.prediction.heldFor(etaSeconds)
    this.#holdTimer?.()
    const first = this.#queue.first()
    if (first === undefined) return
    const heldSince = Math.max(first.arrivedAt, since)
    this.#holdTimer = this.#deps.clock.after(Math.max(0, heldSince + this.#limits.holdMs - this.now()), () => this.#refuseHeld())
  }

  #refuseHeld(): void {
    const since = this.#unreadySince
    if (since === null) return
    for (const run of [...this.#queue]) {
      if (this.now() - Math.max(run.arrivedAt, since) < this.#limits.holdMs) break
      this.#queue.remove(run)
      run.fail(this.#notServing())
    }
    this.#hold()
  }

  #refuseWaiting(): void {
    this.refuseAll(() => this.#notServing())
  }

  #tellPositions(): void {
    this.#tellTimer ??= this.#deps.clock.after(TELL_POSITIONS_MS, () => {
      this.#tellTimer = null
      if (this.#unreadySince !== null) return
      let position = 0
      for (const run of this.#queue) {
        position++
        if (run.followed) run.prediction.queuedAt(position, this.#waitSeconds(position))
      }
    })
  }

  #sleepWhenIdle(): void {
    const idleSeconds = this.#spec?.idleSeconds ?? 0
    if (idleSeconds === 0 || !this.isIdle) return
    this.#idleTimer?.()
    this.#idleTimer = this.#deps.clock.after(idleSeconds * 1000, () => {
      this.#idleTimer = null
      if (this.isIdle) this.backend.sleep()
    })
  }
}
