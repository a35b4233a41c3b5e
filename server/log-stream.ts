import type { Writable } from 'node:stream'

/** Lines that nobody reads wait in memory up to here. */
const MAX_UNREAD_CHARACTERS = 16 * 1024 * 1024

/**
 * Writes log lines to a stream once per turn of the event loop. It never holds up its caller: when the reader stalls, lines wait in
 * memory up to a bound and are then dropped; when the reader is gone, all are. What was written before a `process.exit` goes out.
 */
export class LogStream {
  readonly #target: Writable
  readonly #onResumed: (droppedCharacters: number) => void
  #pending = ''
  #dropped = 0
  #broken = false

  /** @param onResumed Hears how much was dropped, when there is room again. It may write. */
  constructor(target: Writable, onResumed: (droppedCharacters: number) => void) {
    this.#target = target
    this.#onResumed = onResumed
    // Without a listener the end of a reader (`npm start | head`) would be the end of the host.
    target.on('error', () => { this.#broken = true })
    process.once('exit', () => this.#flush())
  }

  write(line: string): void {
    if (this.#broken) return
    if (this.#pending.length + this.#target.writableLength > MAX_UNREAD_CHARACTERS) {
      this.#dropped += line.length
      return
    }
    if (this.#pending === '') setImmediate(() => this.#flush())
    this.#pending += line
    if (this.#dropped > 0) this.#tellDropped()
  }

  #tellDropped(): void {
    const dropped = this.#dropped
    this.#dropped = 0
    this.#onResumed(dropped)
  }

  #flush(): void {
    if (this.#pending === '') return
    const lines = this.#pending
    this.#pending = ''
    this.#target.write(lines)
  }
}
