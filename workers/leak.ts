/** What the memory of a worker does over time: how fast it grows, whether steadily, and with what. Pure. */

export interface MemorySample {
  /** Monotonic ms. */
  at: number
  rssBytes: number
  /** Predictions given to the process so far. */
  predictions: number
  inFlight: number
}

/**
 * What memory grows with. `prediction` is a presumption when the load was so even that time would explain the growth as well (`isSure` is
 * false then).
 */
export interface GrowthCause {
  by: 'prediction' | 'time'
  isSure: boolean
}

export interface Growth extends GrowthCause {
  bytesPerMinute: number
  /** Null when nothing was predicted meanwhile. */
  bytesPerPrediction: number | null
  /** For how long it has grown like this, and by how much in this time. */
  seconds: number
  grownBytes: number
}

/** Steady growth that will reach the limit. */
export interface Leak extends Growth {
  secondsToLimit: number
}

/** Each window is judged for itself: the short ones find what is fast, the long ones what is slow. */
const WINDOWS_MS = [4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000] as const
/** Older samples tell nothing that is asked here. */
export const LONGEST_WINDOW_MS = 512_000
/** The window of `slopeOf`: short enough to show a change, long enough for a few collections of garbage. */
const SLOPE_WINDOW_MS = 128_000
const LEAST_POINTS = 7
/** More points of one window change nothing but the cost, which grows with their square. */
const MOST_POINTS = 24
/** Kendall's tau of growth that is steady: 1 is without a single step back. A sawtooth of two teeth has 0.5. */
const STEADY_TAU = 0.8
/** The last third of the window must grow at least at this share of the whole's slope: what has come to its plateau does not. */
const STILL_GROWING_SHARE = 0.5
/** Below this share of independent variation, load and time are one and the same. */
const TELLABLE_SHARE = 0.05
/** V8 may grow by so much on its way to the size at which it collects, and does so steadily while a worker is new. Less growth is no proof. */
const LEAST_GROWN_BYTES = 128 * 1024 * 1024
const MINUTE_MS = 60_000

/** Whole bytes per minute over about the last two minutes; null while there are too few samples. Garbage collection makes it swing. */
export function slopeOf(samples: readonly MemorySample[]): number | null {
  const points = pointsWithin(samples, SLOPE_WINDOW_MS)
  return points.length < LEAST_POINTS ? null : Math.round(trendOf(points).bytesPerMs * MINUTE_MS)
}

/**
 * The growth in the longest window that is steady and goes on; null when there is none.
 *
 * @param samples Oldest first, of one process.
 */
export function growthOf(samples: readonly MemorySample[]): Growth | null {
  return windowsOf(samples).map((window) => steadyGrowth(window, samples)).findLast((growth) => growth !== null) ?? null
}

/**
 * A leak that has to be dealt with: growth that was steady for at least as long as it needs to reach the limit, half of the room
 * that is, and at least 128 MB. What levels off before (caches, a warm-up, the sawtooth of a garbage collector) is never taken for one.
 */
export function leakOf(samples: readonly MemorySample[], limitBytes: number): Leak | null {
  const last = samples.at(-1)
  if (last === undefined) return null
  for (const window of windowsOf(samples)) {
    const growth = steadyGrowth(window, samples)
    if (growth === null) continue
    const secondsToLimit = Math.max(0, ((limitBytes - last.rssBytes) / growth.bytesPerMinute) * (MINUTE_MS / 1000))
    if (secondsToLimit <= growth.seconds && growth.grownBytes >= LEAST_GROWN_BYTES) return { ...growth, secondsToLimit }
  }
  return null
}

/** In words, for the operator. */
export function describeGrowth({ by, isSure, bytesPerMinute, bytesPerPrediction }: Growth): string {
  const perMinute = `${megabytes(bytesPerMinute)} MB a minute`
  if (by === 'time' || bytesPerPrediction === null) return `grows with time, between predictions: ${perMinute}`
  return `grows with each prediction: ${megabytes(bytesPerPrediction)} MB, ${perMinute}${isSure ? '' : ' (the load was so even that time may be the cause as well)'}`
}

/** The windows for which there are samples, shortest first. */
function windowsOf(samples: readonly MemorySample[]): (readonly MemorySample[])[] {
  const windows: (readonly MemorySample[])[] = []
  for (const ms of WINDOWS_MS) {
    const window = samplesWithin(samples, ms)
    if (window.length >= LEAST_POINTS) windows.push(window)
    if (window.length === samples.length) break
  }
  return windows
}

