import type { ComponentSpec } from '../workers/components.ts'
import type { NoticeLevel, Values } from '../workers/contract.ts'
import { EncodedValues, type AnyValues, valuesOf } from '../workers/encoded-values.ts'
import type { HostError } from '../workers/errors.ts'
import { charactersOf } from '../workers/value-size.ts'
import { PredictionReader } from './prediction-reader.ts'
import { unguessableId } from './unguessable-id.ts'

export type PredictionState = 'queued' | 'held' | 'running' | 'succeeded' | 'failed' | 'cancelled'

/** What a reader of a prediction sees, in order. `id` counts from 1 within the prediction. */
export type PredictionEvent = { id: number } & EventBody

type EventBody =
  /** `position` counts from 1, 1 is next. */
  | { type: 'queued'; position: number; etaSeconds: number | null }
  | { type: 'held'; etaSeconds: number | null }
  | { type: 'started' }
  | { type: 'replayed' }
  | { type: 'progress'; fraction: number; text: string }
  | { type: 'notice'; level: NoticeLevel; text: string }
  /** The whole outputs, files as `FileRef`s. */
  | { type: 'output'; outputs: Values }
  /** One text only grew; given to readers that asked for it. */
  | { type: 'append'; output: string; text: string }
  | { type: 'done'; waitSeconds: number; runSeconds: number }
  | { type: 'error'; error: HostError }

export interface EventsOptions {
  /** The last event that the reader has; the default starts with the latest output. */
  after?: number
  /** Growing text comes as `append`; false gives whole outputs. */
  appends?: boolean
}

/** How a prediction ended, for one that is made again elsewhere. */
export interface PredictionEnd {
  outputs: Values | undefined
  outputSpecs: Readonly<Record<string, ComponentSpec>>
  error: HostError | undefined
  waitSeconds: number
  runSeconds: number
  /** Of the latest outputs, and of the last event. */
  outputId: number
  lastId: number
}

/** The log of one prediction in characters; older events give way. */
export const LOG_CHARACTERS = 1024 * 1024
/** What an event costs beside its text, in bytes of the heap as measured for a small one. */
const EVENT_CHARACTERS = 128

/**
 * One request's work as its callers see it: a state, the latest outputs, and a bounded log of events that any number of readers
 * follow, each at its own pace. A reader that falls behind what the log holds goes on with the latest outputs.
 */
export class Prediction {
  /** 32 hex characters; whoever knows it may read and cancel. */
  readonly id: string
  readonly model: string
  readonly requestId: string
  readonly #onReaders: (readers: number) => void
  /** Most predictions are asked for their result alone, and thousands may wait: what only readers need is made for the first of them. */
  #readers: Set<PredictionReader> | null = null
  #state: PredictionState = 'queued'
  #outputs: AnyValues | undefined
  #outputId = 0
  #error: HostError | undefined
  #events: PredictionEvent[] = []
  #firstId = 1
  #lastId = 0
  #characters = 0
  #result: PromiseWithResolvers<Values> | null = null
  #whenEnded: ((prediction: Prediction) => void) | null = null
  #outputSpecs: Readonly<Record<string, ComponentSpec>> = {}
  waitSeconds = 0
  runSeconds = 0

  /** @param onReaders Hears how many readers there are, each time one comes or goes. */
  constructor(model: string, requestId: string, onReaders: (readers: number) => void = nobodyCounts, id: string = unguessableId()) {
    this.id = id
    this.model = model
    this.requestId = requestId
    this.#onReaders = onReaders
  }

  /** One that ended in another front. Of its events there are the latest outputs and the end, under the ids that they had. */
  static ended(id: string, model: string, requestId: string, { outputs, outputSpecs, error, waitSeconds, runSeconds, outputId, lastId }: PredictionEnd): Prediction {
    const prediction = new Prediction(model, requestId, undefined, id)
    Object.assign(prediction, { waitSeconds, runSeconds })
    prediction.#outputs = outputs
    prediction.#outputSpecs = outputSpecs
    prediction.#outputId = outputId
    prediction.#lastId = lastId - 1
    prediction.#firstId = lastId
    if (error === undefined) prediction.succeed(undefined)
    else prediction.fail(error)
    return prediction
  }

  get state(): PredictionState {
    return this.#state
  }

  get outputs(): Values | undefined {
    return this.#outputs === undefined ? undefined : valuesOf(this.#outputs)
  }

  /** The outputs as JSON, where they came so. Hold them to send them. */
  get encodedOutputs(): EncodedValues | undefined {
    return this.#outputs instanceof EncodedValues ? this.#outputs : undefined
  }

