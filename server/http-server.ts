/** The HTTP server itself: its time-outs, what it says where Express is not reached, and how it ends. */
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { Server as NetServer, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { rawProblem } from './http-errors.ts'
import type { WireFailure } from './http-errors.ts'
import { newRequestId } from './log.ts'

export interface HttpServerOptions {
  /** Longer than the idle time of load balancers (60 s), which otherwise reuse a connection in the moment it closes and report 502. */
  keepAliveTimeoutMs: number
  headersTimeoutMs: number
  /** For a whole request, uploads included. */
  requestTimeoutMs: number
  maxHeaderBytes: number
}

export const HTTP_SERVER_DEFAULTS: HttpServerOptions = { keepAliveTimeoutMs: 72_000, headersTimeoutMs: 75_000, requestTimeoutMs: 300_000, maxHeaderBytes: 16_384 }

/** Every open connection with its latest answer, or null before the first request. */
type Connections = Map<Duplex, ServerResponse | null>

const connectionsOf = new WeakMap<Server, Connections>()

/** A server that does not listen yet. Whatever its parser refuses is answered as `application/problem+json`, too. */
export function createHttpServer(listener: RequestListener, options: Partial<HttpServerOptions> = {}): Server {
  const settings = { ...HTTP_SERVER_DEFAULTS, ...options }
  const connections: Connections = new Map()
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    connections.set(req.socket, res)
    listener(req, res)
  }
  const server = createServer(
    {
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, settings.headersTimeoutMs, settings.requestTimeoutMs),
      maxHeaderSize: settings.maxHeaderBytes,
      // Node would answer without a body; the host check does it in our form.
      requireHostHeader: false,
      noDelay: true,
    },
    onRequest,
  )
  server.maxRequestsPerSocket = 0
  connectionsOf.set(server, connections)
  server.on('connection', (socket: Socket) => {
    connections.set(socket, null)
    socket.once('close', () => connections.delete(socket))
  })
  // Node's own answer to an unknown Expect is a bare 417; the header may be ignored.
  server.on('checkExpectation', onRequest)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerClientError(error, socket, connections.get(socket) ?? null))
  server.on('connect', (_req, socket) => refuse(socket, 'method'))
  return server
}

function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, res: ServerResponse | null): void {
  // Once an answer has begun, more bytes would be read as a part of it.
  const begun = res !== null && res.headersSent && !res.writableFinished
  if (error.code === 'ECONNRESET' || !socket.writable || begun) {
    socket.destroy()
    return
  }
  const status = refuse(socket, failureOf(error))
  if (res !== null && !res.headersSent) res.statusCode = status
}

function failureOf(error: NodeJS.ErrnoException): WireFailure {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'headers-too-large'
  return error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'slow' : 'malformed'
}

function refuse(socket: Duplex, failure: WireFailure): number {
  const { status, text } = rawProblem(failure, newRequestId())
  socket.on('error', () => socket.destroy())
  socket.end(text, () => socket.destroy())
  return status
}

const SWEEP_MS = 50
/** A client may be sending on an idle connection in the moment it would be closed; so long such requests are waited for and answered. */
const LAST_REQUESTS_MS = 500

/**
 * Stops listening and resolves when the last answer has been sent. Requests on open connections are still answered, with `Connection: close`;
 * connections that stay idle are closed after `idleMs`.
 *
 * @param signal When aborted, the remaining connections are cut.
 */
export async function closeGracefully(server: Server, signal?: AbortSignal, idleMs: number = LAST_REQUESTS_MS): Promise<void> {
  const connections = connectionsOf.get(server) ?? new Map<Duplex, ServerResponse | null>()
  server.prependListener('request', (_req: IncomingMessage, res: ServerResponse) => res.setHeader('connection', 'close'))
  for (const res of connections.values()) if (res !== null && !res.headersSent) res.setHeader('connection', 'close')
  // Connections that the system has taken for us are reset by a close. The loop has just accepted them all when it comes to this phase.
  await new Promise((resolve) => setImmediate(resolve))
  // The HTTP server's own `close` cuts idle connections at once.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  const sweepFrom = performance.now() + idleMs
  // Node tells of no connection becoming idle, and leaves such ones open until their keep-alive ends; it counts unused ones as busy.
  const sweep = setInterval(() => {
    if (performance.now() < sweepFrom) return
    server.closeIdleConnections()
    for (const [socket, res] of connections) if (res === null && socket instanceof Socket && socket.bytesRead === 0) socket.destroy()
  }, SWEEP_MS)
  const cut = (): void => server.closeAllConnections()
  if (signal?.aborted === true) cut()
  else signal?.addEventListener('abort', cut, { once: true })
  await closed
  clearInterval(sweep)
  signal?.removeEventListener('abort', cut)
}
