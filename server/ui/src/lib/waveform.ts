/** The outline of a sound. */

/** Louder than this is drawn in full height, in any recording. */
const FULL = 0.95

/**
 * Decodes a sound and takes the loudest moment of each of `bars` equal stretches.
 *
 * @returns `[bars]` of 0 to 1, the loudest drawn in full; null when the browser cannot decode it.
 */
export async function readPeaks(url: string, bars: number, signal: AbortSignal): Promise<number[] | null> {
  try {
    const encoded = await (await fetch(url, { signal })).arrayBuffer()
    // Rate and length are of no matter: nothing is played from here.
    const decoded = await new OfflineAudioContext(1, 1, 22_050).decodeAudioData(encoded)
    return peaksOf(decoded.getChannelData(0), bars)
  } catch {
    return null
  }
}

/** @param samples `[n]` of -1 to 1. */
export function peaksOf(samples: Float32Array, bars: number): number[] {
  const stretch = Math.max(1, Math.floor(samples.length / bars))
  const peaks = Array.from({ length: bars }, (_nothing, bar) => {
    let peak = 0
    for (const sample of samples.subarray(bar * stretch, (bar + 1) * stretch)) peak = Math.max(peak, Math.abs(sample))
    return peak
  })
  const loudest = Math.max(...peaks)
  return loudest === 0 ? peaks : peaks.map((peak) => (peak / loudest) * FULL)
}