  /** Nobody can ask for it any more. Who reads it already reads on. */
  forget(): void {
    if (!(this.#outputs instanceof EncodedValues)) return
    const encoded = this.#outputs
    this.#outputs = this.#readers !== null && this.#readers.size > 0 ? encoded.values : undefined
    encoded.release()
  }

  get error(): HostError | undefined {
    return this.#error
  }

  get ended(): boolean {
    return this.#state === 'succeeded' || this.#state === 'failed' || this.#state === 'cancelled'
  }

  /** The final outputs. @throws {HostError} what the prediction ended with. */
  result(): Promise<Values> {
    this.#result ??= Promise.withResolvers()
    if (this.ended) this.#settle(this.#result)
    return this.#result.promise
  }

  /** Calls back once, at the end. For the one who asked for it, without the price of a promise. */
  whenEnded(callback: (prediction: Prediction) => void): void {
    if (this.ended) callback(this)
    else this.#whenEnded = callback
  }

  /** Follows the events until the end. Counts as a reader until it ends or `return` is called, also while it waits. */
  events(options: EventsOptions = {}): AsyncIterableIterator<PredictionEvent> {
    const readers = (this.#readers ??= new Set())
    const reader = new PredictionReader(this, options, () => {
      if (readers.delete(reader)) this.#onReaders(readers.size)
    })
    readers.add(reader)
    this.#onReaders(readers.size)
    return reader
  }

  queuedAt(position: number, etaSeconds: number | null): void {
    this.#state = 'queued'
    this.#add({ id: ++this.#lastId, type: 'queued', position, etaSeconds }, 0)
  }

  heldFor(etaSeconds: number | null): void {
    this.#state = 'held'
    this.#add({ id: ++this.#lastId, type: 'held', etaSeconds }, 0)
  }

  /** @param outputSpecs What the worker that has it now gives. */
  dispatched(outputSpecs: Readonly<Record<string, ComponentSpec>>): void {
    this.#state = 'running'
    this.#outputSpecs = outputSpecs
  }

  /** What its outputs are made of: the model may have changed since it was asked for, and again since it ran. Empty before it runs. */
  get outputSpecs(): Readonly<Record<string, ComponentSpec>> {
    return this.#outputSpecs
  }

  /** Its worker gave it back or was lost: it waits again. */
  requeued(): void {
    this.#state = 'queued'
  }

  started(): void {
    this.#add({ id: ++this.#lastId, type: 'started' }, 0)
  }

  replayed(): void {
    this.#add({ id: ++this.#lastId, type: 'replayed' }, 0)
  }

  progressed(fraction: number, text: string): void {
    this.#add({ id: ++this.#lastId, type: 'progress', fraction, text }, text.length)
  }

  noticed(level: NoticeLevel, text: string): void {
    this.#add({ id: ++this.#lastId, type: 'notice', level, text }, text.length)
  }

  output(outputs: Values): void {
    this.#outputs = outputs
    this.#outputId = ++this.#lastId
    this.#add({ id: this.#outputId, type: 'output', outputs }, charactersOf(outputs))
  }

  appended(output: string, text: string): void {
    const outputs = this.outputs
    const before = outputs?.[output]
    this.#outputs = { ...outputs, [output]: `${typeof before === 'string' ? before : ''}${text}` }
    this.#outputId = ++this.#lastId
    this.#add({ id: this.#outputId, type: 'append', output, text }, text.length)
  }

  /** Ends well. `outputs` is the last output unless the events have shown it already. */
  succeed(outputs: AnyValues | undefined): void {
    if (outputs instanceof EncodedValues) this.#outputEncoded(outputs)
    else if (outputs !== undefined) this.output(outputs)
    this.#state = 'succeeded'
    this.#add({ id: ++this.#lastId, type: 'done', waitSeconds: this.waitSeconds, runSeconds: this.runSeconds }, 0)
    this.#tellEnd()
  }

  fail(error: HostError): void {
    this.#error = error
    this.#state = error.code === 'CANCELLED' ? 'cancelled' : 'failed'
    this.#add({ id: ++this.#lastId, type: 'error', error }, 0)
    this.#tellEnd()
  }

  /** What it holds in memory, roughly: the log and the latest outputs. */
  get characters(): number {
    return this.#characters + (this.encodedOutputs?.bytes.length ?? charactersOf(this.#outputs))
  }

  get lastId(): number {
    return this.#lastId
  }

  /** The latest outputs as an event; undefined when there are none. */
  latest(): PredictionEvent | undefined {
    return this.#outputs === undefined ? undefined : { id: this.#outputId, type: 'output', outputs: valuesOf(this.#outputs) }
  }

  /** The event, or undefined when it is to come or has given way. */
  eventAt(id: number): PredictionEvent | undefined {
    return this.#events[id - this.#firstId]
  }

  get firstId(): number {
    return this.#firstId
  }

  #add(event: PredictionEvent, characters: number): void {
    this.#characters += characters + EVENT_CHARACTERS
    this.#events.push(event)
    if (this.#characters > LOG_CHARACTERS) this.#giveWay()
    if (this.#readers !== null) for (const reader of this.#readers) reader.wake()
  }

  /** The older half goes at once, so that a long stream does not shift its log for each event. The newest event stays. */
  #giveWay(): void {
    const dropped = this.#events.splice(0, Math.max(1, Math.floor(this.#events.length / 2)))
    if (this.#events.length === 0) {
      const newest = dropped.pop()
      if (newest !== undefined) this.#events.push(newest)
    }
    this.#firstId += dropped.length
    this.#characters = this.#events.reduce((sum, event) => sum + charactersOf(event) + EVENT_CHARACTERS, 0)
  }

  /** Nobody follows it; whoever comes later finds the latest outputs in place of the events before. */
  #outputEncoded(outputs: EncodedValues): void {
    outputs.hold()
    this.#outputs = outputs
    this.#outputId = ++this.#lastId
    this.#events = []
    this.#firstId = this.#lastId + 1
    this.#characters = 0
  }

  #tellEnd(): void {
    if (this.#result !== null) this.#settle(this.#result)
    this.#whenEnded?.(this)
    this.#whenEnded = null
  }

  #settle({ resolve, reject }: PromiseWithResolvers<Values>): void {
    if (this.#error !== undefined) reject(this.#error)
    else resolve(this.outputs ?? {})
  }
}

function nobodyCounts(): void {}
