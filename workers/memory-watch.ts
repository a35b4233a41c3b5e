import type { Replica } from './replica.ts'

/** From this share of `rssMb` on a worker is replaced; from the second on it is ended at once. */
const REPLACE_SHARE = 0.85
const KILL_SHARE = 1.25
/** What a worker must have grown by since it was ready; below that a new one would be no smaller. */
const GROWTH_SHARE = 0.1

/** RSS and CPU of a worker's process, sampled; `watch` begins, `forget` ends. */
export interface UsageSource {
  watch(pid: number, onSample: (rssBytes: number, cpuRatio: number) => void): void
  forget(pid: number): void
}

/** What the watch tells and asks of the supervisor. */
export interface MemoryWatchOwner {
  changed(replica: Replica, what: string, why: string): void
  /** False while it is being replaced, or when that was tried a moment ago. */
  mayBeReplaced(replica: Replica): boolean
  replace(replica: Replica): void
}

/** The process that is watched, and its first sample in service. */
interface Watched {
  pid: number
  rssAtFirst: number | null
}

/** Watches the memory of the workers of one model: what nears its cap is replaced, what goes far beyond it is ended. */
export class MemoryWatch {
  readonly #owner: MemoryWatchOwner
  readonly #usage: UsageSource
  readonly #watched = new Map<Replica, Watched>()

  constructor(owner: MemoryWatchOwner, usage: UsageSource) {
    this.#owner = owner
    this.#usage = usage
  }

  /** Call whenever the process of a replica may have changed: the one that is there now is watched, for as long as it is. */
  follow(replica: Replica): void {
    const before = this.#watched.get(replica)
    const { pid } = replica
    if (before?.pid === (pid ?? undefined)) return
    if (before !== undefined) this.#usage.forget(before.pid)
    this.#watched.delete(replica)
    if (pid === null) return
    const watched: Watched = { pid, rssAtFirst: null }
    this.#watched.set(replica, watched)
    this.#usage.watch(pid, (rssBytes, cpuRatio) => this.#sampled(replica, watched, rssBytes, cpuRatio))
  }

  #sampled(replica: Replica, watched: Watched, rssBytes: number, cpuRatio: number): void {
    replica.usage(rssBytes, cpuRatio)
    if (replica.state === 'ready') watched.rssAtFirst ??= rssBytes
    const { rssLimitBytes } = replica
    const grownBytes = rssBytes - (watched.rssAtFirst ?? 0)
    if (rssBytes > rssLimitBytes * KILL_SHARE) {
      this.#owner.changed(replica, 'over its memory', `${megabytes(rssBytes)} MB of ${megabytes(rssLimitBytes)} MB, ended`)
      replica.kill('rss')
    } else if (rssBytes > rssLimitBytes * REPLACE_SHARE && grownBytes > rssLimitBytes * GROWTH_SHARE && this.#owner.mayBeReplaced(replica)) {
      this.#owner.changed(replica, 'near its memory cap', `${megabytes(rssBytes)} MB of ${megabytes(rssLimitBytes)} MB, being replaced`)
      this.#owner.replace(replica)
    }
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024))
}
