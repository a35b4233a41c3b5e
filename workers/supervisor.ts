import type { BackendSnapshot, ExitRecord, FromWorker, Limits, MemoryRoom, ModelSpec, RestartReason } from './contract.ts'
import { ExitRecords } from './exit-record.ts'
import { MemoryWatch, type UsageSource } from './memory-watch.ts'
import { Replacements } from './replacements.ts'
import { Replica, type ReplicaDeps, type ReplicaOwner } from './replica.ts'
import { Rollout } from './rollout.ts'

/** How often the silence of the workers is judged. */
const JUDGE_MS = 250
/** Our own loop was late when a tick comes this much after its time; then silence proves nothing. */
const LATE_MS = 500

export interface SupervisorEvents {
  /** A worker announced its model, which is no more than that yet. @returns The effective limits, or null to leave it asleep. */
  described(spec: ModelSpec): Limits | null
  /** Callers are held to this spec from now on: a worker that serves it is in rotation, or none ever was. `limits` is null when it was left asleep. */
  inForce(spec: ModelSpec, limits: Limits | null): void
  changed(worker: number, what: string, why: string): void
  /** Something can be dispatched that could not be before, or the other way round. */
  capacity(): void
  exited(record: ExitRecord): void
  log(message: Extract<FromWorker, { type: 'log' }>, worker: number): void
}

export interface SupervisorDeps extends ReplicaDeps {
  drainMs: number
  usage: UsageSource
  memory: MemoryRoom
  /** Calls back when the model's files change; the returned function stops watching. */
  watchFiles(callback: () => void): () => void
}

const NO_RESTARTS: Record<RestartReason, number> = { crash: 0, oom: 0, rss: 0, hang: 0, timeout: 0, recycle: 0, setup: 0 }

/**
 * Keeps the wanted replicas of one model alive. Planned changes start the replacement first and retire the old one when it is ready;
 * only a crash leaves a gap.
 */
export class Supervisor implements ReplicaOwner {
  readonly #events: SupervisorEvents
  readonly #deps: SupervisorDeps
  /** By worker number; a replacement takes the lowest free one. */
  readonly #replicas = new Map<number, Replica>()
  readonly #replacements: Replacements
  readonly #rollout: Rollout
  readonly #memory: MemoryWatch
  readonly #restarts = { ...NO_RESTARTS }
  readonly #exits = new ExitRecords()
  #wanted: number
  #sleeping = false
  /** Why it sleeps, when it is not just idle. */
  #sleepsFor = ''
  #renewing = false
  #closing = false
  #droppedBytes = 0
  #stopJudging: (() => void) | null = null
  #stopWatchingFiles: (() => void) | null = null

