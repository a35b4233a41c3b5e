import type { BatchLimits, Clock, Limits, ModelSpec, PredictItem, SupervisionEvent, Values } from '../workers/contract.ts'
import type { ComponentSpec } from '../workers/components.ts'
import { type AnyValues, valuesOf } from '../workers/encoded-values.ts'
import { createHostError, HostError } from '../workers/errors.ts'
import type { ProcessBackend } from '../workers/process-backend.ts'
import { Idleness, type IdlenessOwner } from './idleness.ts'
import { Line, type LineOwner } from './line.ts'
import type { Metrics, Outcome } from './metrics.ts'
import { type ModelView, viewOf } from './model-view.ts'
import { outcomeOf, shedReasonOf } from './outcome.ts'
import { Pace } from './pace.ts'
import { Poison, REMEMBER_MS } from './poison.ts'
import type { Prediction } from './prediction.ts'
import { PredictionRun, type RunOwner } from './prediction-run.ts'
import { Refusals } from './refusals.ts'
import { Serving } from './serving.ts'
import { SpecInForce } from './spec-in-force.ts'

const EVENTS_KEPT = 100

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
  /** The inputs before they were validated: checked anew when the model changes while they wait. */
  given: unknown
}

/** One model as the gateway sees it: what it takes, what it refuses, how fast it is, and what became of each prediction. */
export class HostedModel implements RunOwner, LineOwner, IdlenessOwner {
  readonly name: string
  readonly pace = new Pace()
  readonly #deps: HostedModelDeps
  readonly #line: Line
  readonly #refusals: Refusals
  readonly #idleness: Idleness
  readonly #poison: Poison
  readonly #serving = new Serving()
  readonly #outcomes: Record<Outcome, number> = { succeeded: 0, failed: 0, rejected: 0, cancelled: 0, timeout: 0, lost: 0 }
  readonly #events: SupervisionEvent[] = []
  readonly #face = new SpecInForce()
  readonly #deadlines = new Map<PredictionRun, () => void>()
  #backend: ProcessBackend | null = null
  #limits: Limits
  #nextId = 1

