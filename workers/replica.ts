import type {
  Clock, ExitRecord, FromWorker, Limits, Loss, ModelSpec, PredictItem, PredictionSink, ReplicaSnapshot, ReplicaState, RestartReason, SpawnWorker, ThreadDeath,
  WorkerExit, WorkerHandle, WorkerSettings,
} from './contract.ts'
import { headlineOf, type WireError } from './errors.ts'
import { causeOf, describeExit, type ExitReason, isFullHeap } from './exit-record.ts'
import { Flights } from './flights.ts'
import { nextState, type ReplicaEvent } from './lifecycle.ts'
import { type Failure, nextRestart } from './restart-policy.ts'
import { Suspicion } from './suspicion.ts'

/** An exit this soon after a forced stop of a thread is that stop's doing: native code aborts the process. */
const FORCED_EXIT_MS = 2_000
/** From `stop` to SIGKILL. */
const STOP_MS = 2_000
/** What a worker that does not read may have waiting; above it nothing more is sent there. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024

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
  readonly #failures: Failure[] = []
  #state: ReplicaState = 'backoff'
  #handle: WorkerHandle | null = null
  #limits: Limits
  #threadsReady = 0
  #suspicion = new Suspicion()
  #startedAt = 0
  #startedWall: Date | null = null
  #readyAt = 0
  #predictions = 0
  #rssBytes = 0
  #rssSlopeBytesPerMinute: number | null = null
  #cpuRatio = 0
  #restarts = 0
  #forcedAt = -Infinity
  #wasCancelled = false
  /** Why it is being ended: asked to, or by force. */
  #ending: ExitReason | null = null
  #killed = false
  /** Ended for the sake of others, so that nothing that ran here is to blame. */
  #givenUp = false
  #cause: string | null = null
  #retryAt: Date | null = null
  #lastExit: ExitRecord | null = null
  #droppedBytesBefore = 0
  #droppedInThreads = 0
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
    return this.#handle?.pid ?? null
  }

  /** It failed its canary, and is used only where no other is ready. */
  get isDoubted(): boolean {
    return this.#suspicion.isDoubted
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
    return this.#readyAt > this.#startedAt ? (this.#readyAt - this.#startedAt) / 1000 : null
  }

  /** Starts the first process, or one after a back-off. */
  start(): void {
    // First, so that whoever hears of the start can watch the process.
    this.#spawn()
    this.#move('start-due', this.#restarts === 0 ? 'start' : 'restart')
  }

  /** In rotation, with `spare` units beyond what its threads can run at once. */
  hasRoom(spare: number): boolean {
    if (!this.isRoutable() || this.#flights.hasLoner) return false
    if ((this.#handle?.unsentBytes() ?? 0) > MAX_UNSENT_BYTES) return false
    return this.#flights.units < this.#threadsReady * this.#limits.concurrency + spare
  }

  isRoutable(): boolean {
    return this.#state === 'ready' && !this.#suspicion.isSilent && this.#ending === null && this.#threadsReady > 0
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
    this.#wasCancelled = reason === 'CANCELLED'
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
    this.#ending ??= why
  }

  /** Takes it out of rotation, waits for what runs, ends the process. Resolves when it is gone. Asked again, it waits no longer than the new bound. */
  async drain(why: ExitReason, withinMs: number): Promise<void> {
    const before = this.#state
    this.#cancelTimer?.()
    if (before === 'draining') this.#deps.clock.after(withinMs, () => this.#flights.hurry())
    if (before === 'draining' || before === 'stopped') return this.#gone()
    this.#ending ??= why
    this.#move('drain-asked', why)
    if (before === 'starting') this.kill(why)
    if (this.#handle === null) return
    if (before === 'ready') await this.#flights.idle(withinMs)
    this.#handle?.send({ type: 'stop' })
    // A worker with work left, or one that does not obey, is ended by force.
    if (this.#flights.size > 0) this.kill(why)
    else this.#deps.clock.after(STOP_MS, () => this.kill(why))
    return this.#gone()
  }

  /** Ends the process now; its exit moves the state. */
  kill(why: ExitReason): void {
    this.#ending ??= why
    this.#killed = true
    this.#handle?.kill()
  }

  /** As `kill`, since the machine is short of memory: whatever runs here is not the cause. */
  giveUp(): void {
    this.#givenUp = true
    this.kill('rss')
  }

  /** A quarantined or waiting replica is started at once. */
  wake(): void {
    if (this.#state !== 'quarantined' && this.#state !== 'backoff') return
    this.#cancelTimer?.()
    this.#failures.length = 0
    this.start()
  }

  /** Judges the silence of the worker's main thread. `forgive` when our own loop was late and may not have listened. */
  judge(forgive: boolean): void {
    if (this.#handle === null || this.#killed) return
    const silence = this.#suspicion.judge(this.#deps.clock.now(), forgive)
    if (silence === null) return
    this.#owner.changed(this, silence.verdict, silence.why)
    if (silence.verdict === 'hung') this.kill('hang')
  }

  /** It failed its canary: others are preferred from now on. */
  doubt(why: string): void {
    if (this.#suspicion.doubt()) this.#owner.changed(this, 'suspect', why)
  }

  /** It passed its canary. */
  trust(why: string): void {
    if (this.#suspicion.trust()) this.#owner.changed(this, 'trusted', why)
  }

  usage(rssBytes: number, cpuRatio: number, rssSlopeBytesPerMinute: number | null): void {
    this.#rssBytes = rssBytes
    this.#rssSlopeBytesPerMinute = rssSlopeBytesPerMinute
    this.#cpuRatio = cpuRatio
  }

  droppedBytes(): number {
    return this.#droppedBytesBefore + this.#droppedInThreads + (this.#handle?.droppedBytes() ?? 0)
  }

  snapshot(): ReplicaSnapshot {
    const { worker } = this
    return {
      worker,
      pid: this.pid,
      state: this.#state,
      suspect: this.#suspicion.isSilent || this.#suspicion.isDoubted,
      rssBytes: this.#handle === null ? 0 : this.#rssBytes,
      rssLimitBytes: this.rssLimitBytes,
      rssSlopeBytesPerMinute: this.#handle === null ? null : this.#rssSlopeBytesPerMinute,
      cpuRatio: this.#handle === null ? 0 : this.#cpuRatio,
      inFlight: this.#flights.size,
      restarts: this.#restarts,
      startedAt: this.#handle === null ? null : (this.#startedWall?.toISOString() ?? null),
      readySeconds: this.readySeconds,
      lastExit: this.#lastExit,
    }
  }

  #spawn(): void {
    const { clock, settings, spawn, wallClock } = this.#deps
    this.#startedAt = clock.now()
    this.#startedWall = wallClock()
    this.#retryAt = null
    this.#suspicion = new Suspicion()
    this.#threadsReady = 0
    this.#rssBytes = 0
    this.#rssSlopeBytesPerMinute = null
    this.#ending = null
    this.#killed = false
    this.#givenUp = false
    const handle: WorkerHandle = spawn(settings.model, this.worker, {
      // The last words of a process may arrive when the next one has taken its place.
      message: (message) => {
        if (this.#handle === handle) this.#hear(message)
      },
      exit: (exit) => this.#exited(exit),
    })
    this.#handle = handle
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

  #hear(message: FromWorker): void {
    // A worker that we have ended may still have spoken before it died; what it held is given to another.
    if (this.#killed) return
    if (this.#suspicion.heard(this.#deps.clock.now())) this.#owner.changed(this, 'heard', 'the heartbeat is back')
    switch (message.type) {
      case 'heartbeat':
        return
      case 'described':
        return this.#describedAs(message.spec)
      case 'ready':
        return this.#becameReady()
      case 'setup-failed':
        return this.#setupFailed(message.error)
      case 'threads':
        return this.#threads(message.ready, message.died)
      case 'log':
        return this.#owner.log(message, this.worker)
      case 'log-dropped':
        this.#droppedInThreads += message.bytes
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

  #becameReady(): void {
    this.#cancelTimer?.()
    this.#readyAt = this.#deps.clock.now()
    this.#threadsReady = this.#limits.threads
    this.#cause = null
    if (nextState(this.#state, 'ready') === undefined) return
    this.#move('ready', `set up in ${Math.round(this.#readyAt - this.#startedAt)} ms`)
  }

  #setupFailed(error: WireError): void {
    this.#cause = headlineOf(error.cause ?? error.message)
    this.kill('setup')
  }

  #threads(ready: number, died: ThreadDeath | undefined): void {
    this.#threadsReady = ready
    if (died === 'timeout' || died === 'cancel') this.#forcedAt = this.#deps.clock.now()
    if (died === 'timeout') this.#wasCancelled = false
    if (died !== undefined && this.#state === 'ready') {
      const reason: RestartReason = died === 'cancel' ? 'timeout' : died
      this.#owner.restarted(reason)
      this.#owner.changed(this, 'thread replaced', died)
    }
    this.#owner.capacity()
  }

  #exited(exit: WorkerExit): void {
    const reason = this.#ending ?? this.#reasonOf(exit)
    const record = this.#recordOf(exit, reason)
    // Asked now: the next process may be there before the flights are told.
    const isBlameless = this.#isBlameless(reason)
    this.#cancelTimer?.()
    this.#lastExit = record
    this.#droppedBytesBefore += this.#handle?.droppedBytes() ?? 0
    this.#handle = null
    this.#owner.exited(record)
    this.#afterExit(record, this.#state === 'ready')
    this.#flights.loseAll(deathBy(reason), isBlameless)
    this.#flights.hurry()
    for (const resolve of this.#goneWaiters.splice(0)) resolve()
  }

  #recordOf(exit: WorkerExit, reason: ExitReason): ExitRecord {
    const lastLines = this.#handle?.lastLines() ?? []
    const wasPoison = !this.#isBlameless(reason) && this.#flights.hasBegunLoner
    const cause = causeOf({ exit, reason, killed: this.#killed, lastLines, wasCancelled: this.#wasCancelled, wasPoison, wasDoubted: this.#suspicion.isDoubted })
    return {
      worker: this.worker, pid: this.pid ?? 0, reason, cause, planned: this.#state === 'draining', signal: exit.signal, code: exit.code,
      at: this.#deps.wallClock().toISOString(), uptimeSeconds: (this.#deps.clock.now() - this.#startedAt) / 1000, rssBytes: this.#rssBytes, lastLines,
    }
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
    const now = this.#deps.clock.now()
    const ours = wasReady && reason === 'timeout'
    if (!ours) this.#failures.push({ at: now, kind: wasReady ? 'crash' : 'start' })
    if (this.#failures.length > 20) this.#failures.shift()
    const verdict = ours ? { action: 'restart' as const, waitMs: 0 } : nextRestart(this.#failures, now, this.#deps.random)
    this.#retryAt = new Date(this.#deps.wallClock().getTime() + verdict.waitMs)
    if (verdict.action === 'quarantine') this.#move('gave-up', this.#cause ?? reason)
    if (verdict.waitMs === 0) this.start()
    else this.#cancelTimer = this.#deps.clock.after(verdict.waitMs, () => this.start())
  }

  /** We ended it, so that nothing that ran there was the cause. */
  #isBlameless(reason: ExitReason): boolean {
    return this.#givenUp || isOurs(reason)
  }

  #reasonOf(exit: WorkerExit): RestartReason {
    if (this.#deps.clock.now() - this.#forcedAt < FORCED_EXIT_MS || this.#flights.awaitsStop) return 'timeout'
    if (this.#state === 'starting') return 'setup'
    return exit.outOfMemory === true || isFullHeap(exit, this.#handle?.lastLines() ?? []) ? 'oom' : 'crash'
  }

  #gone(): Promise<void> {
    if (this.#handle === null) return Promise.resolve()
    return new Promise((resolve) => this.#goneWaiters.push(resolve))
  }

  #move(event: ReplicaEvent, why: string): void {
    const next = nextState(this.#state, event)
    if (next === undefined) throw new Error(`a replica that is ${this.#state} can not take '${event}'`)
    this.#state = next
    this.#owner.changed(this, next, why)
  }
}

/** An end that we wanted blames nothing that ran there. */
function isOurs(reason: ExitReason): boolean {
  return reason === 'timeout' || reason === 'recycle' || reason === 'stop'
}

function deathBy(reason: ExitReason): Loss['death'] {
  return reason === 'recycle' || reason === 'setup' ? 'stop' : reason
}
