import type { FromWorker, Limits, PredictItem, ThreadDeath } from './contract.ts'
import { DeadlineWatch } from './deadline-watch.ts'
import type { Lane, Unit } from './lane.ts'
import { type FromProcess, type FromThread, isAfter, type ThreadEnd } from './thread-contract.ts'
import { cancelledEnd, DEADLINE, endOf, type Flight, lossOf, returnOf } from './unit-ends.ts'

/** How long an author's code may take to obey its `AbortSignal` before its thread is terminated. */
const CANCEL_GRACE_MS = 300
/** What waits behind something that made no progress for so long goes back to the line: any worker may have it. */
const STALLED_MS = 50

export interface UnitRunnerOwner {
  say(message: FromWorker): void
  /** The process shall keep the thread from beginning what it was sent, up to this number. */
  withdraw(thread: number, upTo: number): void
  /** The process shall end the thread. In native code this may abort the whole process. */
  terminate(thread: number): void
}

/** How a thread ended, as its process says it. */
type Gone = Extract<FromProcess, { type: 'thread-gone' }>

/**
 * The work of one worker as the front does it: gives units to the worker's threads, bounds their time, and says of each item what became of it.
 * It knows threads by their lanes; the process is asked only for what a thread can't do while author code runs in it.
 */
export class UnitRunner {
  readonly #owner: UnitRunnerOwner
  #limits: Limits
  readonly #lanes = new Map<number, Lane>()
  /** Threads that are set up; a lane may open before or after. */
  readonly #ready = new Set<number>()
  readonly #gone = new Map<number, Gone>()
  readonly #flights = new Map<number, Flight>()
  /** For want of a thread. */
  readonly #waiting: Unit[] = []
  readonly #deadlines = new DeadlineWatch(() => this.#lanes.values(), (unit, lane) => this.#deadlinePassed(unit, lane))
  #stallTimer: NodeJS.Timeout | null = null

  constructor(limits: Limits, owner: UnitRunnerOwner) {
    this.#limits = limits
    this.#owner = owner
  }

  /** The effective limits, once the author's are known. */
  useLimits(limits: Limits): void {
    this.#limits = limits
  }

  unsentBytes(): number {
    let bytes = 0
    for (const lane of this.#lanes.values()) bytes += lane.unsentBytes
    return bytes
  }

  isStalled(): boolean {
    for (const lane of this.#lanes.values()) if (lane.isStalled) return true
    return false
  }

  predict(items: PredictItem[], alone: boolean): void {
    const unit: Unit = { items, alone, lane: null, number: 0, beganAt: 0, grace: null }
    for (const item of items) this.#flights.set(item.id, { item, unit, answered: false, cancelled: null })
    const lane = this.#waiting.length > 0 ? null : this.#leastLoaded()
    if (lane === null) this.#waiting.push(unit)
    else this.#run(unit, lane)
    if (lane === null || lane.waiting.length > 0) this.#watchStalls()
  }

  cancel(id: number, reason: 'CANCELLED' | 'DEADLINE_EXCEEDED'): void {
    const flight = this.#flights.get(id)
    if (flight === undefined || flight.cancelled !== null) return
    flight.cancelled = reason
    const { lane } = flight.unit
    if (lane === null) this.#cancelWaiting(flight)
    else if (lane.running.has(flight.unit.number)) this.#cancelRunning(flight, lane)
    else this.#withdraw(lane)
  }

  credit(id: number, events: number): void {
    this.#flights.get(id)?.unit.lane?.tell({ type: 'credit', id, events })
  }

  laneOpened(lane: Lane): void {
    this.#lanes.set(lane.thread, lane)
    lane.isReady = this.#ready.has(lane.thread)
    this.#startWaiting()
  }

  laneSaid(lane: Lane, message: FromThread): void {
    if (message.type === 'unit-ended') return this.#unitEnded(lane, message.unit, message.ends)
    if (message.type === 'log' || message.type === 'log-dropped') return this.#owner.say(message)
    if (message.type === 'hello') return
    const flight = this.#flights.get(message.id)
    if (flight !== undefined && !flight.answered) this.#owner.say(message)
  }

  /** All that the thread said has been heard. */
  laneClosed(lane: Lane): void {
    lane.isOpen = false
    const gone = this.#gone.get(lane.thread)
    if (gone !== undefined) this.#lose(lane, gone)
    else if (!lane.isReady && lane.load === 0) this.#lanes.delete(lane.thread)
    // Its process has not said so yet; or the thread lives on and can't be reached any more.
    else this.#owner.terminate(lane.thread)
  }

  /** What the process says of a thread. */
  hear(message: Extract<FromProcess, { type: 'thread-ready' | 'thread-gone' | 'withdrawn' }>): void {
    switch (message.type) {
      case 'thread-ready':
        return this.#threadReady(message.thread)
      case 'thread-gone':
        return this.#threadGone(message)
      case 'withdrawn':
        return this.#withdrawn(message)
    }
  }

  #threadReady(thread: number): void {
    this.#ready.add(thread)
    const lane = this.#lanes.get(thread)
    if (lane !== undefined) lane.isReady = true
    this.#owner.say({ type: 'threads', ready: this.#ready.size })
    this.#startWaiting()
  }

  #threadGone(gone: Gone): void {
    const lane = this.#lanes.get(gone.thread)
    const death = lane?.terminating?.death ?? gone.exit.death
    this.#retire(gone.thread, death)
    this.#owner.say({ type: 'thread-ended', exit: { ...gone.exit, death } })
    if (lane?.isOpen === false) this.#lose(lane, gone)
    else if (lane !== undefined) this.#gone.set(gone.thread, gone)
  }

