import type { Clock } from './contract.ts'
import { describeGrowth, growthOf, leakOf, LONGEST_WINDOW_MS, megabytes, type MemorySample, slopeOf } from './leak.ts'
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

/** The process that is watched, and its samples in service, oldest first. */
interface Watched {
  pid: number
  rssAtFirst: number | null
  samples: MemorySample[]
}

/**
 * Watches the memory of the workers of one model: what leaks or nears its cap is replaced, what goes far beyond it is ended.
 * A leak is seen by its slope, so that there is time for the replacement before the cap is reached.
 */
export class MemoryWatch {
  readonly #owner: MemoryWatchOwner
  readonly #usage: UsageSource
  readonly #clock: Clock
  readonly #watched = new Map<Replica, Watched>()

  constructor(owner: MemoryWatchOwner, usage: UsageSource, clock: Clock) {
    this.#owner = owner
    this.#usage = usage
    this.#clock = clock
  }

  /** Call whenever the process of a replica may have changed: the one that is there now is watched, for as long as it is. */
  follow(replica: Replica): void {
    const before = this.#watched.get(replica)
    const { pid } = replica
    if (before?.pid === (pid ?? undefined)) return
    if (before !== undefined) this.#usage.forget(before.pid)
    this.#watched.delete(replica)
    if (pid === null) return
    const watched: Watched = { pid, rssAtFirst: null, samples: [] }
    this.#watched.set(replica, watched)
    this.#usage.watch(pid, (rssBytes, cpuRatio) => this.#sampled(replica, watched, rssBytes, cpuRatio))
  }

  #sampled(replica: Replica, watched: Watched, rssBytes: number, cpuRatio: number): void {
    // How much a start needs says nothing about the time in service.
    if (replica.state === 'ready') keepSample(watched, { at: this.#clock.now(), rssBytes, predictions: replica.predictions, inFlight: replica.inFlight })
    replica.sampled({ rssBytes, cpuRatio, rssSlopeBytesPerMinute: slopeOf(watched.samples) })
    if (rssBytes > replica.rssLimitBytes * KILL_SHARE) {
      this.#owner.changed(replica, 'over its memory', `${shareOf(replica, rssBytes)}, ended`)
      replica.kill('rss')
      return
    }
    const grownBytes = rssBytes - (watched.rssAtFirst ?? 0)
    if (grownBytes > replica.rssLimitBytes * GROWTH_SHARE && this.#owner.mayBeReplaced(replica)) this.#replaceIfDue(replica, watched, rssBytes)
  }

  #replaceIfDue(replica: Replica, { samples }: Watched, rssBytes: number): void {
    const leak = leakOf(samples, replica.rssLimitBytes)
    if (leak !== null) {
      const when = leak.secondsToLimit < 1 ? 'now' : `in ${Math.round(leak.secondsToLimit)} s`
      this.#owner.changed(replica, 'leaks memory', `${describeGrowth(leak)}; ${shareOf(replica, rssBytes)}, its cap would be reached ${when}, being replaced`)
    } else if (rssBytes > replica.rssLimitBytes * REPLACE_SHARE) {
      const growth = growthOf(samples)
      this.#owner.changed(replica, 'near its memory cap', `${shareOf(replica, rssBytes)}${growth === null ? '' : `, ${describeGrowth(growth)}`}, being replaced`)
    } else return
    this.#owner.replace(replica)
  }
}

function keepSample(watched: Watched, sample: MemorySample): void {
  watched.rssAtFirst ??= sample.rssBytes
  watched.samples.push(sample)
  const since = sample.at - LONGEST_WINDOW_MS
  while ((watched.samples[0]?.at ?? since) < since) watched.samples.shift()
}

function shareOf({ rssLimitBytes }: Replica, rssBytes: number): string {
  return `${megabytes(rssBytes)} MB of ${megabytes(rssLimitBytes)} MB`
}
