import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Values } from '../workers/contract.ts'

export const REMEMBER_MS = 600_000
const MOST_REMEMBERED = 1_000

/** Inputs of one model that ended two workers. Remembered by their SHA-256, files by content, for ten minutes. */
export class Poison {
  readonly #now: () => number
  readonly #until = new Map<string, number>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** False costs nothing, and is the rule: then no input need be hashed. */
  get isEmpty(): boolean {
    // Oldest first, since all are remembered equally long.
    for (const [digest, until] of this.#until) {
      if (until > this.#now()) break
      this.#until.delete(digest)
    }
    return this.#until.size === 0
  }

  forget(): void {
    this.#until.clear()
  }

  async remember(inputs: Values): Promise<void> {
    const digest = await digestOf(inputs)
    this.#until.delete(digest)
    const oldest = this.#until.keys().next()
    if (this.#until.size >= MOST_REMEMBERED && !oldest.done) this.#until.delete(oldest.value)
    this.#until.set(digest, this.#now() + REMEMBER_MS)
  }

  /** Seconds for which the input is still refused; 0 when it is not. */
  async remembered(inputs: Values): Promise<number> {
    const digest = await digestOf(inputs)
    const leftMs = (this.#until.get(digest) ?? 0) - this.#now()
    if (leftMs > 0) return Math.ceil(leftMs / 1000)
    this.#until.delete(digest)
    return 0
  }
}

async function digestOf(inputs: Values): Promise<string> {
  const hash = createHash('sha256')
  await addValue(hash, inputs)
  return hash.digest('hex')
}

async function addValue(hash: Hash, value: unknown): Promise<void> {
  if (typeof value !== 'object' || value === null) {
    const text = String(value)
    hash.update(`${typeof value}:${text.length}:${text};`)
    return
  }
  if ('path' in value && 'mimeType' in value && typeof value.path === 'string') {
    // The name and place of a file are new with each upload; what is in it is what kills.
    try {
      for await (const chunk of createReadStream(value.path)) hash.update(chunk)
    } catch {
      // Gone, or not readable: the model will find that out; here it must only not be taken for another.
      hash.update(`unreadable:${value.path}`)
    }
    return
  }
  for (const [key, inner] of Object.entries(value)) {
    hash.update(`${key}=`)
    await addValue(hash, inner)
  }
  hash.update('|')
}
