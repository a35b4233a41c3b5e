import type { Values } from '../workers/contract.ts'
import type { EventsOptions, Prediction, PredictionEvent } from './prediction.ts'

/** One reader's way through the log. Not a generator: `return` must end it also while it waits. */
export class PredictionReader implements AsyncIterableIterator<PredictionEvent> {
  readonly #prediction: Prediction
  readonly #appends: boolean
  readonly #leave: () => void
  #cursor: number
  /** Whether the reader has the outputs that the next `append` grows. */
  #inStep: boolean
  #outputs: Values | undefined
  #waiting: ((result: IteratorResult<PredictionEvent>) => void) | null = null
  #over = false

  constructor(prediction: Prediction, options: EventsOptions, leave: () => void) {
    this.#prediction = prediction
    this.#appends = options.appends ?? false
    this.#leave = leave
    const latest = prediction.latest()
    // An id that was never given would hide what is still to come.
    const after = options.after === undefined ? undefined : Math.min(options.after, prediction.lastId)
    this.#cursor = after ?? (latest === undefined ? prediction.firstId - 1 : latest.id - 1)
    this.#inStep = options.after !== undefined && this.#appends
  }

  next(): Promise<IteratorResult<PredictionEvent>> {
    const event = this.#take()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#over) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  return(): Promise<IteratorResult<PredictionEvent>> {
    this.#end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<PredictionEvent> {
    return this
  }

  wake(): void {
    const waiting = this.#waiting
    if (waiting === null) return
    // The last event also ends the reader, which must not resolve the wait before the event does.
    this.#waiting = null
    const event = this.#take()
    if (event !== undefined) waiting({ done: false, value: event })
    else if (this.#over) waiting({ done: true, value: undefined })
    else this.#waiting = waiting
  }

  #take(): PredictionEvent | undefined {
    if (this.#over) return undefined
    for (;;) {
      const stand = this.#leapTheGap()
      if (stand !== undefined) return stand
      const event = this.#prediction.eventAt(this.#cursor + 1)
      if (event === undefined) return this.#caughtUp()
      this.#cursor = event.id
      const shown = this.#show(event)
      if (shown !== undefined) return shown
    }
  }

  /** What the reader has not seen may have given way: the latest outputs stand for it, also when no later event will bring them. */
  #leapTheGap(): PredictionEvent | undefined {
    const { firstId } = this.#prediction
    if (this.#cursor + 1 >= firstId) return undefined
    const latest = this.#prediction.latest()
    const missed = latest !== undefined && latest.id > this.#cursor && latest.id < firstId
    this.#cursor = firstId - 1
    this.#inStep = missed
    this.#outputs = missed && latest.type === 'output' ? latest.outputs : undefined
    return missed ? latest : undefined
  }

  /** Undefined for an event that the reader need not see any more. */
  #show(event: PredictionEvent): PredictionEvent | undefined {
    if (event.type === 'output') {
      this.#inStep = true
      this.#outputs = event.outputs
      return event
    }
    if (event.type === 'append') return this.#showAppend(event)
    if (event.type === 'done' || event.type === 'error') this.#end()
    return event
  }

  #showAppend(event: Extract<PredictionEvent, { type: 'append' }>): PredictionEvent | undefined {
    if (this.#inStep && this.#appends) return event
    if (this.#inStep && this.#outputs !== undefined) {
      const before = this.#outputs[event.output]
      this.#outputs = { ...this.#outputs, [event.output]: `${typeof before === 'string' ? before : ''}${event.text}` }
      return { id: event.id, type: 'output', outputs: this.#outputs }
    }
    // The text that this grows is not known here: go on from the latest outputs, which hold it.
    const latest = this.#prediction.latest()
    if (latest === undefined || latest.type !== 'output') return undefined
    this.#skipTo(latest.id)
    this.#inStep = true
    this.#outputs = latest.outputs
    return latest
  }

  /** Growth up to `id` is in the outputs that the reader gets now. Other events in between are rare and are skipped with it. */
  #skipTo(id: number): void {
    this.#cursor = Math.max(this.#cursor, id)
  }

  #caughtUp(): undefined {
    if (this.#prediction.ended) this.#end()
    return undefined
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#waiting?.({ done: true, value: undefined })
    this.#waiting = null
    this.#leave()
  }
}
