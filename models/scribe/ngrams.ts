/** How many tokens an n-gram has at most; one less decide what follows. */
const ORDER = 4

/** Taken from each count and given to the shorter context. */
const DISCOUNT = 0.75

/**
 * Every n-gram of a text of tokens, as the sorted list of its positions: what followed a context stands side by side.
 * The chances of all contexts are interpolated by absolute discounting, from the longest that the text knows down to
 * one token; a context that the text does not know backs off to all tokens.
 */
export class NgramIndex {
  readonly #vocabulary: string[] = []
  readonly #idOf = new Map<string, number>()
  readonly #text: Uint16Array
  /** Positions in the text, ordered by the ORDER tokens that stand there. */
  readonly #positions: Uint32Array

  /** @throws {RangeError} with more than 65,536 different tokens. */
  constructor(tokens: Iterable<string>) {
    let text = new Uint16Array(1 << 16)
    let length = 0
    for (const token of tokens) {
      if (length === text.length) text = enlarge(text)
      text[length++] = this.#learn(token)
    }
    this.#text = text.slice(0, length)
    this.#positions = sortPositions(this.#text, this.#vocabulary.length)
  }

  #learn(token: string): number {
    const known = this.#idOf.get(token)
    if (known !== undefined) return known
    const id = this.#vocabulary.push(token) - 1
    if (id > 0xffff) throw new RangeError('the text has more than 65,536 different tokens')
    this.#idOf.set(token, id)
    return id
  }

  get vocabularySize(): number {
    return this.#vocabulary.length
  }

  /**
   * What may follow, with chances that sum to 1. A word that the text does not know is tried in lower case, then ends the context.
   *
   * @param context The tokens before; only the last three count.
   */
  next(context: readonly string[]): Map<string, number> {
    const ids = this.#knownTail(context)
    const chances = new Map<number, number>()
    let share = 1
    for (let length = ids.length; length > 0; length--) {
      share = this.#addFollowers(chances, this.#rangeOf(ids.slice(-length)), length, share, length === 1 ? 0 : DISCOUNT)
    }
    if (chances.size === 0) this.#addFollowers(chances, { start: 0, end: this.#positions.length }, 0, 1, 0)
    return new Map(Array.from(chances, ([id, chance]) => [this.#vocabulary[id] ?? '', chance]))
  }

  #knownTail(context: readonly string[]): number[] {
    const ids: number[] = []
    for (const token of context.slice(1 - ORDER).toReversed()) {
      const id = this.#idOf.get(token) ?? this.#idOf.get(token.toLowerCase())
      if (id === undefined) break
      ids.unshift(id)
    }
    return ids
  }

  /** Shares out `share` among what follows one context of `length` tokens. Returns what is left of it for a shorter one. */
  #addFollowers(chances: Map<number, number>, { start, end }: Range, length: number, share: number, discount: number): number {
    if (start === end) return share
    const follower = (at: number): number => this.#text[(this.#positions[at] ?? 0) + length] ?? 0
    let left = 0
    for (let at = start, first = start; first < end; first = at) {
      const id = follower(first)
      while (at < end && follower(at) === id) at++
      chances.set(id, (chances.get(id) ?? 0) + (share * (at - first - discount)) / (end - start))
      left += (share * discount) / (end - start)
    }
    return left
  }

  #rangeOf(ids: readonly number[]): Range {
    return { start: this.#bound(ids, 0), end: this.#bound(ids, 1) }
  }

  /** The first position whose n-gram is not before `ids`, or (`beyond` 1) is after it. */
  #bound(ids: readonly number[], beyond: 0 | 1): number {
    let low = 0
    let high = this.#positions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#positions[middle] ?? 0, ids) < beyond) low = middle + 1
      else high = middle
    }
    return low
  }

  #compare(position: number, ids: readonly number[]): number {
    for (const [at, id] of ids.entries()) {
      const difference = (this.#text[position + at] ?? 0) - id
      if (difference !== 0) return difference
    }
    return 0
  }
}

/** Entries of the sorted positions, `end` not included. */
interface Range {
  start: number
  end: number
}

function enlarge(text: Uint16Array): Uint16Array<ArrayBuffer> {
  const larger = new Uint16Array(text.length * 2)
  larger.set(text)
  return larger
}

/** All positions with ORDER tokens from there on, ordered by these: one stable counting sort for each, the last token first. */
function sortPositions(text: Uint16Array, vocabularySize: number): Uint32Array {
  let sorted = Uint32Array.from({ length: Math.max(0, text.length - ORDER + 1) }, (_, position) => position)
  for (let offset = ORDER - 1; offset >= 0; offset--) {
    const next = new Uint32Array(vocabularySize + 1)
    for (const position of sorted) {
      const key = (text[position + offset] ?? 0) + 1
      next[key] = (next[key] ?? 0) + 1
    }
    for (let key = 1; key <= vocabularySize; key++) next[key] = (next[key] ?? 0) + (next[key - 1] ?? 0)
    const target = new Uint32Array(sorted.length)
    for (const position of sorted) {
      const key = text[position + offset] ?? 0
      const at = next[key] ?? 0
      target[at] = position
      next[key] = at + 1
    }
    sorted = target
  }
  return sorted
}
