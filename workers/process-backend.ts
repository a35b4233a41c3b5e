import { dirname } from 'node:path'
import type { Backend, BackendSnapshot, ExitRecord, FromWorker, Limits, MemoryRoom, ModelSpec, Need, PredictItem, PredictionSink, Reservation } from './contract.ts'
import { Canary, type CanaryReport, NO_EXAMPLE } from './canary.ts'
import { FolderWatch } from './folder-watch.ts'
import type { Replica, ReplicaDeps } from './replica.ts'
import type { UsageSource } from './memory-watch.ts'
import { Supervisor } from './supervisor.ts'

/** A worker is kept busy by giving it the next predictions before the last has come back, as long as together they take less than this. */
const PREFETCH_MS = 8
const MOST_PREFETCHED = 64
/** A full batch, or the next of a long line, is given out behind what takes no longer than this; what waits longer would be withdrawn again. */
const QUICK_MS = 40
/** A start that was never measured is expected to take this long. */
const UNKNOWN_START_SECONDS = 2

export interface ProcessBackendEvents {
  described(spec: ModelSpec): Limits | null
  inForce(spec: ModelSpec): void
  changed(worker: number, what: string, why: string): void
  capacity(): void
  /** A worker's process has ended, wanted or not. */
  exited(record: ExitRecord): void
  log(message: Extract<FromWorker, { type: 'log' }>, worker: number): void
}

export interface ProcessBackendDeps extends ReplicaDeps {
  drainMs: number
  usage: UsageSource
  memory: MemoryRoom
  /** Someone else looks after the model's files and calls `restart` when they change; else they are watched here, while the model is broken. */
  filesAreWatched: boolean
  /** Mean time of one unit of work in ms, or null when none has run. */
  meanRunMs(): number | null
}

/** Runs predictions in supervised worker processes. */
export class ProcessBackend implements Backend {
  readonly #supervisor: Supervisor
  readonly #canary: Canary
  readonly #deps: ProcessBackendDeps
  readonly #events: ProcessBackendEvents
  #limits: Limits
  #startSeconds: number | null = null
  #startingSince: number

