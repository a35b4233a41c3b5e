import { randomBytes } from 'node:crypto'

import type { ModelSpec } from '../../workers/contract.ts'
import { createHostError, describeThrown } from '../../workers/errors.ts'
import type { HostError } from '../../workers/errors.ts'
import type { EventStream } from '../event-stream.ts'
import type { Gateway } from '../gateway.ts'
import type { Logger } from '../log.ts'
import type { Prediction } from '../prediction.ts'
import { cancelledMessage, failedMessage } from './messages.ts'
import type { CompletedMessage } from './messages.ts'
import type { Step, Transcript, TranscriptSubject } from './transcript.ts'
import type { ModelPace } from './pace.ts'
import type { RenderContext } from './values.ts'

/** What became of asking for a prediction. */
export type Work = { prediction: Prediction } | { error: HostError }

export interface GradioEventOptions {
  id: string
  /** Of the client that may cancel it; a plain call without one is its own session. */
  sessionHash: string
  requestId: string
  spec: ModelSpec
  pace(): ModelPace
  /** Never rejects. Settled already, unless inputs are still being fetched. */
  work: Work | Promise<Work>
  /** Stops the fetching. */
  abandon(): void
  /** How its cancelling is told: to Gradio's own page, to a client library, or to a plain HTTP caller. */
  audience: 'page' | 'library' | 'plain'
  /** How long a plain call goes on after its last reader left. Sessions leave that to the gateway. */
  reattachMs: number
  gateway: Gateway
  log: Logger
}

/** How a reader is told. */
export interface Telling {
  transcript: Transcript
  /** The first event that the reader is told; undefined for the latest output. */
  after: number | undefined
  /** Growing text is told as growth. */
  appends: boolean
  context: RenderContext
  write(step: Step): void
}

/** How long the end of a cancelled event waits for the client's `/reset`, which comes when it no longer listens; on a busy machine late. */
const RESET_MS = 1_500

/** An id for an event that has no prediction (yet), of the same shape. */
export function newEventId(): string {
  return randomBytes(16).toString('hex')
}

/** One submitted call: a prediction, or why there is none, as Gradio's clients follow it. */
export class GradioEvent {
  readonly id: string
  readonly sessionHash: string
  readonly subject: TranscriptSubject
  readonly #options: GradioEventOptions
  readonly #work: Promise<Work>
  /** Called when it is cancelled: whoever tells it stops. */
  readonly #tellers = new Set<() => void>()
  readonly #reset = Promise.withResolvers<void>()
  #settledWork: Work | null = null
  #ending: Promise<CompletedMessage> | null = null
  #told: CompletedMessage | null = null
  #readers = 0

  constructor(options: GradioEventOptions) {
    const { id, sessionHash, requestId, spec, pace, work } = options
    this.id = id
    this.sessionHash = sessionHash
    this.subject = { eventId: id, requestId, spec, pace, outputs: () => this.#outputs() }
    this.#options = options
    this.#work = this.#settle(work)
    if (!(work instanceof Promise)) this.#settledWork = work
  }

  async #settle(work: Work | Promise<Work>): Promise<Work> {
    const settled = await work
    this.#settledWork = settled
    return settled
  }

