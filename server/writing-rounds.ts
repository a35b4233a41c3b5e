/** As long as no more streams than this write within a window, each write leaves with its turn of the event loop. */
const FEW_STREAMS = 250
/** With more, what was written so long leaves together: a system call for each event would take all of the host's time, and everyone would get his late. */
const MS_PER_STREAM = 0.03
const MOST_MS = 50
/** Longer than a round, so that there is one in each window. */
const WINDOW_MS = 100

export interface Writer {
  /** Writes what it has gathered. */
  flush(): void
}

/** Has streams write in rounds: one for each turn of the event loop, fewer while hundreds of them write. */
export class WritingRounds {
  readonly #due = new Set<Writer>()
  #isComing = false
  /** In which window each wrote last. Streams that only stay open count for nothing. */
  readonly #lastWindow = new WeakMap<Writer, number>()
  #window = 0
  #windowEndsMs = 0
  #writing = 0
  #wroteBefore = 0
  readonly #now: () => number

  /** @param now Monotonic ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Calls its `flush` soon, once. */
  add(writer: Writer): void {
    this.#due.add(writer)
    if (this.#isComing) return
    this.#isComing = true
    const writing = Math.max(this.#writing, this.#wroteBefore)
    if (writing <= FEW_STREAMS) setImmediate(() => this.#write())
    else setTimeout(() => this.#write(), Math.min(MOST_MS, writing * MS_PER_STREAM))
  }

  #write(): void {
    this.#isComing = false
    const writers = [...this.#due]
    this.#due.clear()
    this.#turnWindow(this.#now())
    for (const writer of writers) {
      if (this.#lastWindow.get(writer) !== this.#window) this.#writing++
      this.#lastWindow.set(writer, this.#window)
      writer.flush()
    }
  }

  #turnWindow(nowMs: number): void {
    if (nowMs < this.#windowEndsMs) return
    this.#wroteBefore = nowMs < this.#windowEndsMs + WINDOW_MS ? this.#writing : 0
    this.#writing = 0
    this.#window++
    this.#windowEndsMs = nowMs + WINDOW_MS
  }
}
