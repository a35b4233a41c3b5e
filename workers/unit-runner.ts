import type { FromWorker, Limits, PredictItem, ThreadDeath } from './contract.ts'
import type { WireError } from './errors.ts'
import type { FromThread, ThreadEnd } from './thread-contract.ts'
import { type Bundle, type PoolThread, ThreadPool, type ThreadPoolSettings, type Unit } from './thread-pool.ts'

/** How long an author's code may take to obey its `AbortSignal` before its thread is terminated. */
export const CANCEL_GRACE_MS = 300
/** What waits behind something that made no progress for so long goes back to the front: any worker may have it. */
const STALLED_MS = 50
/** Units that a thread gets in one task at most, so that short ones share the cost of a hop. */
const MOST_IN_BUNDLE = 16

const DEADLINE: WireError = { code: 'DEADLINE_EXCEEDED', message: 'The prediction took longer than its time limit.' }
const OUT_OF_MEMORY: WireError = { code: 'OUT_OF_MEMORY', message: 'The model ran out of memory on this input.' }
const CANCELLED: WireError = { code: 'CANCELLED', message: 'The prediction was cancelled.' }

/** One item under way, from its arrival here to its end. */
interface Flight {
  readonly item: PredictItem
  readonly unit: Unit
  /** The front has had its answer already and waits only for `stopped`. */
  answered: boolean
  cancelled: boolean
}

/**
 * The work of one worker process: takes predictions from the front, gives them to threads, bounds their time,
 * and says of each what became of it.
 */
export class UnitRunner {
  readonly #pool: ThreadPool
  #limits: Limits
  readonly #send: (message: FromWorker) => void
  readonly #flights = new Map<number, Flight>()
  readonly #waiting: Unit[] = []
  readonly #deadlines = new Map<Unit, NodeJS.Timeout>()
  #stallTimer: NodeJS.Timeout | null = null
  #ended = 0
  #seenEnded = 0

