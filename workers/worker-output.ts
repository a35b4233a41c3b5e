import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'
import { freeBuffer } from './free-buffer.ts'
import { LogBudget } from './log-budget.ts'

/** A longer line is cut here; its rest counts as dropped. */
export const LINE_BYTES = 64 * 1024
const KEPT_LINES = 20
const KEPT_CHARACTERS = 500

/**
 * Drains what a worker process writes to stdout or stderr, line by line, so that it never blocks on its log.
 * Whole up to 5 MB/s, then counted.
 */
export class WorkerOutput {
  readonly #onLine: (stream: 'stdout' | 'stderr', line: string) => void
  readonly #budget: LogBudget
  readonly #lastLines: string[] = []
  #droppedBytes = 0

  constructor(onLine: (stream: 'stdout' | 'stderr', line: string) => void, now: () => number) {
    this.#onLine = onLine
    this.#budget = new LogBudget(now)
  }

  drain(name: 'stdout' | 'stderr', stream: Readable): void {
    const decoder = new StringDecoder('utf8')
    let rest = ''
    // The part of a line beyond the cut is skipped up to its end.
    let skipping = false
    const take = (chunk: Buffer): void => {
      if (!this.#budget.spend(chunk.length)) {
        this.#droppedBytes += chunk.length + rest.length
        skipping = true
        rest = ''
        return
      }
      const lines = (rest + decoder.write(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (skipping) this.#droppedBytes += line.length
        else this.#take(name, line)
        skipping = false
      }
      if (rest.length > LINE_BYTES) {
        if (!skipping) this.#take(name, rest)
        else this.#droppedBytes += rest.length
        skipping = true
        rest = ''
      }
    }
    stream.on('data', (chunk: Buffer) => {
      take(chunk)
      freeBuffer(chunk)
    })
    stream.on('end', () => {
      if (rest !== '' && !skipping) this.#take(name, rest)
    })
    // A pipe that breaks with its process is no news: the exit is.
    stream.on('error', () => {})
  }

  /** The newest lines, oldest first, each cut to 500 characters. */
  lastLines(): string[] {
    return [...this.#lastLines]
  }

  droppedBytes(): number {
    return this.#droppedBytes
  }

  #take(name: 'stdout' | 'stderr', line: string): void {
    const cut = line.length > LINE_BYTES ? line.slice(0, LINE_BYTES) : line
    this.#droppedBytes += line.length - cut.length
    if (cut.trim() === '') return
    this.#lastLines.push(cut.slice(0, KEPT_CHARACTERS))
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift()
    this.#onLine(name, cut)
  }
}
