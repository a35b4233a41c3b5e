import type { UsageSource } from './supervisor.ts'
import { UsageSampler } from './usage.ts'

/** A leak of 2 MB a call at 100 calls a second must be seen before it has grown by a quarter of the default cap. */
const SAMPLE_MS = 500

/** The sampled memory and CPU of each worker, handed to whoever watches its process. */
export class WatchedUsage implements UsageSource {
  readonly #watchers = new Map<number, (rssBytes: number, cpuRatio: number) => void>()
  readonly #sampler = new UsageSampler({ intervalMs: SAMPLE_MS, onSample: (pid, { rssBytes, cpuRatio }) => this.#watchers.get(pid)?.(rssBytes, cpuRatio) })

  start(): void {
    this.#sampler.start()
  }

  close(): void {
    this.#sampler.close()
  }

  watch(pid: number, onSample: (rssBytes: number, cpuRatio: number) => void): void {
    this.#watchers.set(pid, onSample)
    this.#sampler.add(pid)
  }

  forget(pid: number): void {
    this.#watchers.delete(pid)
    this.#sampler.remove(pid)
  }
}