  constructor(events: ProcessBackendEvents, deps: ProcessBackendDeps) {
    this.#deps = deps
    this.#events = events
    this.#limits = deps.settings.limits
    this.#startingSince = deps.clock.now()
    this.#supervisor = new Supervisor(1, {
      described: (spec) => events.described(spec),
      inForce: (spec, limits) => this.#inForce(spec, limits),
      changed: (worker, what, why) => this.#changed(worker, what, why),
      capacity: () => this.#capacity(),
      exited: (record) => events.exited(record),
      log: (message, worker) => events.log(message, worker),
    }, { ...deps, watchFiles: (callback) => this.#watchFiles(callback) })
    this.#canary = new Canary({
      replicas: () => this.#supervisor.replicas(),
      spareUnits: () => Math.max(this.#spareUnits('shared'), this.#spareUnits('full')),
      recycle: (replica, why) => this.#supervisor.recycle(replica, why),
    }, deps.settings.limits, deps)
  }

  start(): void {
    this.#startingSince = this.#deps.clock.now()
    this.#supervisor.start()
  }

  reserve(need: Need): Reservation | null {
    const replica = need === 'alone' ? this.#emptyReplica() : this.#leastBusy(need)
    if (replica === null) return null
    return {
      worker: replica.worker,
      run: (items, sinks) => this.#run(replica, items, sinks, need === 'alone'),
    }
  }

  cancel(id: number, reason: 'CANCELLED' | 'DEADLINE_EXCEEDED'): void {
    for (const replica of this.#supervisor.replicas()) if (replica.cancel(id, reason)) return
  }

  credit(id: number, events: number): void {
    for (const replica of this.#supervisor.replicas()) if (replica.credit(id, events)) return
  }

  isServing(): boolean {
    if (this.#supervisor.sleeping) return true
    for (const replica of this.#supervisor.replicas()) if (replica.state !== 'quarantined' && replica.state !== 'stopped') return true
    return false
  }

  isReady(): boolean {
    for (const replica of this.#supervisor.replicas()) if (replica.isRoutable()) return true
    return false
  }

  parallelism(): number {
    return this.#limits.replicas * this.#limits.threads * this.#limits.concurrency
  }

  readyInSeconds(): number {
    if (this.isReady()) return 0
    const expected = this.#startSeconds ?? UNKNOWN_START_SECONDS
    let soonest = Infinity
    const wallNow = this.#deps.wallClock().getTime()
    for (const replica of this.#supervisor.replicas()) {
      const waitSeconds = Math.max(0, ((replica.retryAt?.getTime() ?? wallNow) - wallNow) / 1000)
      const since = replica.state === 'starting' ? (this.#deps.clock.now() - this.#startingSince) / 1000 : 0
      soonest = Math.min(soonest, waitSeconds + Math.max(0.1, expected - since))
    }
    return soonest === Infinity ? expected : soonest
  }

  wake(): void {
    if (!this.#supervisor.sleeping) return
    this.#deps.memory.waking()
    this.start()
  }

  /** Ends the workers of an idle model; `wake` brings them back. */
  sleep(): void {
    void this.#supervisor.sleep()
  }

  /** Sleeps for the sake of the machine's memory; that is the cause in the snapshot until it is woken. */
  giveWay(why: string): void {
    for (const replica of this.#supervisor.replicas()) this.#events.changed(replica.worker, 'gives way', why)
    void this.#supervisor.sleep(why)
  }

  /** Ends a worker for the sake of the machine's memory. What runs there is run again, and blamed for nothing. */
  endWorker(worker: number, why: string): void {
    for (const replica of this.#supervisor.replicas()) {
      if (replica.worker !== worker) continue
      this.#events.changed(worker, 'ended for its memory', why)
      replica.giveUp()
    }
  }

  restart(why: string): Promise<void> {
    for (const replica of this.#supervisor.replicas()) this.#events.changed(replica.worker, 'restart', why)
    return this.#supervisor.restart()
  }

  /** Runs the first example on every ready worker now, past the queue; whether or not the model wants canaries. */
  runCanaries(): Promise<CanaryReport> {
    return this.#canary.checkAll()
  }

  snapshot(): BackendSnapshot {
    return this.#supervisor.snapshot()
  }

  close(drainMs: number): Promise<void> {
    this.#canary.close()
    return this.#supervisor.close(drainMs)
  }

  #run(replica: Replica, items: PredictItem[], sinks: PredictionSink[], alone: boolean): void {
    replica.run(items, this.#canary.watching(replica, sinks), alone)
    this.#supervisor.countPredictions(replica, this.#limits.maxRequests)
  }

  #inForce(spec: ModelSpec, limits: Limits | null): void {
    this.#events.inForce(spec)
    if (limits === null) return
    this.#limits = limits
    if (!this.#canary.use(spec, limits)) this.#events.changed(0, 'no canary', NO_EXAMPLE)
  }

  #watchFiles(callback: () => void): () => void {
    if (this.#deps.filesAreWatched) return () => {}
    const watch = new FolderWatch(dirname(this.#deps.settings.modelFile), { changed: callback })
    return () => watch.close()
  }

  #changed(worker: number, what: string, why: string): void {
    if (what === 'starting') this.#startingSince = this.#deps.clock.now()
    for (const replica of this.#supervisor.replicas()) {
      if (what === 'ready' && replica.worker === worker) this.#startSeconds = replica.readySeconds ?? this.#startSeconds
    }
    this.#events.changed(worker, what, why)
  }

  #capacity(): void {
    this.#canary.capacity()
    this.#events.capacity()
  }

  /** One that failed its canary is no choice while another is in rotation; alone, it is better than none. */
  #isAvoided(replica: Replica): boolean {
    if (!replica.isDoubted) return false
    for (const other of this.#supervisor.replicas()) if (other.isRoutable() && !other.isDoubted) return true
    return false
  }

  #leastBusy(need: Need): Replica | null {
    const spare = this.#spareUnits(need)
    // The least busy one is being emptied for a prediction that must run alone.
    const spared = need === 'beside' ? this.#emptiest() : null
    let best: Replica | null = null
    for (const replica of this.#supervisor.replicas()) {
      if (replica === spared || !replica.hasRoom(spare) || this.#isAvoided(replica)) continue
      if (best === null || replica.units < best.units) best = replica
    }
    return best
  }

  #emptyReplica(): Replica | null {
    const replica = this.#emptiest()
    return replica !== null && replica.inFlight === 0 && replica.hasRoom(0) ? replica : null
  }

  #emptiest(): Replica | null {
    let best: Replica | null = null
    for (const replica of this.#supervisor.replicas()) {
      if (replica.isRoutable() && (best === null || replica.inFlight < best.inFlight) && !this.#isAvoided(replica)) best = replica
    }
    return best
  }

  #spareUnits(need: Need): number {
    const meanMs = need === 'shared' || need === 'deep' || need === 'full' ? this.#deps.meanRunMs() : null
    if (meanMs === null) return 0
    const oneEach = meanMs <= QUICK_MS ? this.#limits.threads : 0
    if (need === 'full') return oneEach
    const together = Math.min(MOST_PREFETCHED, Math.floor(PREFETCH_MS / Math.max(meanMs, 0.05)))
    return need === 'deep' ? Math.max(together, oneEach) : together
  }
}