  constructor(name: string, deps: HostedModelDeps) {
    this.name = name
    this.#deps = deps
    this.#limits = deps.initialLimits
    this.#line = new Line(this, deps.clock, deps.initialLimits.queueSize)
    this.#refusals = new Refusals(this, this.#line)
    this.#idleness = new Idleness(this, deps.clock)
    this.#poison = new Poison(() => deps.clock.now())
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

  /** The spec in force; null before the first was announced. */
  get spec(): ModelSpec | null {
    return this.#face.spec
  }

  /** What it takes and gives is known, and no file is among it. */
  get isPlain(): boolean {
    return this.#face.isPlain
  }

  get outputSpecs(): Readonly<Record<string, ComponentSpec>> {
    return this.#face.outputs
  }

  get limits(): Limits {
    return this.#limits
  }

  /** A worker announced its model. @returns The limits that hold for it, or null to leave a lazy model asleep. */
  described(spec: ModelSpec): Limits | null {
    const isWanted = this.#face.isAwaited || this.#line.depth > 0
    return this.spec === null && spec.load === 'lazy' && !isWanted ? null : this.#deps.effectiveLimits(spec)
  }

  /** From now on callers are held to this spec, also those that wait: it is what the workers in rotation serve. */
  inForce(spec: ModelSpec): void {
    this.#limits = this.#deps.effectiveLimits(spec)
    this.#line.limit = this.#limits.queueSize
    this.#face.set({ ...spec, title: spec.title || this.name })
    // What ended workers of the version before may be mended.
    this.#poison.forget()
    this.#line.refuse((run) => this.#face.refit(run))
  }

  /**
   * The spec, as soon as a worker has announced it; waits up to `holdMs`.
   *
   * @throws {HostError} `NOT_READY`, or `QUARANTINED` with the time of the next try.
   */
  async whenDescribed(signal?: AbortSignal): Promise<ModelSpec> {
    this.#wakeUndescribed()
    await this.#face.first(signal, (giveUp) => this.#deps.clock.after(this.backend.isServing() ? this.#limits.holdMs : 0, giveUp))
    this.#idleness.workEnded()
    if (this.spec === null) throw this.notServing()
    return this.spec
  }

  /** The same for one who brings work: refused, it counts as any other that is. */
  async whenDescribedForWork(signal?: AbortSignal): Promise<ModelSpec> {
    try {
      return await this.whenDescribed(signal)
    } catch (error) {
      throw error instanceof HostError && signal?.aborted !== true ? this.#counted(error) : error
    }
  }

  /** @throws {HostError} `INVALID_INPUT`, each refused input named. */
  validate(inputs: unknown): Values {
    const values = this.#face.check(inputs)
    if (values === null) throw this.notServing()
    return values
  }

  /**
   * Takes a validated prediction into the line.
   *
   * @param onRun Gets the run before anything can happen to it.
   * @throws {HostError} at once: `QUARANTINED`, `QUEUE_FULL`, or `OVERLOADED` when it could not end before its deadline.
   */
  admit(prediction: Prediction, inputs: AnyValues, options: AdmitOptions, onRun: (run: PredictionRun) => void): PredictionRun {
    this.#serving.asked(this.now())
    const refusal = this.#refusals.of(options.timeoutMs)
    if (refusal !== null) throw this.#counted(refusal)
    const item: PredictItem = { id: this.#nextId++, inputs, events: options.events, requestId: options.requestId }
    if (options.traceparent !== undefined) item.traceparent = options.traceparent
    const { given, traceId } = options
    const run = new PredictionRun(prediction, item, this, { mayReplay: this.spec?.replay ?? true, traceId, given, revision: this.#face.revision })
    onRun(run)
    if (options.timeoutMs !== undefined) this.#setDeadline(run, options.timeoutMs)
    if (this.#poison.isEmpty) this.#enqueue(run)
    else void this.#enqueueUnlessPoison(run)
    return run
  }

  /** Ends it for its callers now, and the work as soon as the author's code lets go. */
  cancel(run: PredictionRun, error: HostError): void {
    const code = error.code === 'DEADLINE_EXCEEDED' ? 'DEADLINE_EXCEEDED' : 'CANCELLED'
    const waited = this.#line.leave(run)
    if (!waited && run.running) this.backend.cancel(run.item.id, code)
    run.fail(error)
    // It may have been the one that the others had to leave a worker to.
    if (waited) this.#line.move()
  }

  /** Something changed at the backend. */
  capacityChanged(): void {
    if (this.#backend === null) return
    this.#line.move()
    this.#idleness.count()
  }

  changed(event: SupervisionEvent): void {
    this.#events.push(event)
    if (this.#events.length > EVENTS_KEPT) this.#events.shift()
    if (this.#backend !== null && !this.#backend.isServing()) this.#face.wakeWaiters()
  }

  /** How many have ended since the start. */
  get endedPredictions(): number {
    return Object.values(this.#outcomes).reduce((sum, count) => sum + count, 0)
  }

  /** Nothing waits or runs, and nobody waits to hear what it is. */
  get isIdle(): boolean {
    return this.#line.depth === 0 && this.#line.running === 0 && !this.#face.isAwaited
  }

  get isDescribed(): boolean {
    return this.spec !== null
  }

  get idleSeconds(): number {
    return this.spec?.idleSeconds ?? 0
  }

  sleep(): void {
    this.backend.sleep()
  }

  view(): ModelView {
    const { depth, running, limit, held } = this.#line
    return viewOf({
      name: this.name, spec: this.spec, backend: this.backend.snapshot(), startupEtaSeconds: this.backend.readyInSeconds(), slots: this.#limits.replicas,
      queue: { depth, running, limit, held }, serving: this.#serving.snapshot(this.now(), this.pace.meanMs ?? this.#limits.timeoutMs, depth + running > 0), pace: this.pace, outcomes: { ...this.#outcomes }, events: [...this.#events],
    })
  }

  /** Brings the workers to the version on disk; one that sleeps takes it when it wakes. Resolves when that is over, well or not. */
  restart(why: string): Promise<void> {
    this.#wakeUndescribed()
    return this.backend.restart(why)
  }

  /** Lets what was accepted end, within the bound, and then the workers. For a model that is hosted no more. */
  async retire(withinMs: number): Promise<void> {
    await this.#idleness.reached(withinMs)
    await this.backend.close(0)
  }

  credit(run: PredictionRun, facts: number): void {
    this.backend.credit(run.item.id, facts)
  }

  queueAgain(run: PredictionRun): void {
    const unfitness = this.#face.refit(run)
    if (unfitness !== null) return run.fail(unfitness)
    this.#line.addReturned(run)
    run.prediction.requeued()
    queueMicrotask(() => this.capacityChanged())
  }

  poisoned(run: PredictionRun): number {
    void this.#poison.remember(valuesOf(run.item.inputs))
    return REMEMBER_MS / 1000
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
    this.#serving.ended(outcome, this.now(), this.#line.depth + this.#line.running > (run.running ? 1 : 0))
    if (outcome === 'succeeded') this.pace.observe(run.prediction.runSeconds * 1000, totalMs)
    metrics.ended(this.name, outcome, totalMs / 1000)
    if (run.replays > 0) metrics.replay(this.name, error === undefined ? 'succeeded' : 'failed')
    const shed = error === undefined ? undefined : shedReasonOf(error)
    if (shed !== undefined) metrics.shed(this.name, shed)
    this.#deps.logEnd(run, outcome, error)
    if (!run.running) this.#idleness.workEnded()
  }

  released(run: PredictionRun): void {
    this.#line.released(run)
    this.#idleness.workEnded()
  }

  retryAfterSeconds(): number {
    return this.#refusals.retryAfterSeconds()
  }

  notServing(): HostError {
    return this.#refusals.notServing()
  }

  now(): number {
    return this.#deps.clock.now()
  }

  get batch(): BatchLimits | null {
    return this.spec?.batch ?? null
  }

  get holdMs(): number {
    return this.#limits.holdMs
  }

  dispatched(run: PredictionRun): void {
    this.#deps.metrics.dispatched(this.name, run.prediction.waitSeconds)
  }

  batched(size: number): void {
    this.#deps.metrics.batched(this.name, size)
  }

  /** Without a spec nothing comes into the line, whose work would wake it. */
  #wakeUndescribed(): void {
    if (this.spec === null) this.backend.wake()
  }

  /** A refusal before the line is an end, too. */
  #counted(error: HostError): HostError {
    const shed = shedReasonOf(error)
    if (shed !== undefined) this.#deps.metrics.shed(this.name, shed)
    this.#outcomes.rejected++
    this.#deps.metrics.ended(this.name, 'rejected', 0)
    return error
  }

  #setDeadline(run: PredictionRun, timeoutMs: number): void {
    const clear = this.#deps.clock.after(timeoutMs, () => this.cancel(run, createHostError('DEADLINE_EXCEEDED', `It was not done within the ${timeoutMs} ms that the caller gave.`)))
    this.#deadlines.set(run, clear)
  }

  async #enqueueUnlessPoison(run: PredictionRun): Promise<void> {
    const seconds = await this.#poison.remembered(valuesOf(run.item.inputs))
    if (run.ended) return
    if (seconds > 0) run.fail(createHostError('POISONOUS_INPUT', 'This input ended two workers. It is not tried again for a while.', { retryAfterSeconds: seconds }))
    else this.#enqueue(run)
  }

  #enqueue(run: PredictionRun): void {
    const unfitness = this.#face.refit(run)
    if (unfitness !== null) return run.fail(unfitness)
    this.#idleness.workBegan()
    this.backend.wake()
    this.#line.add(run)
  }
}
