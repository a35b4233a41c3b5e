import type { Backend, BatchLimits, Clock, Need, Reservation } from '../workers/contract.ts'
import type { HostError } from '../workers/errors.ts'
import type { Pace } from './pace.ts'
import type { PredictionRun } from './prediction-run.ts'
import { Queue } from './queue.ts'

/** The places in a line are told to those who follow them at most this often. */
const TELL_POSITIONS_MS = 100

/** The model that the line belongs to. */
export interface LineOwner {
  readonly backend: Backend
  readonly pace: Pace
  readonly batch: BatchLimits | null
  readonly holdMs: number
  dispatched(run: PredictionRun): void
  batched(size: number): void
  /** Why a waiting one is refused when no worker came back. */
  notServing(): HostError
}

/**
 * The line of one model and what has left it to run. Moves predictions to the backend whenever there is room, in order, in batches
 * where the model takes them, and holds them while no worker is ready.
 */
export class Line {
  readonly #owner: LineOwner
  readonly #clock: Clock
  readonly #queue: Queue<PredictionRun>
  readonly #running = new Set<PredictionRun>()
  /** Since when no worker is ready; null while one is. */
  #unreadySince: number | null
  #holdTimer: (() => void) | null = null
  #tellTimer: (() => void) | null = null
  #batchTimer: (() => void) | null = null
  #lastBatch = 1

  constructor(owner: LineOwner, clock: Clock, limit: number) {
    this.#owner = owner
    this.#clock = clock
    this.#queue = new Queue(limit)
    this.#unreadySince = clock.now()
  }

  set limit(limit: number) {
    this.#queue.limit = limit
  }

  get limit(): number {
    return this.#queue.limit
  }

  get depth(): number {
    return this.#queue.depth
  }

  get isFull(): boolean {
    return this.#queue.isFull
  }

  /** How many run, or still stop running. */
  get running(): number {
    return this.#running.size
  }

  /** How many wait for a worker to come back. */
  get held(): number {
    return this.#unreadySince === null ? 0 : this.#queue.depth
  }

  /** Expected seconds until the entry at this place (from 1) is dispatched; null when nothing was measured yet. */
  waitSeconds(position: number): number | null {
    const { meanMs } = this.#owner.pace
    if (meanMs === null) return null
    const startSeconds = this.#unreadySince === null ? 0 : this.#owner.backend.readyInSeconds()
    const calls = Math.ceil(position / (this.#owner.batch?.maxSize ?? 1))
    return startSeconds + (calls * meanMs) / 1000 / this.#owner.backend.parallelism()
  }

  add(run: PredictionRun): void {
    this.#queue.add(run)
    this.#pump()
    if (run.running || run.ended) return
    if (this.#unreadySince !== null) this.#hold()
    else if (run.followed) run.prediction.queuedAt(this.#queue.depth, this.waitSeconds(this.#queue.depth))
  }

  /** One that was lost or given back: it goes before all others. What the end of its worker means for the rest is heard after this turn. */
  addReturned(run: PredictionRun): void {
    this.#queue.addReturned(run)
    this.#running.delete(run)
    this.#tellPositions()
  }

  /** @returns False when it did not wait. */
  leave(run: PredictionRun): boolean {
    if (!this.#queue.remove(run)) return false
    this.#tellPositions()
    return true
  }

  released(run: PredictionRun): void {
    if (!run.running) this.#running.delete(run)
  }

  /** Something changed at the backend, or in the line: dispatch what can be, hold or refuse what can't. */
  move(): void {
    const ready = this.#owner.backend.isReady()
    if (ready) this.#unreadySince = null
    else this.#unreadySince ??= this.#clock.now()
    this.#pump()
    if (!this.#owner.backend.isServing()) this.refuse(() => this.#owner.notServing())
    else if (!ready) this.#hold()
  }

  /** Refuses those that wait and for whom there is a reason; what runs goes on. */
  refuse(reason: (run: PredictionRun) => HostError | null): void {
    for (const run of [...this.#queue]) {
      const error = reason(run)
      if (error === null) continue
      this.#queue.remove(run)
      run.fail(error)
    }
  }

  #pump(): void {
    const { backend } = this.#owner
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
      const reservation = backend.reserve(this.#needOf(first))
      if (reservation === null || !this.#batchIsDue()) return
      this.#dispatch(this.#takeWith(first), reservation)
    }
  }

  /** Who follows it is told its place until it begins; a batch that can still grow waits here, where it can. */
  #needOf(first: PredictionRun): Need {
    const { batch } = this.#owner
    if (first.followed) return 'idle'
    if (batch === null) return this.#queue.depth > this.#owner.backend.parallelism() ? 'deep' : 'shared'
    return this.#queue.depth >= batch.maxSize ? 'full' : 'idle'
  }

  /** The first of the line, and those that go with it into one call. */
  #takeWith(first: PredictionRun): PredictionRun[] {
    const { batch } = this.#owner
    if (batch !== null) return this.#queue.takeShared(batch.maxSize)
    this.#queue.remove(first)
    return [first]
  }

  #dispatchAlone(run: PredictionRun): boolean {
    const reservation = this.#owner.backend.reserve('alone')
    if (reservation === null) return false
    this.#queue.remove(run)
    this.#dispatch([run], reservation)
    return true
  }

  #dispatch(runs: PredictionRun[], reservation: Reservation): void {
    for (const run of runs) {
      run.dispatch()
      this.#running.add(run)
      this.#owner.dispatched(run)
    }
    if (this.#owner.batch != null) {
      this.#lastBatch = runs.length
      this.#owner.batched(runs.length)
    }
    reservation.run(runs.map((run) => run.item), runs)
    if (this.#queue.depth > 0) this.#tellPositions()
  }

  /**
   * Asked when there is room. A batch goes at once, except when the last one was larger than what waits now: then company is on its way, most likely those who have
   * just been answered, and it is waited for, at most `maxWaitMs`. Counted from here: whoever waited for the room has had no company by that.
   */
  #batchIsDue(): boolean {
    const batch = this.#owner.batch
    if (batch == null || batch.maxWaitMs === 0) return true
    if (this.#queue.depth >= Math.min(this.#lastBatch, batch.maxSize)) {
      this.#batchTimer?.()
      this.#batchTimer = null
      return true
    }
    this.#batchTimer ??= this.#clock.after(batch.maxWaitMs, () => {
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
    const etaSeconds = this.#owner.backend.readyInSeconds()
    for (const run of this.#queue) if (run.followed && run.prediction.state !== 'held') run.prediction.heldFor(etaSeconds)
    this.#holdTimer?.()
    const first = this.#queue.first()
    if (first === undefined) return
    const heldSince = Math.max(first.arrivedAt, since)
    this.#holdTimer = this.#clock.after(Math.max(0, heldSince + this.#owner.holdMs - this.#clock.now()), () => this.#refuseHeld())
  }

  #refuseHeld(): void {
    const since = this.#unreadySince
    if (since === null) return
    for (const run of [...this.#queue]) {
      if (this.#clock.now() - Math.max(run.arrivedAt, since) < this.#owner.holdMs) break
      this.#queue.remove(run)
      run.fail(this.#owner.notServing())
    }
    this.#hold()
  }

  #tellPositions(): void {
    this.#tellTimer ??= this.#clock.after(TELL_POSITIONS_MS, () => {
      this.#tellTimer = null
      if (this.#unreadySince !== null) return
      let position = 0
      for (const run of this.#queue) {
        position++
        if (run.followed) run.prediction.queuedAt(position, this.waitSeconds(position))
      }
    })
  }
}
