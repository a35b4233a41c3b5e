/** Sums over the models of the status page. */
import type { ModelStatus } from './api-types.ts'

/** What the workers of all models hold together, and may hold. */
export function memoryOf(models: readonly ModelStatus[]): { used: string; cap: string } {
  const replicas = models.flatMap(({ replicas: all }) => all)
  const used = replicas.reduce((sum, { rssBytes }) => sum + rssBytes, 0)
  const cap = replicas.reduce((sum, { rssLimitBytes }) => sum + rssLimitBytes, 0)
  return shareOf(used, cap)
}

/** A part and its whole, in the unit of the whole. */
export function shareOf(part: number, whole: number): { used: string; cap: string } {
  const unit = whole >= GIB ? { name: 'GiB', bytes: GIB, digits: 1 } : { name: 'MiB', bytes: MIB, digits: 0 }
  return { used: (part / unit.bytes).toFixed(unit.digits), cap: `${(whole / unit.bytes).toFixed(unit.digits).replace(/\.0$/, '')} ${unit.name}` }
}

const MIB = 1_048_576
const GIB = 1_024 * MIB

export function sumOf(models: readonly ModelStatus[]): { depth: number; running: number; held: number } {
  const sum = { depth: 0, running: 0, held: 0 }
  for (const { queue } of models) {
    sum.depth += queue.depth
    sum.running += queue.running
    sum.held += queue.held
  }
  return sum
}

/** How many predictions had ended at a moment (monotonic ms). */
export interface Rate {
  at: number
  ended: number
}

const RATE_WINDOW_MS = 60_000
const LEAST_WINDOW_MS = 3_000

/** Predictions per minute over the last minute that this page has seen; null until it has seen enough, and after the host began anew. */
export function rateOf(seen: readonly Rate[], models: readonly ModelStatus[], at: number): { seen: Rate[]; perMinute: number | null } {
  const ended = models.reduce((sum, model) => sum + endedOf(model), 0)
  const last = seen.at(-1)
  const kept = last !== undefined && ended < last.ended ? [] : seen.filter((rate) => at - rate.at <= RATE_WINDOW_MS)
  const first = kept[0]
  const next = [...kept, { at, ended }]
  if (first === undefined || at - first.at < LEAST_WINDOW_MS) return { seen: next, perMinute: null }
  return { seen: next, perMinute: Math.round(((ended - first.ended) * 60_000) / (at - first.at)) }
}

export function endedOf({ outcomes }: ModelStatus): number {
  return Object.values(outcomes).reduce((sum, each) => sum + each, 0)
}