  /** What another front needs to tell its end; null while there is none, and for a cancelled one, to which nobody listens. */
  get outcome(): { event: Pick<GradioEventOptions, 'id' | 'sessionHash' | 'requestId' | 'audience'>; work: Work } | null {
    const { id, sessionHash, requestId, audience } = this.#options
    if (!this.isOver || this.#ending !== null || this.#settledWork === null) return null
    return { event: { id, sessionHash, requestId, audience }, work: this.#settledWork }
  }

  #outputs(): TranscriptSubject['spec']['outputs'] {
    return this.#settledWork !== null && 'prediction' in this.#settledWork ? this.#settledWork.prediction.outputSpecs : this.#options.spec.outputs
  }

  /** No more work goes on for it; its end may still be untold. */
  get isOver(): boolean {
    if (this.#ending !== null) return true
    if (this.#settledWork === null) return false
    return 'error' in this.#settledWork || this.#settledWork.prediction.ended
  }

  /** Stops the work; repeating it changes nothing, nor does it change an end that was reached before. */
  cancel(): void {
    if (this.isOver) return
    this.#ending = this.#cancelledEnd()
    for (const stop of this.#tellers) stop()
    this.#options.abandon()
    void this.#work.then((work) => {
      if ('prediction' in work) this.#options.gateway.cancel(work.prediction)
    })
  }

  /** The client has stopped listening: a cancelled event may end now. */
  reset(): void {
    this.#reset.resolve()
  }

  async #cancelledEnd(): Promise<CompletedMessage> {
    const { audience, spec, requestId } = this.#options
    if (audience === 'plain') return failedMessage(this.id, createHostError('CANCELLED', 'The prediction was cancelled.'), requestId)
    if (audience === 'library') {
      const timer = setTimeout(() => this.#reset.resolve(), RESET_MS)
      await this.#reset.promise
      clearTimeout(timer)
    }
    return cancelledMessage(this.id, Object.keys(spec.outputs).length, audience === 'page')
  }

  /**
   * Tells a reader everything to the end, at the reader's pace.
   *
   * @returns true once the end was written; false when the reader left first. Told again to a later reader, only the end is repeated.
   */
  async follow(reader: EventStream, telling: Telling): Promise<boolean> {
    this.#readers++
    try {
      const end = this.#told ?? (await this.#tell(reader, telling))
      if (end === null) return false
      // Kept even if this reader is gone: the transcript is past it.
      this.#told = end
      if (reader.isOver) return false
      telling.write({ message: end })
      return true
    } finally {
      this.#readers--
      if (this.#options.audience === 'plain') this.#cancelUnlessReadAgain()
    }
  }

  #cancelUnlessReadAgain(): void {
    if (this.isOver || this.#readers > 0) return
    setTimeout(() => {
      if (this.#readers === 0) this.cancel()
    }, this.#options.reattachMs).unref()
  }

  async #tell(reader: EventStream, telling: Telling): Promise<CompletedMessage | null> {
    try {
      const work = this.#settledWork ?? (await this.#unlessStopped(this.#work, reader))
      const end = work === null ? null : await this.#tellWork(work, reader, telling)
      if (end !== null) return end
    } catch (error) {
      // A value that cannot be rendered; the reader must not wait for ever.
      this.#options.log.error({ predictionId: this.id, requestId: this.#options.requestId, cause: describeThrown(error) }, 'event could not be told')
      return this.#failed('The host failed on this prediction.')
    }
    if (this.#ending !== null) return unlessOver(this.#ending, reader)
    if (reader.isOver) return null
    return this.#told ?? this.#failed('The events of this prediction are gone.')
  }

  async #tellWork(work: Work, reader: EventStream, telling: Telling): Promise<CompletedMessage | null> {
    if ('error' in work) return failedMessage(this.id, work.error, this.#options.requestId)
    const { transcript, after, appends, context, write } = telling
    const events = work.prediction.events(after === undefined ? { appends } : { after, appends })
    // A `for await` notices that it shall stop only at the next event, which may be minutes away.
    const forget = this.#onStop(reader, () => void events.return?.())
    try {
      for await (const event of events) {
        if (this.#isStopped(reader)) break
        for (const step of transcript.next(event, context)) {
          if (step.message.msg === 'process_completed') return step.message
          write(step)
        }
        if (reader.isFull) await reader.drained()
      }
    } finally {
      forget()
    }
    return null
  }

  #isStopped(reader: EventStream): boolean {
    return this.#ending !== null || reader.isOver
  }

  /** Calls back when the event is cancelled or the reader has left, at once when so already. @returns Takes the wish back. */
  #onStop(reader: EventStream, callback: () => void): () => void {
    if (this.#ending !== null) callback()
    this.#tellers.add(callback)
    const forget = reader.onOver(callback)
    return () => {
      this.#tellers.delete(callback)
      forget()
    }
  }

  async #unlessStopped<Value>(promise: Promise<Value>, reader: EventStream): Promise<Value | null> {
    const stopped = Promise.withResolvers<null>()
    const forget = this.#onStop(reader, () => stopped.resolve(null))
    try {
      return await Promise.race([promise, stopped.promise])
    } finally {
      forget()
    }
  }

  #failed(message: string): CompletedMessage {
    return failedMessage(this.id, createHostError('INTERNAL', message), this.#options.requestId)
  }
}

async function unlessOver<Value>(promise: Promise<Value>, reader: EventStream): Promise<Value | null> {
  const over = Promise.withResolvers<null>()
  const forget = reader.onOver(() => over.resolve(null))
  try {
    return await Promise.race([promise, over.promise])
  } finally {
    forget()
  }
}
