import type { EventStream } from '../event-stream.ts'
import { DiffEncoder } from './diff-encoder.ts'
import type { GradioEvent } from './gradio-event.ts'
import { dataLine } from './messages.ts'
import type { StreamMessage } from './messages.ts'
import { Transcript } from './transcript.ts'
import type { Step } from './transcript.ts'
import type { RenderContext } from './values.ts'

/**
 * How a stream with nothing more to tell is closed. Clients decide whether to open a stream by whether they believe one open, so a call that
 * crosses `close_stream` on its way is lost to them: the Python client cancels it, the JavaScript client waits for ever.
 */
interface Closing {
  /** How long the stream stays open; a client that goes on calling keeps it. */
  lingerMs: number
  /** For a call that arrives just after the close: how much later than the close its answer must come for the client to know of the close. */
  crossingMs: number
}

/** For a client that makes one call after the other: nothing is on its way when the last one ends. Its own loop may have stood still when the next one crosses the close. */
const ONE_BY_ONE: Closing = { lingerMs: 200, crossingMs: 250 }
/** For one with many calls at once, whose threads may be slow to notice. */
const MANY_AT_ONCE: Closing = { lingerMs: 1_000, crossingMs: 250 }
/** For one whose next stream shall open at another front: it must find a moment for that also between calls that follow each other closely. Only once, so it may wait. */
const MOVING: Closing = { lingerMs: 0, crossingMs: 1_000 }

/** How long, and how many, ends are kept that were written to a reader who may not have read them. */
const REPEAT_MS = 5_000
const MAX_REPEATED = 32

/** How long a session is kept for a call that another front is about to pass on. */
const PROMISED_MS = 5_000

const CLOSE_STREAM: StreamMessage = { msg: 'close_stream', event_id: null }

/** One event as its session tells it: the position and the differences go on from one reader to the next. */
interface Thread {
  event: GradioEvent
  transcript: Transcript
  encoder: DiffEncoder
}

/**
 * The events of one client, told on one stream. Without a reader nothing is written or stored here: each event goes on from
 * its own log when a reader comes, and the gateway cancels what has no reader for too long.
 */
export class Session {
  readonly #onTold: (eventId: string) => void
  readonly #isDraining: () => boolean
  readonly #pending = new Map<string, Thread>()
  #told: { thread: Thread; atMs: number }[] = []
  #reader: EventStream | null = null
  #context: RenderContext | null = null
  /** The reader comes through another front, which may be about to end. */
  #isPassed = false
  /** Until a call may have crossed the last close. */
  #crossingUntilMs = Number.NEGATIVE_INFINITY
  #promisedUntilMs = Number.NEGATIVE_INFINITY
  #manner = ONE_BY_ONE
  #idleSinceMs = performance.now()
  #closing: NodeJS.Timeout | undefined

  /**
   * @param onTold Hears of each event whose end was written.
   * @param isDraining Another front takes the client's next call.
   */
  constructor(onTold: (eventId: string) => void, isDraining: () => boolean) {
    this.#onTold = onTold
    this.#isDraining = isDraining
  }

  /** Its calls and its stream belong to this front: it has a reader, something to tell, or a call is on its way. */
  get isHeld(): boolean {
    return !this.isIdle || performance.now() < this.#promisedUntilMs || this.#unread().length > 0
  }

  /** Until the call comes that another front passes on. */
  promise(): void {
    this.#promisedUntilMs = performance.now() + PROMISED_MS
  }

  /** What the client has yet to hear when nobody reads. */
  untold(): GradioEvent[] {
    return this.#reader === null ? [...this.#pending.values(), ...this.#unread()].map(({ event }) => event) : []
  }

  get isIdle(): boolean {
    return this.#pending.size === 0 && this.#reader === null
  }

  get idleSinceMs(): number {
    return this.#idleSinceMs
  }

