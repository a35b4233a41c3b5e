/** Asks the host again and again, as long as somebody looks at the page and the host is there. */
import { ApiError } from './api.ts'
import { connection } from './connection.svelte.ts'

const EVERY_MS = 2_000

/**
 * Calls `ask` at once and every 2 s after its answer; pauses while the page is hidden or the host is away.
 *
 * @returns Stops it; fits as the teardown of an effect.
 */
export function poll<Answer>(ask: (signal: AbortSignal) => Promise<Answer>, take: (answer: Answer) => void): () => void {
  const stopped = new AbortController()
  void keepAsking(ask, take, stopped.signal)
  return () => stopped.abort()
}

async function keepAsking<Answer>(ask: (signal: AbortSignal) => Promise<Answer>, take: (answer: Answer) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await ask(signal)
      if (signal.aborted) return
      take(answer)
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof ApiError)) connection.lost()
    }
    await pause(signal)
    await connection.up(signal).catch(() => {})
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  await Promise.race([new Promise((resolve) => setTimeout(resolve, EVERY_MS)), once(signal, 'abort')])
  while (document.hidden && !signal.aborted) await Promise.race([once(document, 'visibilitychange'), once(signal, 'abort')])
}

async function once(target: EventTarget, event: string): Promise<void> {
  await new Promise((resolve) => target.addEventListener(event, resolve, { once: true }))
}
