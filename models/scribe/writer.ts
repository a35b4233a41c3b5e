import type { NgramIndex } from './ngrams.ts'
import { PARAGRAPH, spaced, tokenise } from './tokens.ts'

export interface WriterOptions {
  prompt: string
  /** Below 1 the likely words win, above 1 the unlikely ones get their turn. */
  temperature: number
  /** How many tokens to write. */
  length: number
  /** From 0 to 1, 1 excluded. */
  random: () => number
}

/** Continues the prompt token by token; each step gives what is to be appended, its space included. */
export function* write(index: NgramIndex, { prompt, temperature, length, random }: WriterOptions): Generator<string, void, undefined> {
  const tokens = [...tokenise(prompt)]
  let isQuoting = tokens.lastIndexOf('“') > tokens.lastIndexOf('”')
  let tail = prompt.slice(-2)
  for (let written = 0; written < length; written++) {
    const chances = index.next(tokens.slice(-8))
    const token = pick(withoutStrayQuotes(chances, isQuoting), temperature, random)
    isQuoting = token === '“' || (isQuoting && token !== '”' && token !== PARAGRAPH)
    tokens.push(token)
    const text = spaced(tail, token)
    tail = (tail + text).slice(-2)
    yield text
  }
}

/** An opening quotation mark only outside of a quotation, a closing one only inside; all is allowed where nothing else is. */
function withoutStrayQuotes(chances: Map<string, number>, isQuoting: boolean): Map<string, number> {
  const stray = isQuoting ? '“' : '”'
  if (!chances.has(stray) || chances.size === 1) return chances
  chances.delete(stray)
  return chances
}

function pick(chances: Map<string, number>, temperature: number, random: () => number): string {
  // Relative to the likeliest, for a low temperature would take all powers to zero.
  const likeliest = Math.max(...chances.values())
  const weights = Array.from(chances, ([token, chance]) => ({ token, weight: (chance / likeliest) ** (1 / temperature) }))
  let rest = random() * weights.reduce((sum, { weight }) => sum + weight, 0)
  for (const { token, weight } of weights) {
    rest -= weight
    if (rest < 0) return token
  }
  return weights.at(-1)?.token ?? ''
}

/** A small generator of random numbers (mulberry32): the same seed gives the same sequence. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
