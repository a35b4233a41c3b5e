/** The work of each workload, the same for every target; in Python: peers/work.py. */

export const CPU_MS = 10
export const TOKEN_PAUSE_MS = 10

/** Takes CPU time of this thread, not time. */
export function burn(milliseconds: number): void {
  const until = cpuMs() + milliseconds
  while (cpuMs() < until);
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** What a call with so many items takes: 10 ms, and 0.1 ms for each. */
export function batchMs(items: number): number {
  return 10 + 0.1 * items
}

const still = new Int32Array(new SharedArrayBuffer(4))
/** A sleeper wakes late, by a tenth or two of a millisecond: the last of the time is spent looking at the clock. */
const AWAKE_MS = 0.4

/** Takes exactly as long as a call with so many items does, nearly all of it asleep. Timers of Node's know whole milliseconds only. */
export function sleepBatch(items: number): void {
  const until = performance.now() + batchMs(items)
  Atomics.wait(still, 0, 0, batchMs(items) - AWAKE_MS)
  while (performance.now() < until);
}

/** One of a stream; each has the same six characters. */
export function token(index: number): string {
  return `${String(index).padStart(5, '0')} `
}

/** The tokens with their pauses: the nth is due n pauses after the first, however long those before it took. */
export async function* tokens(count: number, pauseMs: number): AsyncGenerator<string> {
  const startedAt = performance.now()
  for (let index = 0; index < count; index++) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, startedAt + index * pauseMs - performance.now()))
    yield token(index)
  }
}
