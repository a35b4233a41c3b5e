/** How a process ended without being asked to: in service, or before it was ready. */
export interface Failure {
  /** Monotonic ms. */
  at: number
  kind: 'crash' | 'start'
}

export type RestartVerdict = { action: 'restart'; waitMs: number } | { action: 'quarantine'; waitMs: number }

/** Crashes older than this are forgiven. */
const MEMORY_MS = 60_000
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000
const JITTER = 0.2
const FAILED_STARTS = 3
const CRASHES = 5
/** A quarantined model is tried again this often. */
const QUARANTINE_MS = 60_000
const MOST_KEPT = 20

/**
 * What to do after the last of `failures` (oldest first).
 *
 * The first crash within a minute is restarted at once: whoever waits should wait for the model's start and for nothing else.
 * Then 0.5 s, doubling to 30 s, ± 20 %. Three failed starts in a row, or five crashes in a minute, are quarantine.
 *
 * @param random In [0, 1).
 */
export function nextRestart(failures: readonly Failure[], now: number, random: () => number): RestartVerdict {
  const startsInARow = failedStartsInARow(failures)
  const recent = failures.filter((failure) => now - failure.at < MEMORY_MS).length
  const crashes = failures.filter((failure) => failure.kind === 'crash' && now - failure.at < MEMORY_MS).length
  if (startsInARow >= FAILED_STARTS || crashes >= CRASHES) return { action: 'quarantine', waitMs: jittered(QUARANTINE_MS, random) }
  if (startsInARow === 0 && recent <= 1) return { action: 'restart', waitMs: 0 }
  const doublings = Math.max(startsInARow, recent - 1) - 1
  return { action: 'restart', waitMs: jittered(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** doublings), random) }
}

function failedStartsInARow(failures: readonly Failure[]): number {
  const lastOther = failures.findLastIndex((failure) => failure.kind !== 'start')
  return failures.length - 1 - lastOther
}

function jittered(ms: number, random: () => number): number {
  return Math.round(ms * (1 + JITTER * (2 * random() - 1)))
}

/** The failures of one replica, as far back as they matter. */
export class Failures {
  readonly #failures: Failure[] = []

  /** @returns What to do now. */
  add(failure: Failure, random: () => number): RestartVerdict {
    this.#failures.push(failure)
    if (this.#failures.length > MOST_KEPT) this.#failures.shift()
    return nextRestart(this.#failures, failure.at, random)
  }

  forgive(): void {
    this.#failures.length = 0
  }
}
