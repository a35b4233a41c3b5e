import type { Response } from 'express'

const HEARTBEAT_MS = 15_000

/**
 * A response that stays open and is written piece by piece. Ends its heartbeat and aborts its signal when the caller leaves or `end` is called.
 */
export class EventStream {
  readonly #response: Response
  readonly #gone = new AbortController()
  readonly #heartbeat: NodeJS.Timeout | undefined
  #endedByUs = false

  /** @param heartbeat Written every 15 s; null for a stream whose reader takes none. */
  constructor(response: Response, heartbeat: string | null) {
    this.#response = response
    response.status(200).set({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    response.socket?.setTimeout(0)
    response.socket?.setNoDelay(true)
    response.flushHeaders()
    if (heartbeat !== null) this.#heartbeat = setInterval(() => this.write(heartbeat), HEARTBEAT_MS).unref()
    response.once('close', () => this.#leave())
    if (response.destroyed) this.#leave()
  }

  /** Aborts when nothing more can be written. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** True when the caller left before `end` was called: what was written last may not have arrived. */
  get wasBroken(): boolean {
    return this.signal.aborted && !this.#endedByUs
  }

  write(text: string): void {
    if (!this.signal.aborted) this.#response.write(text)
  }

  /** Resolves when the caller has taken what was written, or has left. */
  async drained(): Promise<void> {
    if (!this.#response.writableNeedDrain || this.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const settle = (): void => resolve()
    this.#response.once('drain', settle)
    this.signal.addEventListener('abort', settle, { once: true })
    await promise
    this.#response.off('drain', settle)
    this.signal.removeEventListener('abort', settle)
  }

  /** Writes `text` and ends the response. */
  end(text = ''): void {
    if (this.signal.aborted) return
    this.#endedByUs = true
    this.#response.end(text)
    this.#leave()
  }

  #leave(): void {
    clearInterval(this.#heartbeat)
    this.#gone.abort()
  }
}
