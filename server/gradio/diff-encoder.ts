import { diff } from './diff.ts'
import type { Step } from './transcript.ts'

/**
 * The `data` of an event's intermediate results as Gradio's clients expect it: the first whole, each later one as edits.
 * Source: Gradio 6, gradio/blocks.py `handle_streaming_diffs`.
 */
export class DiffEncoder {
  #previous: unknown[] | null = null
  #isResumed = false

  /** From here on a new reader: whatever it missed, the next edits replace whole values. */
  resume(): void {
    this.#isResumed = true
  }

  encode(data: unknown[], growth: Step['growth']): unknown[] {
    const previous = this.#previous
    const isResumed = this.#isResumed
    this.#previous = data
    this.#isResumed = false
    if (previous === null) return data
    if (isResumed) return data.map((value) => [['replace', [], value]])
    if (growth !== undefined) return data.map((_, index) => (index === growth.index ? [['append', [], growth.text]] : []))
    return data.map((value, index) => diff(previous[index], value))
  }
}
