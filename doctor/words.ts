/** Numbers as a person reads them. */

/** Bytes, in binary megabytes or gigabytes. */
export function inMemory(bytes: number): string {
  const mebibytes = bytes / (1024 * 1024)
  return mebibytes >= 10 * 1024 ? `${(mebibytes / 1024).toFixed(1)} GB` : `${mebibytes.toFixed(mebibytes < 10 ? 1 : 0)} MB`
}

export function inTime(seconds: number): string {
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}

/** `2 workers`, `1 worker`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** A time of day is of no help a week later, the age of something always is. */
export function ago(at: string, now: Date): string {
  const seconds = (now.getTime() - Date.parse(at)) / 1000
  return Number.isFinite(seconds) ? `${inTime(Math.max(0, seconds))} ago` : at
}