function steadyGrowth(window: readonly MemorySample[], all: readonly MemorySample[]): Growth | null {
  const points = thinned(window)
  const [first, last] = [window[0], window.at(-1)]
  if (first === undefined || last === undefined) return null
  const { bytesPerMs, tau } = trendOf(points)
  if (bytesPerMs <= 0 || tau < STEADY_TAU) return null
  const lately = trendOf(points.slice(-Math.max(3, Math.ceil(points.length / 3))))
  if (lately.bytesPerMs < bytesPerMs * STILL_GROWING_SHARE) return null
  const predictions = last.predictions - first.predictions
  const grownBytes = last.rssBytes - first.rssBytes
  const within = causeOf(window)
  return {
    // What is even in the window may have varied before it.
    ...(within.isSure ? within : causeOf(all)),
    bytesPerMinute: bytesPerMs * MINUTE_MS,
    bytesPerPrediction: predictions === 0 ? null : grownBytes / predictions,
    grownBytes,
    seconds: (last.at - first.at) / 1000,
  }
}

/**
 * The median of the slopes between all pairs of points, which a few outliers do not move, and Kendall's tau: the share of pairs that
 * rise minus the share that fall.
 *
 * Source: P. K. Sen, Estimates of the Regression Coefficient Based on Kendall's Tau, JASA 63 (1968), https://doi.org/10.1080/01621459.1968.10480934;
 * H. B. Mann, Nonparametric Tests Against Trend, Econometrica 13 (1945), https://doi.org/10.2307/1907187
 */
function trendOf(points: readonly MemorySample[]): { bytesPerMs: number; tau: number } {
  const slopes: number[] = []
  for (const [index, later] of points.entries()) {
    for (const earlier of points.slice(0, index)) {
      if (later.at > earlier.at) slopes.push((later.rssBytes - earlier.rssBytes) / (later.at - earlier.at))
    }
  }
  if (slopes.length === 0) return { bytesPerMs: 0, tau: 0 }
  const rising = slopes.filter((slope) => slope > 0).length
  const falling = slopes.filter((slope) => slope < 0).length
  return { bytesPerMs: median(slopes), tau: (rising - falling) / slopes.length }
}

/**
 * Explains what was added between each two samples by the time and by the work between them: least squares with two terms and no constant.
 *
 * Source: normal equations of ordinary least squares, https://en.wikipedia.org/wiki/Ordinary_least_squares#Normal_equations
 */
function causeOf(samples: readonly MemorySample[]): GrowthCause {
  const gaps = samples.slice(1).map((sample, index) => gapBetween(samples[index] ?? sample, sample))
  const sum = (value: (gap: Gap) => number): number => gaps.reduce((total, gap) => total + value(gap), 0)
  const [timeTime, timeWork, workWork] = [sum(({ ms }) => ms * ms), sum(({ ms, work }) => ms * work), sum(({ work }) => work * work)]
  if (workWork === 0) return { by: 'time', isSure: true }
  const determinant = timeTime * workWork - timeWork * timeWork
  if (determinant < TELLABLE_SHARE * timeTime * workWork) return { by: 'prediction', isSure: false }
  const [timeGrown, workGrown] = [sum(({ ms, bytes }) => ms * bytes), sum(({ work, bytes }) => work * bytes)]
  const bytesPerMs = (timeGrown * workWork - workGrown * timeWork) / determinant
  const bytesPerWork = (workGrown * timeTime - timeGrown * timeWork) / determinant
  return { by: bytesPerMs * sum(({ ms }) => ms) > bytesPerWork * sum(({ work }) => work) ? 'time' : 'prediction', isSure: true }
}

interface Gap {
  ms: number
  bytes: number
  /** Predictions that began in it, and those under way already. */
  work: number
}

function gapBetween(before: MemorySample, after: MemorySample): Gap {
  return { ms: after.at - before.at, bytes: after.rssBytes - before.rssBytes, work: after.predictions - before.predictions + before.inFlight }
}

function pointsWithin(samples: readonly MemorySample[], ms: number): readonly MemorySample[] {
  return thinned(samplesWithin(samples, ms))
}

function samplesWithin(samples: readonly MemorySample[], ms: number): readonly MemorySample[] {
  const since = (samples.at(-1)?.at ?? 0) - ms
  return samples.slice(samples.findIndex(({ at }) => at >= since))
}

/** Evenly chosen, the first and the last among them. */
function thinned(samples: readonly MemorySample[]): readonly MemorySample[] {
  if (samples.length <= MOST_POINTS) return samples
  const step = (samples.length - 1) / (MOST_POINTS - 1)
  return Array.from({ length: MOST_POINTS }, (_, index) => samples[Math.round(index * step)]).filter((sample) => sample !== undefined)
}

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [lower = 0, upper = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (lower + upper) / 2
}

/** With one digit below ten. */
export function megabytes(bytes: number): string {
  const value = bytes / (1024 * 1024)
  return Math.abs(value) < 10 ? value.toFixed(1).replace(/\.0$/, '') : String(Math.round(value))
}
