import type { Writable } from 'node:stream'
import { freeBuffer } from '../workers/free-buffer.ts'

/** What nobody reads waits in memory up to here. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024
/** A turn that writes more than this writes it in parts, so that what was written can be forgotten within the turn. */
const PART_CHARACTERS = 64 * 1024

/**
 * Writes log lines to a stream: the first at the end of its turn of the event loop, those that follow at once gathered for a moment. It never holds up its caller: when the reader stalls, lines wait in
 * memory up to a bound and are then dropped; when the reader is gone, all are. What was written before a `process.exit` goes out.
 *
 * What waits does so as bytes outside of the heap, freed when they are written: as texts in the stream's own buffer it would cost several times as much.
 */
export class LogStream {
  readonly #target: Writable
  readonly #onResumed: (droppedCharacters: number) => void
  readonly #gatherMs: number
  #flushedAt = 0
  #pending = ''
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #dropped = 0
  #broken = false

  /**
   * @param onResumed Hears how much was dropped, when there is room again. It may write.
   * @param gatherMs Between two writes. A write wakes whoever reads the log, which costs more than the line.
   */
  constructor(target: Writable, onResumed: (droppedCharacters: number) => void, gatherMs: number) {
    this.#target = target
    this.#gatherMs = gatherMs
    this.#onResumed = onResumed
    // Without a listener the end of a reader (`npm start | head`) would be the end of the host.
    target.on('error', () => {
      this.#broken = true
      this.#waiting = []
    })
    process.once('exit', () => this.#flushAll())
  }

  write(line: string): void {
    if (this.#broken) return
    if (this.#pending.length + this.#waitingBytes > MAX_UNREAD_BYTES) {
      this.#dropped += line.length
      return
    }
    if (this.#pending === '') this.#flushSoon()
    this.#pending += line
    if (this.#pending.length > PART_CHARACTERS) this.#flush()
    if (this.#dropped > 0) this.#tellDropped()
  }

  #tellDropped(): void {
    const dropped = this.#dropped
    this.#dropped = 0
    this.#onResumed(dropped)
  }

  #flushSoon(): void {
    const restMs = this.#flushedAt + this.#gatherMs - performance.now()
    if (restMs > 0) setTimeout(() => this.#flush(), restMs)
    else setImmediate(() => this.#flush())
  }

  #flush(): void {
    if (this.#pending === '' || this.#broken) return
    this.#flushedAt = performance.now()
    const lines = this.#pending
    this.#pending = ''
    if (this.#isTaken()) {
      this.#target.write(lines, () => this.#writeWaiting())
      return
    }
    const part = Buffer.from(lines)
    this.#waiting.push(part)
    this.#waitingBytes += part.length
  }

  /** The target has passed on all that it was given. */
  #isTaken(): boolean {
    return this.#waiting.length === 0 && this.#target.writableLength === 0
  }

  #writeWaiting(): void {
    while (this.#target.writableLength === 0) {
      const part = this.#waiting.shift()
      if (part === undefined) return
      this.#target.write(part, () => {
        this.#waitingBytes -= part.length
        freeBuffer(part)
        this.#writeWaiting()
      })
    }
  }

  /** The process ends: the target gets the rest, whether or not it can still pass it on. */
  #flushAll(): void {
    this.#flush()
    for (const part of this.#waiting.splice(0)) this.#target.write(part)
  }
}
