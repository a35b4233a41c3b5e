import type {
  Clock, ExitRecord, FromWorker, Limits, ModelSpec, PredictItem, PredictionSink, ReplicaSnapshot, ReplicaState, RestartReason, SpawnWorker, ThreadDeath, ThreadExit, WorkerExit,
  WorkerHandle, WorkerSettings,
} from './contract.ts'
import { headlineOf, type WireError } from './errors.ts'
import { deathBy, describeExit, type ExitReason, lastWordsOf, reasonOfDeath } from './exit-record.ts'
import { Flights } from './flights.ts'
import { nextState, type ReplicaEvent } from './lifecycle.ts'
import { Failures } from './restart-policy.ts'
import { type Moment, Tenure, type Usage } from './tenure.ts'

/** From `stop` to SIGKILL. */
const STOP_MS = 2_000
/** What a thread wrote last comes by another way than the word of its end, and may be so far behind. */
const LAST_WORDS_MS = 50

/** What a replica tells its supervisor. Each call states a fact; the supervisor decides. */
export interface ReplicaOwner {
  /** @returns The limits to set up with, or null when the model shall not be set up now. */
  described(replica: Replica, spec: ModelSpec): Limits | null
  /** The state, or what can be dispatched here, has changed. */
  changed(replica: Replica, what: string, why: string): void
  capacity(): void
  restarted(reason: RestartReason): void
  exited(record: ExitRecord): void
  log(message: Extract<FromWorker, { type: 'log' }>, worker: number): void
}

export interface ReplicaDeps {
  settings: WorkerSettings
  spawn: SpawnWorker
  clock: Clock
  random: () => number
  wallClock: () => Date
}

/**
 * One place for a worker process of one model: the process that is there now, what runs in it, and its life by the table in `lifecycle.ts`.
 * A timer never changes the state, except the end of a back-off: time-outs kill the process, and its exit moves the table.
 */
export class Replica {
  readonly worker: number
  readonly #deps: ReplicaDeps
  readonly #owner: ReplicaOwner
  readonly #flights: Flights
  readonly #failures = new Failures()
  #state: ReplicaState = 'backoff'
  /** Of the process that is there now. */
  #tenure: Tenure | null = null
  #limits: Limits
  #predictions = 0
  #restarts = 0
  #cause: string | null = null
  #retryAt: Date | null = null
  #lastExit: ExitRecord | null = null
  /** In processes that are gone, and in threads. */
  #droppedBytes = 0
  #cancelTimer: (() => void) | null = null
  #goneWaiters: (() => void)[] = []

  constructor(worker: number, owner: ReplicaOwner, deps: ReplicaDeps) {
    this.worker = worker
    this.#owner = owner
    this.#deps = deps
    this.#limits = deps.settings.limits
    this.#flights = new Flights({ freed: () => owner.capacity(), unconfirmed: () => this.kill('timeout') }, deps.clock)
  }

  get state(): ReplicaState {
    return this.#state
  }

  get pid(): number | null {
    return this.#tenure?.handle.pid ?? null
  }

  /** It failed its canary, and is used only where no other is ready. */
  get isDoubted(): boolean {
    return this.#tenure?.suspicion.isDoubted === true
  }

  get inFlight(): number {
    return this.#flights.size
  }

  get units(): number {
    return this.#flights.units
  }

  get predictions(): number {
    return this.#predictions
  }

  get cause(): string | null {
    return this.#cause
  }

  get retryAt(): Date | null {
    return this.#retryAt
  }

  get rssLimitBytes(): number {
    return this.#limits.rssMb * 1024 * 1024
  }

  get readySeconds(): number | null {
    return this.#tenure?.readySeconds ?? null
  }

  /** Starts the first process, or one after a back-off. */
  start(): void {
    // First, so that whoever hears of the start can watch the process.
    this.#spawn()
    this.#move('start-due', this.#restarts === 0 ? 'start' : 'restart')
  }