  /** Out of rotation. What waits for a thread of this worker may go elsewhere. */
  #retire(thread: number, death: ThreadDeath): void {
    const lane = this.#lanes.get(thread)
    if (lane !== undefined) lane.isReady = false
    if (!this.#ready.delete(thread)) return
    this.#owner.say({ type: 'threads', ready: this.#ready.size, died: death })
    for (const unit of this.#waiting.splice(0)) this.#giveBack(unit)
  }

  #run(unit: Unit, lane: Lane): void {
    lane.run(unit, this.#limits.concurrency, performance.now())
    this.#deadlines.began(this.#limits.timeoutMs)
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#leastLoaded()
      const unit = lane === null ? undefined : this.#waiting.shift()
      if (lane === null || unit === undefined) return
      this.#run(unit, lane)
    }
  }

  #leastLoaded(): Lane | null {
    let best: Lane | null = null
    for (const lane of this.#lanes.values()) if (lane.isReady && (best === null || lane.load < best.load)) best = lane
    return best
  }

  #unitEnded(lane: Lane, number: number, ends: ThreadEnd[]): void {
    const unit = lane.end(number, performance.now())
    if (unit === undefined) return
    this.#forgetGrace(unit)
    for (let index = 0; index < ends.length; index++) {
      const [item, end] = [unit.items[index], ends[index]]
      const flight = item === undefined ? undefined : this.#flights.get(item.id)
      if (flight !== undefined && end !== undefined) this.#sayEnd(flight, endOf(flight, end))
    }
  }

  #sayEnd(flight: Flight, said: FromWorker): void {
    this.#flights.delete(flight.item.id)
    this.#owner.say(said)
  }

  #deadlinePassed(unit: Unit, lane: Lane): void {
    for (const flight of this.#flightsOf(unit)) {
      const { id } = flight.item
      lane.tell({ type: 'cancel', id, reason: 'DEADLINE_EXCEEDED' })
      if (flight.answered) continue
      flight.answered = true
      this.#owner.say({ type: 'failed', id, error: DEADLINE, runMs: this.#limits.timeoutMs, stopping: true })
    }
    this.#terminateAfterGrace(unit, lane, 'timeout')
    // What the thread was kept from beginning has time left, and may have it elsewhere.
    if (lane.load > 1) this.#withdraw(lane)
  }

  #cancelRunning(flight: Flight, lane: Lane): void {
    lane.tell({ type: 'cancel', id: flight.item.id, reason: flight.cancelled ?? 'CANCELLED' })
    // A batch goes on while anyone waits for it.
    if (this.#flightsOf(flight.unit).every(({ cancelled }) => cancelled !== null)) this.#terminateAfterGrace(flight.unit, lane, 'cancel')
  }

  #cancelWaiting(flight: Flight): void {
    const { unit, item } = flight
    unit.items.splice(unit.items.indexOf(item), 1)
    if (unit.items.length === 0) this.#waiting.splice(this.#waiting.indexOf(unit), 1)
    // Not within the call that asks for it.
    queueMicrotask(() => this.#sayEnd(flight, cancelledEnd(flight)))
  }

  #terminateAfterGrace(unit: Unit, lane: Lane, death: 'timeout' | 'cancel'): void {
    this.#forgetGrace(unit)
    unit.grace = setTimeout(() => {
      if (lane.terminating !== null || !lane.running.has(unit.number)) return
      lane.terminating = { unit, death }
      this.#retire(lane.thread, death)
      this.#owner.terminate(lane.thread)
    }, CANCEL_GRACE_MS).unref()
  }

  #forgetGrace(unit: Unit): void {
    if (unit.grace !== null) clearTimeout(unit.grace)
    unit.grace = null
  }

  #watchStalls(): void {
    this.#stallTimer ??= setTimeout(() => {
      this.#stallTimer = null
      for (const unit of this.#waiting.splice(0)) this.#giveBack(unit)
      for (const lane of this.#lanes.values()) {
        if (lane.waiting.length === 0) continue
        lane.isStalled = lane.ended === lane.seenEnded
        if (lane.isStalled) this.#withdraw(lane)
        lane.seenEnded = lane.ended
        this.#watchStalls()
      }
    }, STALLED_MS).unref()
  }

  /** The thread may be busy and deaf: its process raises the gate, and says what the thread had begun by then. */
  #withdraw(lane: Lane): void {
    if (lane.isWithdrawing) return
    lane.isWithdrawing = true
    this.#owner.withdraw(lane.thread, lane.last)
  }

  #withdrawn({ thread, begun, upTo }: Extract<FromProcess, { type: 'withdrawn' }>): void {
    const lane = this.#lanes.get(thread)
    if (lane === undefined) return
    lane.isWithdrawing = false
    for (const unit of lane.takeWithdrawn(begun, upTo, this.#limits.concurrency, performance.now())) this.#giveBack(unit)
    // Begun in the meantime, or sent after the question.
    for (const unit of [...lane.running.values(), ...lane.waiting]) {
      if (unit.grace === null && this.#flightsOf(unit).some(({ cancelled }) => cancelled !== null)) this.#cancelAgain(unit, lane, begun)
    }
  }

  #cancelAgain(unit: Unit, lane: Lane, begun: number): void {
    if (isAfter(unit.number, begun)) return this.#withdraw(lane)
    for (const flight of this.#flightsOf(unit)) if (flight.cancelled !== null) this.#cancelRunning(flight, lane)
  }

  /** It has not begun here. */
  #giveBack(unit: Unit): void {
    unit.lane = null
    this.#forgetGrace(unit)
    for (const flight of this.#flightsOf(unit)) this.#sayEnd(flight, returnOf(flight))
  }

  #lose(lane: Lane, { begun, exit: { death } }: Gone): void {
    this.#lanes.delete(lane.thread)
    this.#gone.delete(lane.thread)
    const units = lane.takeAll()
    const lost = units.filter((unit) => !isAfter(unit.number, begun))
    const [first] = lost
    const { death: ours, unit: blamed = null } = lane.terminating ?? {}
    const ending = { death: ours ?? death, blamed, alone: lost.length === 1 && first?.items.length === 1 }
    for (const unit of units) {
      this.#forgetGrace(unit)
      if (isAfter(unit.number, begun)) this.#giveBack(unit)
      else for (const flight of this.#flightsOf(unit)) this.#sayEnd(flight, lossOf(flight, ending))
    }
  }

  #flightsOf(unit: Unit): Flight[] {
    return unit.items.map((item) => this.#flights.get(item.id)).filter((flight) => flight !== undefined)
  }
}
