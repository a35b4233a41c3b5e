import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

/** What languages.json says of the weights beside it. */
interface Description {
  /** Rows of the weights: one for each bucket, then the bias. */
  buckets: number
  /** Longest n-gram, in code points. */
  longest: number
  /** What one unit of an int8 weight stands for. */
  step: number
  /** Columns of the weights. */
  languages: string[]
}

const SPACE = 0x20

/** A softmax regression over hashed character n-grams. */
export class LanguageClassifier {
  readonly #description: Description
  readonly #weights: Int8Array

  /** @throws {RangeError} when the weights do not have a row for each bucket and the bias, and a column for each language. */
  constructor(description: Description, weights: Int8Array) {
    const expected = (description.buckets + 1) * description.languages.length
    if (weights.length !== expected) throw new RangeError(`${weights.length} weights instead of ${expected}`)
    this.#description = description
    this.#weights = weights
  }

  /** From the files that train.py writes into this folder. */
  static async load(): Promise<LanguageClassifier> {
    const description: Description = JSON.parse(await readFile(new URL('./languages.json', import.meta.url), 'utf8'))
    const bytes = await promisify(gunzip)(await readFile(new URL('./weights.bin.gz', import.meta.url)))
    return new LanguageClassifier(description, new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  }

  get languages(): readonly string[] {
    return this.#description.languages
  }

  /**
   * The chance of each language, likeliest first; all of them sum to 1.
   *
   * @returns null for a text without letters.
   */
  classify(text: string): [language: string, chance: number][] | null {
    const { buckets, languages, step, longest } = this.#description
    const sums = new Float64Array(languages.length)
    let count = 0
    for (const bucket of ngramBuckets(text, longest, buckets)) {
      this.#addRow(bucket, sums)
      count++
    }
    if (count === 0) return null
    const scores = sums.map((sum) => sum / Math.sqrt(count))
    this.#addRow(buckets, scores)
    const highest = Math.max(...scores)
    const powers = scores.map((score) => Math.exp((score - highest) * step))
    const total = powers.reduce((sum, power) => sum + power, 0)
    return languages.map((language, at): [string, number] => [language, (powers[at] ?? 0) / total]).sort((a, b) => b[1] - a[1])
  }

  #addRow(row: number, sums: Float64Array): void {
    const columns = sums.length
    for (let column = 0; column < columns; column++) sums[column] = (sums[column] ?? 0) + (this.#weights[row * columns + column] ?? 0)
  }
}

/** Lower-case letters and their marks; all else is one space; a space before and after. The same as in train.py. */
export function normalise(text: string): string {
  return ` ${text.normalize('NFC').toLowerCase().replace(/[^\p{L}\p{M}]+/gu, ' ').trim()} `
}

/** The buckets of all n-grams that hold at most a space at either end. The same as in train.py. */
function* ngramBuckets(text: string, longest: number, buckets: number): Generator<number, void, undefined> {
  const points = Array.from(normalise(text), (character) => character.codePointAt(0) ?? SPACE)
  if (points.every((point) => point === SPACE)) return
  for (let start = 0; start < points.length; start++) {
    let hash = 0x811c9dc5
    for (let at = start; at < Math.min(points.length, start + longest); at++) {
      const point = points[at] ?? SPACE
      hash = Math.imul(hash ^ point, 0x01000193)
      const isBareSpace = point === SPACE && at === start
      if (!isBareSpace) yield ((hash ^ (hash >>> 15)) >>> 0) % buckets
      if (point === SPACE && at > start) break
    }
  }
}
