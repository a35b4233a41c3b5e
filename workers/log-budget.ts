/** A worker's output is whole up to this rate; above it, it is counted and dropped. */
export const LOG_BYTES_PER_SECOND = 5 * 1024 * 1024

/** A token bucket of one second's worth of bytes. */
export class LogBudget {
  readonly #now: () => number
  readonly #bytesPerSecond: number
  #left: number
  #at: number

  constructor(now: () => number, bytesPerSecond: number = LOG_BYTES_PER_SECOND) {
    this.#now = now
    this.#bytesPerSecond = bytesPerSecond
    this.#left = bytesPerSecond
    this.#at = now()
  }

  /** True, and the bytes are spent, when they are within the rate. */
  spend(bytes: number): boolean {
    const now = this.#now()
    this.#left = Math.min(this.#bytesPerSecond, this.#left + ((now - this.#at) / 1000) * this.#bytesPerSecond)
    this.#at = now
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }
}
