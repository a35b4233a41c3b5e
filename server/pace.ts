/** Measured durations of one model: the mean that estimates are made from, and the quantiles of the last few hundred. */
export class Pace {
  /** Weight of the newest in the running mean: about the last ten count. */
  static readonly #WEIGHT = 0.2
  readonly #recent = new Float64Array(512)
  #count = 0
  #meanMs: number | null = null

  /** @param runMs How long the author's code ran. @param totalMs From arrival to the end. */
  observe(runMs: number, totalMs: number): void {
    this.#meanMs = this.#meanMs === null ? runMs : this.#meanMs + Pace.#WEIGHT * (runMs - this.#meanMs)
    this.#recent[this.#count % this.#recent.length] = totalMs
    this.#count++
  }

  get meanMs(): number | null {
    return this.#meanMs
  }

  /** Total durations in seconds; null before the first. */
  quantiles(): { p50: number | null; p95: number | null } {
    const sorted = this.#recent.slice(0, Math.min(this.#count, this.#recent.length)).sort()
    const at = (share: number): number | null => {
      const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
      return value === undefined ? null : value / 1000
    }
    return { p50: at(0.5), p95: at(0.95) }
  }
}
