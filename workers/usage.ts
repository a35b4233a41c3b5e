import pidusage from 'pidusage'

/** What pidusage keeps of a process (an open file on Linux) outlives it by this many intervals at most. */
const HISTORY_INTERVALS = 5

export interface UsageSample {
  rssBytes: number
  /** 1 is one core busy for the whole time since the sample before; 0 in the first sample. */
  cpuRatio: number
  /** Monotonic ms, as `performance.now()`. */
  at: number
}

export type OnSample = (rssBytes: number, cpuRatio: number) => void

interface Watched {
  onSample: OnSample | undefined
  latest: UsageSample | null
}

/** Memory and CPU of a few processes of ours, all read in one go. A process that has vanished is left out; nothing here throws. */
export class UsageSampler {
  readonly #intervalMs: number
  readonly #watched = new Map<number, Watched>()
  #timer: NodeJS.Timeout | undefined
  #sampling: Promise<void> | undefined

  /** @param intervalMs Between two samples. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** Samples a process from now on, without keeping ours alive. Watching a pid anew replaces the listener: it is another process. */
  watch(pid: number, onSample?: OnSample): void {
    this.#watched.set(pid, { onSample, latest: null })
    this.#timer ??= setInterval(() => void this.sample(), this.#intervalMs).unref()
  }

  forget(pid: number): void {
    this.#watched.delete(pid)
    if (this.#watched.size === 0) this.#stopTimer()
  }

  close(): void {
    this.#watched.clear()
    this.#stopTimer()
  }

  /** The latest sample of each process that has one. */
  snapshot(): Map<number, UsageSample> {
    const samples = new Map<number, UsageSample>()
    for (const [pid, { latest }] of this.#watched) if (latest !== null) samples.set(pid, { ...latest })
    return samples
  }

  /** Takes one sample of all; joins the one under way. On a machine that answers slower than the interval, intervals are left out, not piled up. */
  sample(): Promise<void> {
    this.#sampling ??= this.#sampleAll().finally(() => {
      this.#sampling = undefined
    })
    return this.#sampling
  }

  async #sampleAll(): Promise<void> {
    const asked = [...this.#watched]
    if (asked.length === 0) return
    const stats = await readUsage(asked.map(([pid]) => pid), this.#intervalMs * HISTORY_INTERVALS)
    const at = performance.now()
    for (const [pid, watched] of asked) {
      const found = stats[pid]
      // Vanished, or forgotten while we waited: no news of it.
      if (found === undefined || this.#watched.get(pid) !== watched) continue
      watched.latest = { rssBytes: found.memory, cpuRatio: found.cpu / 100, at }
      watched.onSample?.(watched.latest.rssBytes, watched.latest.cpuRatio)
    }
  }

  #stopTimer(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Without the processes that are gone: pidusage fails as a whole only when it finds none at all, or cannot look on this machine. */
async function readUsage(pids: number[], maxage: number): Promise<Partial<Record<string, pidusage.Status>>> {
  try {
    return await pidusage([...pids], { maxage })
  } catch {
    return {}
  }
}
