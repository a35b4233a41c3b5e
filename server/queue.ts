/** What waits in a queue. */
export interface QueueEntry {
  /** A replay of a suspect: nothing may run beside it. */
  readonly alone: boolean
  /** Whether someone listens to its place in the line. */
  readonly followed: boolean
}

/**
 * The waiting line of one model: first in, first out, bounded. What was given out already and came back goes before all others,
 * and the bound does not count for it: it was admitted once.
 */
export class Queue<Entry extends QueueEntry> {
  readonly #returned: Entry[] = []
  // Insertion order is the order of the line, and leaving it from the middle costs nothing.
  readonly #waiting = new Set<Entry>()
  #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get limit(): number {
    return this.#limit
  }

  set limit(limit: number) {
    this.#limit = limit
  }

  get depth(): number {
    return this.#returned.length + this.#waiting.size
  }

  get isFull(): boolean {
    return this.#waiting.size >= this.#limit
  }

  add(entry: Entry): void {
    this.#waiting.add(entry)
  }

  addReturned(entry: Entry): void {
    this.#returned.push(entry)
  }

  /** @returns False when it was not waiting. */
  remove(entry: Entry): boolean {
    if (this.#waiting.delete(entry)) return true
    const index = this.#returned.indexOf(entry)
    if (index === -1) return false
    this.#returned.splice(index, 1)
    return true
  }

  first(): Entry | undefined {
    if (this.#returned.length > 0) return this.#returned[0]
    for (const entry of this.#waiting) return entry
    return undefined
  }

  /** The first that may share a worker. */
  firstShared(): Entry | undefined {
    for (const entry of this) if (!entry.alone) return entry
    return undefined
  }

  /** Takes up to `size` entries that may share a call, in order. */
  takeShared(size: number): Entry[] {
    const taken: Entry[] = []
    for (const entry of this) {
      if (taken.length === size) break
      if (!entry.alone) taken.push(entry)
    }
    for (const entry of taken) this.remove(entry)
    return taken
  }

  *[Symbol.iterator](): Iterator<Entry> {
    yield* this.#returned
    yield* this.#waiting
  }
}
