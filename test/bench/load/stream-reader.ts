import type { StreamMarks } from './jobs.ts'

const NOTHING = Buffer.alloc(0)
const LINE_FEED = 10

/** Counts the tokens of one stream by their marks, and the pauses between them, without parsing it: 100,000 a second must cost next to nothing. */
export class StreamReader {
  /** Monotonic ms; null before the first token. */
  firstAt: number | null = null
  /** The longest time between two tokens. */
  gapMs = 0
  tokens = 0
  bytes = 0
  /** The end was read. */
  ended = false
  readonly #first: Buffer
  readonly #token: Buffer
  readonly #end: Buffer | null
  /** The end of what was read before, where a mark may have begun. */
  #rest: Buffer = NOTHING
  #lastAt = 0

  constructor({ first, token, end }: StreamMarks) {
    this.#first = Buffer.from(first)
    this.#token = Buffer.from(token)
    this.#end = end === undefined ? null : Buffer.from(end)
  }

  /** @param at Monotonic ms at which this was read. Not kept: the buffer may be used again. */
  push(chunk: Buffer, at: number): void {
    this.bytes += chunk.length
    const text = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    if (this.#end !== null && text.includes(this.#end)) this.ended = true
    let from = 0
    let found = 0
    if (this.firstAt === null) {
      const begin = text.indexOf(this.#first)
      if (begin === -1) return this.#keep(text, 0)
      this.firstAt = at
      this.#lastAt = at
      found++
      from = begin + this.#first.length
    }
    for (let next = text.indexOf(this.#token, from); next !== -1; next = text.indexOf(this.#token, from)) {
      found++
      from = next + this.#token.length
    }
    if (found > 0) {
      this.tokens += found
      this.gapMs = Math.max(this.gapMs, at - this.#lastAt)
      this.#lastAt = at
    }
    this.#keep(text, from)
  }

  /** A copy of the last bytes that were not part of a mark, fewer than a mark has. No mark goes on over the end of a line, where most of what is read ends. */
  #keep(text: Buffer, from: number): void {
    if (text[text.length - 1] === LINE_FEED) {
      this.#rest = NOTHING
      return
    }
    const most = Math.max(this.#first.length, this.#token.length, this.#end?.length ?? 0) - 1
    this.#rest = Buffer.from(text.subarray(Math.max(from, text.length - most)))
  }
}
