/** Below this share of the reserve the kernel may be about to end someone. */
const CRITICAL_SHARE = 0.25
/** Whoever was woken or busy a moment ago is likely to be wanted again: sent to sleep at once, it would only go to and fro. */
export const JUST_USED_MS = 10_000

/** One model as far as its memory matters. */
export interface ModelMemory {
  name: string
  /** Something waits or runs. */
  isBusy: boolean
  /** It has told what it is: one that sleeps before that is not known to anybody. */
  isDescribed: boolean
  /** Since it was busy, became ready or was woken. */
  idleMs: number
  /** Those that have a process. */
  workers: readonly WorkerMemory[]
}

export interface WorkerMemory {
  worker: number
  rssBytes: number
  /** In service: one that still starts has nothing to be replayed, and would only be started again. */
  isReady: boolean
}

/**
 * What to do while memory is short, one step at a time.
 * - sleep: an idle model gives its workers back until it is asked again.
 * - end: a worker is ended, and what runs in it is run again; a new one begins small.
 */
export type Relief = { kind: 'none' } | { kind: 'sleep'; model: string } | { kind: 'end'; model: string; worker: number }

export interface MemoryNeed {
  availableBytes: number
  /** What shall stay available. */
  reserveBytes: number
}

export function isShort({ availableBytes, reserveBytes }: MemoryNeed): boolean {
  return availableBytes < reserveBytes
}

/**
 * The idle model that was used longest ago gives way first; one used just now only when memory is nearly gone. A busy model is never touched while
 * an idle one is left. When none is, and memory is nearly gone, the biggest worker is ended: the kernel would end someone in a moment, and not ask whom.
 */
export function reliefFor(need: MemoryNeed, models: readonly ModelMemory[]): Relief {
  if (!isShort(need)) return { kind: 'none' }
  const isCritical = need.availableBytes < need.reserveBytes * CRITICAL_SHARE
  const idle = models.filter(({ isBusy, isDescribed, workers }) => !isBusy && isDescribed && workers.length > 0).sort((a, b) => b.idleMs - a.idleMs)
  const first = idle[0]
  if (first !== undefined && (isCritical || first.idleMs >= JUST_USED_MS)) return { kind: 'sleep', model: first.name }
  if (first !== undefined || !isCritical) return { kind: 'none' }
  const [biggest] = models
    .flatMap(({ name, workers }) => workers.map((worker) => ({ model: name, ...worker })))
    .filter(({ isReady }) => isReady)
    .sort((a, b) => b.rssBytes - a.rssBytes)
  return biggest === undefined ? { kind: 'none' } : { kind: 'end', model: biggest.model, worker: biggest.worker }
}
