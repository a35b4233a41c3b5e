import type { Outcome } from './metrics.ts'

/** Work that was asked for is done within this, or within three times what it usually takes: else none has come out lately. */
const LATELY_MS = 30_000
const LATELY_RUNS = 3

/** Ends of which a worker has done the work; an author's error is an answer, too. All others were given without it. */
const FINISHED: ReadonlySet<Outcome> = new Set<Outcome>(['succeeded', 'failed'])

/** The third signal beside live and ready: has work come out lately, of that which went in? */
export interface ServingSnapshot {
  /** False when work was asked for and none was finished for too long. */
  serving: boolean
  /** ISO 8601; null before the first since the start of the host. */
  lastSuccessAt: string | null
  /** The same for the last that a worker did to its end, also when the model failed on it. */
  lastFinishedAt: string | null
}

/** Watches one model's work go in and come out. Reads no clock of its own: each fact comes with its moment. */
export class Serving {
  #lastSuccessAt: number | null = null
  #lastFinishedAt: number | null = null
  #lastAskedMs = -Infinity
  /** Monotonic ms since when something asked for is not done; null when all was. */
  #unansweredSinceMs: number | null = null

  /** @param nowMs Monotonic. */
  asked(nowMs: number): void {
    this.#lastAskedMs = nowMs
    this.#unansweredSinceMs ??= nowMs
  }

  /** @param nowMs Monotonic. @param isMoreUnderWay Other predictions wait or run still. */
  ended(outcome: Outcome, nowMs: number, isMoreUnderWay: boolean): void {
    if (FINISHED.has(outcome)) {
      this.#lastFinishedAt = Date.now()
      if (outcome === 'succeeded') this.#lastSuccessAt = this.#lastFinishedAt
      this.#unansweredSinceMs = isMoreUnderWay ? nowMs : null
    } else if (outcome === 'cancelled' && !isMoreUnderWay) {
      // Nobody asks any more.
      this.#unansweredSinceMs = null
    }
  }

  /** @param usualMs How long a run takes, or may take where none was measured. @param isUnderWay Something waits or runs. */
  snapshot(nowMs: number, usualMs: number, isUnderWay: boolean): ServingSnapshot {
    const latelyMs = Math.max(LATELY_MS, usualMs * LATELY_RUNS)
    const isAsked = isUnderWay || nowMs - this.#lastAskedMs < latelyMs
    const isOverdue = this.#unansweredSinceMs !== null && nowMs - this.#unansweredSinceMs >= latelyMs
    return { serving: !(isAsked && isOverdue), lastSuccessAt: isoOf(this.#lastSuccessAt), lastFinishedAt: isoOf(this.#lastFinishedAt) }
  }
}

function isoOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