  /** In rotation, with `spare` units beyond what its threads can run at once. */
  hasRoom(spare: number): boolean {
    const tenure = this.#tenure
    if (tenure === null || !this.isRoutable() || this.#flights.hasLoner) return false
    if (tenure.isClogged()) return false
    const ahead = spare > 0 && tenure.handle.isStalled() ? 0 : spare
    return this.#flights.units < tenure.threadsReady * this.#limits.concurrency + ahead
  }

  isRoutable(): boolean {
    const tenure = this.#tenure
    return this.#state === 'ready' && tenure !== null && !tenure.suspicion.isSilent && !tenure.isEnding && tenure.threadsReady > 0
  }

  run(items: PredictItem[], sinks: PredictionSink[], alone: boolean): void {
    this.#predictions += items.length
    this.#give(items, sinks, alone)
  }

  /** As `run`, for an example of our own: it counts as nobody's prediction. */
  probe(item: PredictItem, sink: PredictionSink): void {
    this.#give([item], [sink], false)
  }

  #give(items: PredictItem[], sinks: PredictionSink[], alone: boolean): void {
    this.#flights.add(items, sinks, alone)
    this.#handle?.send(alone ? { type: 'predict', items, alone } : { type: 'predict', items })
  }

  /** @returns False when the prediction is not here. */
  cancel(id: number, reason: 'CANCELLED' | 'DEADLINE_EXCEEDED'): boolean {
    if (!this.#flights.has(id)) return false
    this.#tenure?.cancelled(reason)
    this.#handle?.send({ type: 'cancel', id, reason })
    this.#flights.stop(id)
    return true
  }

  credit(id: number, events: number): boolean {
    if (!this.#flights.has(id)) return false
    this.#handle?.send({ type: 'credit', id, events })
    return true
  }

  /** Nothing more is dispatched here; `drain` follows. */
  leaveRotation(why: ExitReason): void {
    this.#tenure?.end(why)
  }

  /** Takes it out of rotation, waits for what runs, ends the process. Resolves when it is gone. Asked again, it waits no longer than the new bound. */
  async drain(why: ExitReason, withinMs: number): Promise<void> {
    const before = this.#state
    this.#cancelTimer?.()
    if (before === 'draining') this.#deps.clock.after(withinMs, () => this.#flights.hurry())
    if (before === 'draining' || before === 'stopped') return this.#gone()
    this.#tenure?.end(why)
    this.#move('drain-asked', why)
    if (before === 'starting') this.kill(why)
    if (this.#tenure === null) return
    if (before === 'ready') await this.#flights.idle(withinMs)
    this.#handle?.send({ type: 'stop' })
    // A worker with work left, or one that does not obey, is ended by force.
    if (this.#flights.size > 0) this.kill(why)
    else this.#deps.clock.after(STOP_MS, () => this.kill(why))
    return this.#gone()
  }

  /** Ends the process now; its exit moves the state. */
  kill(why: ExitReason): void {
    this.#tenure?.kill(why)
  }

  /** As `kill`, since the machine is short of memory: whatever runs here is not the cause. */
  giveUp(): void {
    this.#tenure?.giveUp()
  }

  /** A quarantined or waiting replica is started at once. */
  wake(): void {
    if (this.#state !== 'quarantined' && this.#state !== 'backoff') return
    this.#cancelTimer?.()
    this.#failures.forgive()
    this.start()
  }

  /** Judges the silence of the worker's main thread. `forgive` when our own loop was late and may not have listened. */
  judge(forgive: boolean): void {
    if (this.#tenure === null || this.#tenure.isKilled) return
    const silence = this.#tenure.suspicion.judge(this.#deps.clock.now(), forgive)
    if (silence === null) return
    this.#owner.changed(this, silence.verdict, silence.why)
    if (silence.verdict === 'hung') this.kill('hang')
  }

  /** It failed its canary: others are preferred from now on. */
  doubt(why: string): void {
    if (this.#tenure?.suspicion.doubt() === true) this.#owner.changed(this, 'suspect', why)
  }

  /** It passed its canary. */
  trust(why: string): void {
    if (this.#tenure?.suspicion.trust() === true) this.#owner.changed(this, 'trusted', why)
  }

  sampled(usage: Usage): void {
    if (this.#tenure !== null) this.#tenure.usage = usage
  }

  droppedBytes(): number {
    return this.#droppedBytes + (this.#handle?.droppedBytes() ?? 0)
  }

  snapshot(): ReplicaSnapshot {
    const tenure = this.#tenure
    return {
      worker: this.worker,
      pid: this.pid,
      state: this.#state,
      suspect: tenure?.isSuspect ?? false,
      rssBytes: tenure?.usage.rssBytes ?? 0,
      rssLimitBytes: this.rssLimitBytes,
      rssSlopeBytesPerMinute: tenure?.usage.rssSlopeBytesPerMinute ?? null,
      cpuRatio: tenure?.usage.cpuRatio ?? 0,
      inFlight: this.#flights.size,
      restarts: this.#restarts,
      startedAt: tenure?.startedAt.wall.toISOString() ?? null,
      readySeconds: this.readySeconds,
      lastExit: this.#lastExit,
    }
  }

  get #handle(): WorkerHandle | null {
    return this.#tenure?.handle ?? null
  }

  get #now(): Moment {
    return { ms: this.#deps.clock.now(), wall: this.#deps.wallClock() }
  }

  #spawn(): void {
    const { settings, spawn } = this.#deps
    const startedAt = this.#now
    this.#retryAt = null
    const handle: WorkerHandle = spawn(settings.model, this.worker, {
      // The last words of a process may arrive when the next one has taken its place.
      message: (message) => {
        if (this.#tenure?.handle === handle) this.#hear(message, this.#tenure)
      },
      exit: (exit) => {
        if (this.#tenure?.handle === handle) this.#exited(exit, this.#tenure)
      },
    })
    this.#tenure = new Tenure(handle, startedAt)
    handle.send({ type: 'load', settings: { ...settings, limits: this.#limits } })
    this.#boundSetup()
  }

  /** Loading and setting up share one bound; it starts anew when the author's own limit is known. */
  #boundSetup(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#deps.clock.after(this.#limits.setupMs, () => {
      this.#cause = `setup did not finish within ${this.#limits.setupMs} ms`
      this.kill('setup')
    })
  }

  #hear(message: FromWorker, tenure: Tenure): void {
    // A worker that we have ended may still have spoken before it died; what it held is given to another.
    if (tenure.isKilled) return
    // Threads speak for themselves, also where the process that looks after them stands still.
    if (isOfProcess(message) && tenure.suspicion.heard(this.#deps.clock.now())) this.#owner.changed(this, 'heard', 'the heartbeat is back')
    switch (message.type) {
      case 'heartbeat':
        // Nothing else may tell: what it had not read may have been taken back, so that no prediction of it ends any more.
        if (tenure.isUnclogged()) this.#owner.capacity()
        return
      case 'described':
        return this.#describedAs(message.spec)
      case 'ready':
        return this.#becameReady(tenure)
      case 'setup-failed':
        return this.#setupFailed(message.error)
      case 'threads':
        return this.#threads(tenure, message.ready, message.died)
      case 'thread-ended':
        return this.#threadEnded(tenure, message.exit)
      case 'log':
        return this.#owner.log(message, this.worker)
      case 'log-dropped':
        this.#droppedBytes += message.bytes
        return
      default:
        this.#flights.hear(message)
    }
  }

  #describedAs(spec: ModelSpec): void {
    const limits = this.#owner.described(this, spec)
    if (limits === null) return
    this.#limits = limits
    this.#boundSetup()
    this.#handle?.send({ type: 'setup', limits })
  }

  #becameReady(tenure: Tenure): void {
    this.#cancelTimer?.()
    tenure.ready(this.#limits.threads, this.#deps.clock.now())
    this.#cause = null
    if (nextState(this.#state, 'ready') === undefined) return
    this.#move('ready', `set up in ${Math.round((tenure.readySeconds ?? 0) * 1000)} ms`)
  }

  #setupFailed(error: WireError): void {
    this.#cause = headlineOf(error.cause ?? error.message)
    this.kill('setup')
  }

  #threads(tenure: Tenure, ready: number, died: ThreadDeath | undefined): void {
    tenure.threads(ready, died, this.#deps.clock.now())
    if (died !== undefined && this.#state === 'ready') {
      this.#owner.restarted(reasonOfDeath(died))
      this.#owner.changed(this, 'thread replaced', died)
    }
    this.#owner.capacity()
  }

  /** Of one that ends while its process starts, the failed start tells. */
  #threadEnded(tenure: Tenure, exit: ThreadExit): void {
    if (this.#state !== 'ready' && this.#state !== 'draining') return
    const record = tenure.recordOfThread(exit, this.worker, this.#now, this.#flights)
    this.#deps.clock.after(LAST_WORDS_MS, () => this.#owner.exited({ ...record, lastLines: lastWordsOf(exit, tenure.handle.lastLines()) }))
  }

  #exited(exit: WorkerExit, tenure: Tenure): void {
    const record = tenure.recordOf(exit, this.worker, this.#now, this.#state, this.#flights)
    this.#cancelTimer?.()
    this.#lastExit = record
    this.#droppedBytes += tenure.handle.droppedBytes()
    this.#tenure = null
    this.#owner.exited(record)
    this.#afterExit(record, this.#state === 'ready')
    this.#flights.loseAll(deathBy(record.reason), tenure.isBlameless(record.reason))
    this.#flights.hurry()
    for (const resolve of this.#goneWaiters.splice(0)) resolve()
  }

  #afterExit(record: ExitRecord, wasReady: boolean): void {
    const { reason } = record
    if (reason !== 'stop') this.#owner.restarted(reason)
    if (this.#state === 'draining') return this.#move('exited', reason)
    this.#restarts++
    if (reason !== 'setup' && wasReady) this.#cause = describeExit(record)
    else this.#cause ??= describeExit(record)
    this.#move('exited', this.#cause)
    this.#wait(reason, wasReady)
  }

  /** A forced stop of a thread that took the process along is ours: immediate, and counts for nothing. A crash and a failed start are judged by the policy. */
  #wait(reason: ExitReason, wasReady: boolean): void {
    const { clock, random, wallClock } = this.#deps
    const isOurs = wasReady && reason === 'timeout'
    const verdict = isOurs ? { action: 'restart' as const, waitMs: 0 } : this.#failures.add({ at: clock.now(), kind: wasReady ? 'crash' : 'start' }, random)
    this.#retryAt = new Date(wallClock().getTime() + verdict.waitMs)
    if (verdict.action === 'quarantine') this.#move('gave-up', this.#cause ?? reason)
    if (verdict.waitMs === 0) this.start()
    else this.#cancelTimer = clock.after(verdict.waitMs, () => this.start())
  }

  #gone(): Promise<void> {
    if (this.#tenure === null) return Promise.resolve()
    return new Promise((resolve) => this.#goneWaiters.push(resolve))
  }

  #move(event: ReplicaEvent, why: string): void {
    const next = nextState(this.#state, event)
    if (next === undefined) throw new Error(`a replica that is ${this.#state} can not take '${event}'`)
    this.#state = next
    this.#owner.changed(this, next, why)
  }
}

function isOfProcess({ type }: FromWorker): boolean {
  return type === 'heartbeat' || type === 'described' || type === 'ready'
}
