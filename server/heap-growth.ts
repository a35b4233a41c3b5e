import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Of the young generation, both halves together, for a front with little to do. With half of it collections cost a tenth of the speed; twice as much makes nothing faster. */
const LEAST_YOUNG_BYTES = 16 * 1024 * 1024
/** What one prediction under way keeps alive. A thousand of them outlive a small young generation, and each collection copies them all: a third of the speed. */
const BYTES_UNDER_WAY = 48 * 1024
const MOST_YOUNG_BYTES = 64 * 1024 * 1024
/** V8's own factor, for as long as the young generation is smaller. */
const YOUNG_GROWS_BY = 2
/** The old generation is collected when it has grown by this much over what was alive; V8 alone would take up to three times as much. */
const OLD_GROWS_BY_PERCENT = 100

/**
 * Keeps V8 from taking memory that it hardly ever gives back. Left alone, the young generation grows with whatever lives through two
 * collections, in a flood to 128 MiB: most of what a front that was once under load seems to hold.
 *
 * V8 takes its limit (`--max-semi-space-size`) only when a process starts, but reads the factors of growth each time that it grows.
 *
 * @param underWay How many predictions are under way, asked after each collection.
 */
export function boundHeapGrowth(underWay: () => number): void {
  setFlagsFromString(`--heap-growing-percent=${OLD_GROWS_BY_PERCENT}`)
  let factor = YOUNG_GROWS_BY
  const adjust = (): void => {
    const wanted = youngBytes() < youngBytesFor(underWay()) ? YOUNG_GROWS_BY : 1
    if (wanted === factor) return
    factor = wanted
    setFlagsFromString(`--semi-space-growth-factor=${factor}`)
  }
  adjust()
  // After each collection: nothing else changes its size.
  new PerformanceObserver(adjust).observe({ entryTypes: ['gc'] })
}

/** How large the young generation may become while so many predictions are under way. */
export function youngBytesFor(underWay: number): number {
  return Math.min(MOST_YOUNG_BYTES, Math.max(LEAST_YOUNG_BYTES, underWay * BYTES_UNDER_WAY))
}

/**
 * Collects what the start has left, in about 15 ms. Only from the first collection on does V8 know how much is alive, and bounds the growth of the old generation by it.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof gc === 'function') gc()
}

export function youngBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? 0
}
