import { type Measures, quantile } from '../figures.ts'

/** Counts answers. */
export class Tally {
  /** Everything that was not answered with 2xx. */
  errors = 0
  readonly #latencies: number[] = []

  add(status: number, latencyMs: number): void {
    if (status >= 200 && status < 300) this.#latencies.push(latencyMs)
    else this.errors++
  }

  measures(seconds: number): Measures {
    return {
      perSecond: this.#latencies.length / seconds, p50Ms: quantile(this.#latencies, 0.5), p99Ms: quantile(this.#latencies, 0.99), errors: this.errors,
    }
  }
}