  /** Nobody reads, and what there is to tell has ended. */
  get isAbandoned(): boolean {
    return this.#reader === null && [...this.#pending.values()].every(({ event }) => event.isOver)
  }

  add(event: GradioEvent): void {
    clearTimeout(this.#closing)
    this.#promisedUntilMs = Number.NEGATIVE_INFINITY
    if (this.#pending.size > 0) this.#manner = MANY_AT_ONCE
    const thread = { event, transcript: new Transcript(event.subject), encoder: new DiffEncoder() }
    this.#pending.set(event.id, thread)
    if (this.#reader !== null && this.#context !== null) void this.#tell(thread, this.#reader, this.#context)
  }

  drop(eventId: string): void {
    this.#pending.delete(eventId)
    if (this.#pending.size === 0) this.#idleSinceMs = performance.now()
  }

  /** How long to hold back the answer to a call, so that the client has seen the stream close before. */
  crossingMs(): number {
    return this.#reader === null ? Math.max(0, this.#crossingUntilMs - performance.now()) : 0
  }

  /** Tells everything to this reader from now on; an earlier reader is sent off. @param isPassed It comes through another front. */
  attach(reader: EventStream, context: RenderContext, isPassed: boolean): void {
    const earlier = this.#reader
    this.#reader = reader
    this.#isPassed = isPassed
    this.#context = context
    earlier?.end(dataLine(CLOSE_STREAM))
    this.#repeatUnread()
    reader.onOver(() => this.#left(reader))
    for (const thread of this.#pending.values()) {
      thread.encoder.resume()
      void this.#tell(thread, reader, context)
    }
    this.#closeWhenDone()
  }

  /** The last reader may have gone before it read these ends; the Python client leaves its streams that way. */
  #repeatUnread(): void {
    for (const thread of this.#unread()) this.#pending.set(thread.event.id, thread)
    this.#told = []
  }

  #unread(): Thread[] {
    const since = performance.now() - REPEAT_MS
    return this.#told.filter(({ atMs }) => atMs >= since).map(({ thread }) => thread)
  }

  #left(reader: EventStream): void {
    if (this.#reader !== reader) return
    this.#reader = null
    this.#context = null
    this.#idleSinceMs = performance.now()
    clearTimeout(this.#closing)
    if (!reader.wasBroken) this.#told = []
  }

  async #tell(thread: Thread, reader: EventStream, context: RenderContext): Promise<void> {
    const write = (step: Step): void => {
      const { msg } = step.message
      const line = dataLine(encoded(step, thread.encoder))
      if (msg === 'estimation' || msg === 'process_starts') reader.writeByTheWay(line)
      else reader.write(line)
    }
    const { event, transcript } = thread
    const isTold = await event.follow(reader, { transcript, after: transcript.position, appends: true, context, write })
    if (!isTold) return
    this.#pending.delete(event.id)
    this.#onTold(event.id)
    this.#told = [...this.#told.slice(1 - MAX_REPEATED), { thread, atMs: performance.now() }]
    this.#closeWhenDone()
  }

  /**
   * Looks and closes in one go, so that no call is answered in between. Where two fronts are at work, at the first chance: the client's next
   * stream opens at the one that stays.
   */
  #closeWhenDone(): void {
    if (this.#pending.size > 0) return
    clearTimeout(this.#closing)
    const { lingerMs, crossingMs } = this.#isDraining() || this.#isPassed ? MOVING : this.#manner
    this.#closing = setTimeout(() => {
      if (this.#pending.size > 0 || this.#reader === null) return
      this.#crossingUntilMs = performance.now() + crossingMs
      this.#reader.end(dataLine(CLOSE_STREAM))
    }, lingerMs)
  }
}

function encoded({ message, growth }: Step, encoder: DiffEncoder): Step['message'] {
  if (message.msg !== 'process_generating') return message
  return { ...message, output: { ...message.output, data: encoder.encode(message.output.data, growth) } }
}
