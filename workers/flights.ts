import type { Clock, FromWorker, Loss, PredictItem, PredictionSink } from './contract.ts'

/** How long the process may take to confirm that a cancelled prediction has stopped, its own grace included. */
const CONFIRM_STOP_MS = 2_000

/** What one call of the author's code runs. It can only stop as a whole. */
interface Unit {
  open: number
  alone: boolean
  /** The worker has begun with it, for all we know: one that runs alone is blamed for a death only if the worker said so. */
  taken: boolean
  /** Set once it was asked to stop: gives up the wait for its confirmation. */
  giveUpWaiting: (() => void) | null
}

interface Flight {
  sink: PredictionSink
  unit: Unit
  /** Nobody waits for its end any more, only for its place. */
  stopping: boolean
}

/** What a worker says of predictions. */
export type PredictionMessage = Exclude<FromWorker, { type: 'heartbeat' | 'described' | 'ready' | 'setup-failed' | 'threads' | 'thread-ended' | 'log' | 'log-dropped' }>

export interface FlightsOwner {
  /** A unit has ended: there is room. */
  freed(): void
  /** The worker could not say in time that a cancelled prediction has stopped. */
  unconfirmed(): void
}

/** What runs in one worker process: who hears of it, what one call holds together, and who is waited for when it ends. */
export class Flights {
  readonly #flights = new Map<number, Flight>()
  readonly #owner: FlightsOwner
  readonly #clock: Clock
  #units = 0
  #idleWaiters: (() => void)[] = []

  constructor(owner: FlightsOwner, clock: Clock) {
    this.#owner = owner
    this.#clock = clock
  }

  /** Predictions under way. */
  get size(): number {
    return this.#flights.size
  }

  /** Calls of the author's code under way. */
  get units(): number {
    return this.#units
  }

  add(items: PredictItem[], sinks: PredictionSink[], alone: boolean): void {
    const unit: Unit = { open: items.length, alone, taken: !alone, giveUpWaiting: null }
    this.#units++
    items.forEach((item, index) => {
      const sink = sinks[index]
      if (sink !== undefined) this.#flights.set(item.id, { sink, unit, stopping: false })
    })
  }

  has(id: number): boolean {
    return this.#flights.has(id)
  }

  /** Its caller has gone; its place is free when the worker says so. */
  stop(id: number): void {
    const flight = this.#flights.get(id)
    if (flight === undefined) return
    flight.stopping = true
    this.#expectStop(flight.unit)
  }

  hear(message: PredictionMessage): void {
    const flight = this.#flights.get(message.id)
    if (flight === undefined) return
    const { sink } = flight
    switch (message.type) {
      case 'done':
        sink.done(message.outputs, message.runMs)
        return this.#release(message.id, flight)
      case 'failed':
        sink.failed(message.error, message.runMs)
        return message.stopping === true ? this.stop(message.id) : this.#release(message.id, flight)
      case 'stopped':
        return this.#release(message.id, flight)
      case 'taken':
        flight.unit.taken = true
        return
      case 'lost':
        if (!flight.stopping) sink.lost({ suspect: message.suspect, death: message.death })
        return this.#release(message.id, flight)
      case 'returned':
        if (!flight.stopping) sink.returned()
        return this.#release(message.id, flight)
      default:
        sink.fact(message)
    }
  }

  /** The process has died. @param blameless We ended it, so that nothing that ran there was the cause. */
  loseAll(death: Loss['death'], blameless: boolean): void {
    for (const [id, flight] of [...this.#flights]) {
      if (!flight.stopping) flight.sink.lost({ suspect: !blameless && flight.unit.taken, death })
      this.#release(id, flight)
    }
  }

  /** A prediction that must have nothing beside it runs here. */
  get hasLoner(): boolean {
    if (this.#units !== 1) return false
    for (const flight of this.#flights.values()) return flight.unit.alone
    return false
  }

  /** The loner has begun, and is waited for. It ended a worker before: when this one dies, too, it is poison. */
  get hasBegunLoner(): boolean {
    for (const { unit, stopping } of this.#flights.values()) return this.#units === 1 && unit.alone && unit.taken && !stopping
    return false
  }

  /** Something was asked to stop and has not confirmed: an exit now is that stop's doing. */
  get awaitsStop(): boolean {
    for (const flight of this.#flights.values()) if (flight.unit.giveUpWaiting !== null) return true
    return false
  }

  /** Resolves when nothing is under way, after `withinMs`, or when `hurry` is called. */
  idle(withinMs: number): Promise<void> {
    if (this.#flights.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const giveUp = this.#clock.after(withinMs, resolve)
      this.#idleWaiters.push(() => {
        giveUp()
        resolve()
      })
    })
  }

  /** Ends every wait for idleness. */
  hurry(): void {
    for (const wake of this.#idleWaiters.splice(0)) wake()
  }

  #release(id: number, flight: Flight): void {
    this.#flights.delete(id)
    flight.unit.open--
    if (flight.unit.open === 0) {
      flight.unit.giveUpWaiting?.()
      this.#units--
    }
    flight.sink.released()
    if (flight.unit.open > 0) return
    if (this.#flights.size === 0) this.hurry()
    this.#owner.freed()
  }

  /** A batch goes on while anyone waits for it. */
  #expectStop(unit: Unit): void {
    for (const flight of this.#flights.values()) if (flight.unit === unit && !flight.stopping) return
    unit.giveUpWaiting ??= this.#clock.after(CONFIRM_STOP_MS, () => this.#owner.unconfirmed())
  }
}
