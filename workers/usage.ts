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

export interface UsageSamplerOptions {
  /** Between two samples. */
  intervalMs: number
  onSample?: (pid: number, sample: UsageSample) => void
}

/** Memory and CPU of a few processes of ours, all read in one go. A process that has vanished is left out; nothing here throws. */
export class UsageSampler {
  readonly #intervalMs: number
  readonly #onSample: ((pid: number, sample: UsageSample) => void) | undefined
  /** Null until the first sample. */
  readonly #latest = new Map<number, UsageSample | null>()
  #timer: NodeJS.Timeout | undefined
  #sampling: Promise<void> | undefined

  constructor({ intervalMs, onSample }: UsageSamplerOptions) {
    this.#intervalMs = intervalMs
    this.#onSample = onSample
  }

  /** Samples from now on, each interval, without keeping the process alive. */
  start(): void {
    this.#timer ??= setInterval(() => void this.sample(), this.#intervalMs).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#latest.clear()
  }

  add(pid: number): void {
    if (!this.#latest.has(pid)) this.#latest.set(pid, null)
  }

  remove(pid: number): void {
    this.#latest.delete(pid)
  }

  /** The latest sample of each process that has one. A copy. */
  snapshot(): Map<number, UsageSample> {
    const samples = new Map<number, UsageSample>()
    for (const [pid, sample] of this.#latest) if (sample !== null) samples.set(pid, { ...sample })
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
    const pids = [...this.#latest.keys()]
    if (pids.length === 0) return
    const stats = await readUsage(pids, this.#intervalMs * HISTORY_INTERVALS)
    const at = performance.now()
    for (const pid of pids) {
      const found = stats[pid]
      // Removed while we waited, or vanished: no news of it.
      if (found === undefined || !this.#latest.has(pid)) continue
      const sample = { rssBytes: found.memory, cpuRatio: found.cpu / 100, at }
      this.#latest.set(pid, sample)
      this.#onSample?.(pid, sample)
    }
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