  constructor(wanted: number, events: SupervisorEvents, deps: SupervisorDeps) {
    this.#wanted = wanted
    this.#events = events
    this.#deps = deps
    this.#replacements = new Replacements({
      add: () => (this.#isResting ? null : this.#add()),
      retire: (replica, why) => this.#retire(replica, why),
      failed: (replica, cause) => events.changed(replica.worker, 'replacement failed', cause),
    }, deps.clock)
    this.#rollout = new Rollout({
      replicas: () => this.#replicas.values(),
      surplus: () => this.#staying - this.#wanted,
      isResting: () => this.#isResting,
      replace: (old) => this.#replacements.replace(old, 'recycle'),
      retire: (old) => this.#retire(old, 'recycle'),
      inForce: (spec, limits) => this.#inForce(spec, limits),
      fill: () => this.#fill(),
      updated: (replica) => events.changed(replica.worker, 'updated', 'all workers run the version on disk'),
      wallClock: deps.wallClock,
    })
    this.#memory = new MemoryWatch({
      changed: (replica, what, why) => this.changed(replica, what, why),
      mayBeReplaced: (replica) => this.#replacements.mayReplace(replica),
      replace: (replica) => this.#renew(replica, 'rss'),
    }, deps.usage, deps.clock)
  }

  start(): void {
    if (this.#closing) return
    this.#sleeping = false
    this.#judgeLater(this.#deps.clock.now())
    this.#fill()
  }

  replicas(): Iterable<Replica> {
    return this.#replicas.values()
  }

  get sleeping(): boolean {
    return this.#sleeping
  }

  /** Ends all workers until `start` is called again. @param why Other than that it is idle. */
  async sleep(why = ''): Promise<void> {
    if (this.#sleeping) return
    this.#sleeping = true
    this.#sleepsFor = why
    await Promise.all([...this.#replicas.values()].map((replica) => this.#retire(replica, 'stop')))
  }

  /** Brings the workers to the version on disk, see `Rollout`. */
  restart(): Promise<void> {
    return this.#isResting ? Promise.resolve() : this.#rollout.restart()
  }

  /** Out of rotation, so that nothing new is dispatched; what runs is waited for, bounded by `drainMs`. Resolves when no process is left. */
  async close(drainMs: number): Promise<void> {
    this.#closing = true
    this.#stopWatchingFiles?.()
    await Promise.all([...this.#replicas.values()].map((replica) => this.#retire(replica, 'stop', drainMs)))
    this.#stopJudging?.()
  }

  /** A worker has run this many predictions; replaced when the model's budget is used up. */
  countPredictions(replica: Replica, maxRequests: number): void {
    if (maxRequests > 0 && replica.predictions >= maxRequests && this.#replacements.mayReplace(replica)) this.#renew(replica, 'recycle')
  }

  /** Replaces one that has gone bad. @returns False when it is being replaced already, or that was tried in vain a moment ago. */
  recycle(replica: Replica, why: string): boolean {
    if (this.#closing || this.#sleeping || !this.#replacements.mayReplace(replica)) return false
    this.changed(replica, 'being replaced', why)
    this.#renew(replica, 'recycle')
    return true
  }

  snapshot(): BackendSnapshot {
    const replicas = [...this.#replicas.values()].sort((a, b) => a.worker - b.worker)
    const broken = replicas.find((replica) => replica.cause !== null && replica.state !== 'ready')
    const serving = this.#sleeping || replicas.some((replica) => replica.state === 'ready')
    return {
      replicas: replicas.map((replica) => replica.snapshot()),
      cause: this.#sleeping ? (this.#sleepsFor === '' ? 'sleeping' : `sleeping: ${this.#sleepsFor}`) : serving ? null : (broken?.cause ?? null),
      quarantined: !this.#sleeping && replicas.length > 0 && replicas.every((replica) => replica.state === 'quarantined'),
      sleeping: this.#sleeping,
      retryAt: serving ? null : (broken?.retryAt?.toISOString() ?? null),
      update: this.#rollout.update,
      restarts: { ...this.#restarts },
      exits: this.#exits.list(),
      logDroppedBytes: this.#droppedBytes + replicas.reduce((sum, replica) => sum + replica.droppedBytes(), 0),
    }
  }

  described(replica: Replica, spec: ModelSpec): Limits | null {
    const limits = this.#events.described(spec)
    this.#rollout.described(replica, spec, limits)
    if (limits === null) void this.sleep()
    return limits
  }

  changed(replica: Replica, what: string, why: string): void {
    this.#memory.follow(replica)
    if (replica.state === 'stopped') {
      this.#replicas.delete(replica.worker)
      this.#droppedBytes += replica.droppedBytes()
    }
    // First of all, so that nothing is dispatched by a spec that has just gone out of force.
    this.#rollout.changed(replica, what)
    this.#replacements.changed(replica)
    this.#watchFilesWhileQuarantined()
    this.#events.changed(replica.worker, what, why)
    this.#events.capacity()
  }

  capacity(): void {
    this.#events.capacity()
  }

  restarted(reason: RestartReason): void {
    this.#restarts[reason]++
  }

  exited(record: ExitRecord): void {
    this.#exits.add(record)
    this.#events.exited(record)
  }

  log(message: Extract<FromWorker, { type: 'log' }>, worker: number): void {
    this.#events.log(message, worker)
  }

  get #isResting(): boolean {
    return this.#sleeping || this.#closing
  }

  /** Without those that drain, who have left already, and with each replacement counted for the one whose place it takes. */
  get #staying(): number {
    return [...this.#replicas.values()].filter((replica) => replica.state !== 'draining').length - this.#replacements.size
  }

  #inForce(spec: ModelSpec, limits: Limits | null): void {
    this.#events.inForce(spec, limits)
    if (limits === null) return
    this.#wanted = limits.replicas
    this.#fill()
  }

  /** Starts what is missing: a model that is woken while it falls asleep gets new workers at once. */
  #fill(): void {
    if (this.#isResting) return
    for (let missing = this.#wanted - this.#staying; missing > 0; missing--) this.#add().start()
  }

  /**
   * A replacement for a reason of our own. Where the memory of the machine is short there is no room for two, and the old one goes first, one at a
   * time: those who come meanwhile are held. An operator's replacement, which may not start, always comes first.
   */
  #renew(replica: Replica, why: RestartReason): void {
    if (!this.#deps.memory.isShort()) {
      void this.#replacements.replace(replica, why)
    } else if (!this.#renewing) {
      this.#renewing = true
      void this.#retire(replica, why).then(() => {
        this.#renewing = false
        this.#fill()
      })
    }
  }

  #add(): Replica {
    let worker = 0
    while (this.#replicas.has(worker)) worker++
    const replica = new Replica(worker, this, this.#deps)
    this.#replicas.set(worker, replica)
    return replica
  }

  async #retire(replica: Replica, why: RestartReason | 'stop', drainMs = this.#deps.drainMs): Promise<void> {
    this.#replacements.release(replica)
    await replica.drain(why, drainMs)
  }

  /** While a model is broken, a change of its files is worth a try at once. */
  #watchFilesWhileQuarantined(): void {
    const quarantined = [...this.#replicas.values()].some((replica) => replica.state === 'quarantined')
    if (quarantined && this.#stopWatchingFiles === null && !this.#closing) {
      this.#stopWatchingFiles = this.#deps.watchFiles(() => {
        for (const replica of this.#replicas.values()) if (replica.state === 'quarantined') replica.wake()
      })
    } else if (!quarantined) {
      this.#stopWatchingFiles?.()
      this.#stopWatchingFiles = null
    }
  }

  #judgeLater(before: number): void {
    this.#stopJudging?.()
    this.#stopJudging = this.#deps.clock.after(JUDGE_MS, () => {
      const now = this.#deps.clock.now()
      const late = now - before > JUDGE_MS + LATE_MS
      for (const replica of this.#replicas.values()) replica.judge(late)
      this.#judgeLater(now)
    })
  }
}