  constructor(settings: ThreadPoolSettings, send: (message: FromWorker) => void) {
    this.#limits = settings.limits
    this.#send = send
    this.#pool = new ThreadPool(settings, {
      said: (message) => this.#hear(message),
      free: () => this.#startWaiting(),
      lost: (unit, death, thread) => this.#lost(unit, death, thread),
      unbegun: (unit) => this.#return(unit),
      threadsReady: (ready, died) => {
        this.#send(died === undefined ? { type: 'threads', ready } : { type: 'threads', ready, died })
        if (died !== undefined) this.#returnWaiting()
        this.#startWaiting()
      },
      setupFailed: (error) => this.#send({ type: 'setup-failed', error }),
    })
  }

  /** The effective limits, once the author's are known. Heap and threads can't change here: they made the pool. */
  useLimits(limits: Limits): void {
    this.#limits = limits
    this.#pool.useLimits(limits)
  }

  get pool(): ThreadPool {
    return this.#pool
  }

  predict(items: PredictItem[]): void {
    const unit: Unit = { items, bundle: null }
    for (const item of items) this.#flights.set(item.id, { item, unit, answered: false, cancelled: false })
    this.#waiting.push(unit)
    this.#startWaiting()
  }

  cancel(id: number, reason: 'CANCELLED' | 'DEADLINE_EXCEEDED'): void {
    const flight = this.#flights.get(id)
    if (flight === undefined || flight.cancelled) return
    flight.cancelled = true
    const { unit } = flight
    if (unit.bundle === null) return this.#cancelWaiting(flight, reason)
    const flights = this.#flightsOf(unit)
    const nobodyWaits = flights.every((other) => other.cancelled)
    if (nobodyWaits && this.#pool.takeBack(unit)) return flights.forEach((other) => this.#cancelUnbegun(other, reason))
    this.#pool.tell(unit, { type: 'cancel', id, reason })
    if (nobodyWaits) this.#terminateAfterGrace(unit, 'cancel')
  }

  credit(id: number, events: number): void {
    const flight = this.#flights.get(id)
    if (flight !== undefined) this.#pool.tell(flight.unit, { type: 'credit', id, events })
  }

  #cancelWaiting(flight: Flight, reason: 'CANCELLED' | 'DEADLINE_EXCEEDED'): void {
    const { unit, item } = flight
    unit.items.splice(unit.items.indexOf(item), 1)
    if (unit.items.length === 0) this.#waiting.splice(this.#waiting.indexOf(unit), 1)
    this.#cancelUnbegun(flight, reason)
  }

  #cancelUnbegun({ item }: Flight, reason: 'CANCELLED' | 'DEADLINE_EXCEEDED'): void {
    this.#flights.delete(item.id)
    this.#send({ type: 'failed', id: item.id, error: reason === 'CANCELLED' ? CANCELLED : DEADLINE, runMs: 0 })
  }

  /** Shares what waits among the threads that are free. The first of a bundle is taken to begin at once, each next when the one before has ended. */
  #startWaiting(): void {
    for (let thread = this.#pool.next(); thread !== null && this.#waiting.length > 0; thread = this.#pool.next()) {
      const units = this.#waiting.splice(0, Math.min(MOST_IN_BUNDLE, Math.ceil(this.#waiting.length / this.#pool.freeLanes())))
      this.#pool.run(thread, units)
      this.#begins(units[0])
    }
    if (this.#waiting.length > 0) this.#watchStalls()
  }

  #begins(unit: Unit | undefined): void {
    if (unit === undefined || unit.bundle === null) return
    this.#deadlines.set(unit, setTimeout(() => this.#deadlinePassed(unit), this.#limits.timeoutMs))
    if (unit.bundle.units.length > unit.bundle.ended + 1) this.#watchStalls()
  }

  #watchStalls(): void {
    this.#stallTimer ??= setTimeout(() => {
      this.#stallTimer = null
      if (this.#ended === this.#seenEnded) this.#returnWaiting()
      this.#seenEnded = this.#ended
      for (const bundle of this.#pool.bundles()) {
        if (bundle.ended === bundle.seenEnded) this.#returnUnbegun(bundle)
        bundle.seenEnded = bundle.ended
        if (bundle.units.length > bundle.ended + 1) this.#watchStalls()
      }
      if (this.#waiting.length > 0) this.#watchStalls()
    }, STALLED_MS)
  }

  #returnWaiting(): void {
    for (const unit of this.#waiting.splice(0)) this.#return(unit)
  }

  #returnUnbegun(bundle: Bundle): void {
    for (const unit of bundle.units.slice(bundle.ended + 1)) if (this.#pool.takeBack(unit)) this.#return(unit)
  }

  #return(unit: Unit): void {
    for (const { item } of this.#flightsOf(unit)) {
      this.#flights.delete(item.id)
      this.#send({ type: 'returned', id: item.id })
    }
  }

  #deadlinePassed(unit: Unit): void {
    for (const flight of this.#flightsOf(unit)) {
      this.#pool.tell(unit, { type: 'cancel', id: flight.item.id, reason: 'DEADLINE_EXCEEDED' })
      if (flight.answered) continue
      flight.answered = true
      this.#send({ type: 'failed', id: flight.item.id, error: DEADLINE, runMs: this.#limits.timeoutMs, stopping: true })
    }
    this.#terminateAfterGrace(unit, 'timeout')
  }

  #terminateAfterGrace(unit: Unit, death: 'timeout' | 'cancel'): void {
    clearTimeout(this.#deadlines.get(unit))
    this.#deadlines.set(unit, setTimeout(() => this.#pool.terminate(unit, death), CANCEL_GRACE_MS))
  }

  #hear(message: FromThread): void {
    if (message.type === 'log' || message.type === 'log-dropped') return this.#send(message)
    const flight = this.#flights.get(message.id)
    if (message.type === 'unit-ended') return this.#unitEnded(flight?.unit, message.ends)
    if (flight !== undefined && !flight.answered) this.#send(message)
  }

  #unitEnded(unit: Unit | undefined, ends: ThreadEnd[]): void {
    if (unit === undefined || unit.bundle === null) return
    const { bundle } = unit
    this.#finishUnit(unit)
    this.#ended++
    bundle.ended = bundle.units.indexOf(unit) + 1
    unit.items.forEach((item, index) => {
      const flight = this.#flights.get(item.id)
      const end = ends[index]
      if (flight !== undefined && end !== undefined) this.#sendEnd(flight, end)
    })
    this.#begins(bundle.units.slice(bundle.ended).find((next) => this.#flightsOf(next).length > 0))
  }

  #lost(unit: Unit, death: ThreadDeath, thread: PoolThread): void {
    this.#finishUnit(unit)
    const blamed = thread.terminating?.unit ?? null
    const alone = thread.unitsAtDeath === 1 && unit.items.length === 1
    for (const flight of this.#flightsOf(unit)) {
      const { id } = flight.item
      this.#flights.delete(id)
      if (flight.answered) this.#send({ type: 'stopped', id })
      else if (blamed === unit) this.#send({ type: 'failed', id, error: death === 'cancel' ? CANCELLED : DEADLINE, runMs: 0 })
      // With nothing beside it, there is one possible cause for a full heap.
      else if (death === 'oom' && alone) this.#send({ type: 'failed', id, error: OUT_OF_MEMORY, runMs: 0 })
      // A death that we caused blames only what it was for.
      else this.#send({ type: 'lost', id, suspect: blamed === null, death })
    }
  }

  #finishUnit(unit: Unit): void {
    clearTimeout(this.#deadlines.get(unit))
    this.#deadlines.delete(unit)
  }

  #sendEnd({ item, answered }: Flight, end: ThreadEnd): void {
    this.#flights.delete(item.id)
    if (answered) this.#send({ type: 'stopped', id: item.id })
    else if (end.error !== undefined) this.#send({ type: 'failed', id: item.id, error: end.error, runMs: end.runMs })
    else if (end.outputs !== undefined) this.#send({ type: 'done', id: item.id, outputs: end.outputs, runMs: end.runMs })
    else this.#send({ type: 'done', id: item.id, runMs: end.runMs })
  }

  #flightsOf(unit: Unit): Flight[] {
    return unit.items.map((item) => this.#flights.get(item.id)).filter((flight) => flight !== undefined)
  }
}
