import type { ServerResponse } from 'node:http'

import { WritingRounds } from './writing-rounds.ts'

const HEARTBEAT_MS = 15_000
/** Text that gathers until it is written; more goes out at once. */
const MOST_GATHERED = 64 * 1024
/** How long what is only said by the way, and the headers, wait for something that matters. */
const SOON_MS = 4

const rounds = new WritingRounds(() => performance.now())

/**
 * A response that stays open and is written piece by piece. What is written in one turn of the event loop leaves in one go, and with it
 * the headers and what was said by the way: most streams are short, and a system call costs more than all else about an event.
 */
export class EventStream {
  readonly #response: ServerResponse
  readonly #heartbeat: NodeJS.Timeout | undefined
  readonly #listeners = new Set<() => void>()
  #gathered = ''
  #soon: NodeJS.Timeout | undefined
  #state: 'open' | 'ended' | 'broken' = 'open'

  /**
   * @param response Headers beside those of every stream are set already.
   * @param heartbeat Written every 15 s; null for a stream whose reader takes none.
   */
  constructor(response: ServerResponse, heartbeat: string | null) {
    this.#response = response
    response.statusCode = 200
    response.setHeader('content-type', 'text/event-stream; charset=utf-8')
    if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'no-store, no-transform')
    // nginx collects answers before it passes them on, unless told not to.
    response.setHeader('x-accel-buffering', 'no')
    if (response.destroyed) this.#state = 'broken'
    else response.once('close', () => this.#close('broken'))
    if (this.isOver) return
    this.#scheduleSoon()
    if (heartbeat !== null) this.#heartbeat = setInterval(() => this.#beat(heartbeat), HEARTBEAT_MS).unref()
  }

  /** Nothing more can be written. */
  get isOver(): boolean {
    return this.#state !== 'open'
  }

  /** The caller left before `end` was called: what was written last may not have arrived. */
  get wasBroken(): boolean {
    return this.#state === 'broken'
  }

  /** More has been written than the caller takes for now; `drained` tells when it has caught up. */
  get isFull(): boolean {
    return this.#response.writableNeedDrain
  }

  /** Calls back once, when the stream is over; at once when it is already. @returns Takes the wish back. */
  onOver(callback: () => void): () => void {
    if (this.isOver) callback()
    else this.#listeners.add(callback)
    return () => void this.#listeners.delete(callback)
  }

  write(text: string): void {
    if (this.isOver) return
    this.#gathered += text
    if (this.#gathered.length > MOST_GATHERED) this.flush()
    else if (this.#response.headersSent) rounds.add(this)
    else setImmediate(() => this.flush())
  }

  /** Writes with whatever is written next, or in a few ms. */
  writeByTheWay(text: string): void {
    if (this.isOver) return
    this.#gathered += text
    this.#scheduleSoon()
  }

  /** Resolves when the caller has taken what was written, or has left. */
  async drained(): Promise<void> {
    if (!this.isFull || this.isOver) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const settle = (): void => resolve()
    this.#response.once('drain', settle)
    const forget = this.onOver(settle)
    await promise
    this.#response.off('drain', settle)
    forget()
  }

  /** Writes `text` and ends the response. */
  end(text = ''): void {
    if (this.isOver) return
    this.#response.end(this.#gathered + text)
    this.#close('ended')
  }

  #scheduleSoon(): void {
    this.#soon ??= setTimeout(() => this.flush(), SOON_MS)
  }

  /** Writes what has gathered. */
  flush(): void {
    clearTimeout(this.#soon)
    this.#soon = undefined
    // Whoever handles an error may have answered in our place.
    if (this.isOver || this.#response.writableEnded) return
    const text = this.#gathered
    this.#gathered = ''
    if (text !== '') this.#response.write(text)
    else if (!this.#response.headersSent) this.#response.flushHeaders()
  }

  /** For a caller who takes nothing there is nothing to keep awake. */
  #beat(heartbeat: string): void {
    if (!this.isFull) this.write(heartbeat)
  }

  #close(state: 'ended' | 'broken'): void {
    if (this.isOver) return
    this.#state = state
    clearTimeout(this.#soon)
    clearInterval(this.#heartbeat)
    for (const callback of this.#listeners) callback()
    this.#listeners.clear()
  }
}
