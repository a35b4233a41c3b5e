/** Requests that another front passed on to this one. */
import type { IncomingMessage } from 'node:http'

/** What such a request says of its caller's view of the host. Read only on the socket, so that nobody outside can claim it. */
export const ORIGIN_HEADER = 'x-footlights-origin'

const origins = new WeakMap<IncomingMessage, string>()

/** For requests that came over the socket, and for no others. */
export function markPassed(req: IncomingMessage): void {
  const origin = req.headers[ORIGIN_HEADER]
  origins.set(req, typeof origin === 'string' ? origin : '')
}

/** Another front has asked everyone already: this one answers by itself, whatever it knows. */
export function isPassed(req: IncomingMessage): boolean {
  return origins.has(req)
}

/** Scheme, host and port as the caller of the other front used them; undefined for a request that came straight here. */
export function originOfPassed(req: IncomingMessage): string | undefined {
  return origins.get(req)
}
