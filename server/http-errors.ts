/** Every error of the host as HTTP: which status a code has, what the body says, and how Express's own errors get a code. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ErrorRequestHandler, Request, Response } from 'express'

import { createHostError, describeThrown, HostError, RequestError } from '../workers/errors.ts'
import type { ErrorCode, InputProblem } from '../workers/errors.ts'
import { MultipartError } from './files/multipart.ts'
import { TooLargeError } from './files/upload.ts'
import type { Logger } from './log.ts'

/** The only place that knows a status. `CANCELLED` is told in events and predictions; only a caller whose own plain request someone else cancelled meets 499. */
export const HTTP_STATUS = {
  MALFORMED_BODY: 400,
  INVALID_INPUT: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  MODEL_NOT_FOUND: 404,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  TOO_LARGE: 413,
  UNSUPPORTED_TYPE: 415,
  WRONG_HOST: 421,
  MODEL_SAID: 422,
  QUEUE_FULL: 429,
  RATE_LIMITED: 429,
  CANCELLED: 499,
  MODEL_FAILED: 500,
  OUT_OF_MEMORY: 500,
  INVALID_OUTPUT: 500,
  INTERNAL: 500,
  NOT_READY: 503,
  DRAINING: 503,
  QUARANTINED: 503,
  OVERLOADED: 503,
  WORKER_LOST: 503,
  POISONOUS_INPUT: 503,
  DEADLINE_EXCEEDED: 504,
} as const satisfies Record<ErrorCode, number>

const TITLE = {
  MALFORMED_BODY: 'The request cannot be parsed',
  INVALID_INPUT: 'An input was refused',
  UNAUTHORIZED: 'Credentials are needed',
  FORBIDDEN: 'Not allowed from there',
  MODEL_NOT_FOUND: 'There is no such model',
  NOT_FOUND: 'There is nothing here',
  METHOD_NOT_ALLOWED: 'The method is not allowed here',
  NOT_ACCEPTABLE: 'No form of answer fits',
  TOO_LARGE: 'The request is too large',
  UNSUPPORTED_TYPE: 'The content type is not supported',
  WRONG_HOST: 'The host name is not served here',
  MODEL_SAID: 'The model has something to say',
  QUEUE_FULL: 'The queue is full',
  RATE_LIMITED: 'Too many requests',
  CANCELLED: 'The prediction was cancelled',
  MODEL_FAILED: 'The model failed',
  OUT_OF_MEMORY: 'The model ran out of memory',
  INVALID_OUTPUT: 'The model returned what cannot be sent',
  INTERNAL: 'Internal error',
  NOT_READY: 'The model is not ready',
  DRAINING: 'The host is stopping',
  QUARANTINED: 'The model is out of service',
  OVERLOADED: 'The deadline cannot be met',
  WORKER_LOST: 'The worker was lost',
  POISONOUS_INPUT: 'This input ended its workers',
  DEADLINE_EXCEEDED: 'The deadline has passed',
} as const satisfies Record<ErrorCode, string>

/** Codes that are answered with `Retry-After` in any case. */
const RETRY_STATUSES: ReadonlySet<number> = new Set([429, 503])
const DEFAULT_RETRY_SECONDS = 1
const INTERNAL_MESSAGE = 'The host failed on this request. The operator finds the cause in the log under the request id.'
const GRADIO_PATH = /^\/[^/]+\/(?:gradio_api|config)(?:\/|$)/

/** The body of an error answer, `application/problem+json` (RFC 9457). */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  requestId: string
  /** For bad input: each refused input. */
  errors?: InputProblem[]
}

/** The body came slower than the host waits for it: `MALFORMED_BODY`, answered 408 because the caller may simply try again. */
export class SlowBodyError extends RequestError {
  constructor() {
    super('MALFORMED_BODY', 'The body did not arrive in time.')
  }
}

/** What a caller is told about an error; also the data of an `error` event. */
export function problemOf(error: HostError, requestId: string): Problem {
  const problem: Problem = {
    type: `urn:footlights:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title: TITLE[error.code],
    status: error instanceof SlowBodyError ? 408 : HTTP_STATUS[error.code],
    detail: error.message,
    code: error.code,
    requestId,
  }
  if (error.problems !== undefined) problem.errors = error.problems
  return problem
}

/** Answers with the problem. The response must not have begun. */
export function sendProblem(res: ServerResponse, error: HostError, requestId: string): void {
  const problem = problemOf(error, requestId)
  writeError(res, error, problem.status, 'application/problem+json', JSON.stringify(problem))
}

function writeError(res: ServerResponse, error: HostError, status: number, contentType: string, body: string): void {
  if (error.retryAfterSeconds !== undefined || RETRY_STATUSES.has(status)) {
    res.setHeader('retry-after', Math.max(1, Math.ceil(error.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS)))
  }
  res.setHeader('cache-control', 'no-store')
  res.setHeader('content-type', contentType)
  res.setHeader('content-length', Buffer.byteLength(body))
  res.writeHead(status)
  res.end(res.req.method === 'HEAD' ? undefined : body)
}

/** Failures below Express: what Node's HTTP parser refuses. */
export type WireFailure = 'malformed' | 'slow' | 'headers-too-large' | 'method'

const WIRE_FAILURES = {
  malformed: { status: 400, reason: 'Bad Request', code: 'MALFORMED_BODY', detail: 'The request is not valid HTTP.' },
  slow: { status: 408, reason: 'Request Timeout', code: 'MALFORMED_BODY', detail: 'The request did not arrive in time.' },
  'headers-too-large': { status: 431, reason: 'Request Header Fields Too Large', code: 'TOO_LARGE', detail: 'The headers of the request are too large.' },
  method: { status: 405, reason: 'Method Not Allowed', code: 'METHOD_NOT_ALLOWED', detail: 'This method is not served.' },
} as const satisfies Record<WireFailure, { status: number; reason: string; code: ErrorCode; detail: string }>

/** A whole HTTP/1.1 answer as text, for a socket on which no response object exists. */
export function rawProblem(failure: WireFailure, requestId: string): { status: number; text: string } {
  const { status, reason, code, detail } = WIRE_FAILURES[failure]
  const body = JSON.stringify({ ...problemOf(createHostError(code, detail), requestId), status })
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'Cache-Control: no-store',
    'Connection: close',
  ]
  return { status, text: `${head.join('\r\n')}\r\n\r\n${body}` }
}

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'MALFORMED_BODY',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  406: 'NOT_ACCEPTABLE',
  413: 'TOO_LARGE',
  415: 'UNSUPPORTED_TYPE',
}

/** Any thrown value as an error that may be shown; what is nobody's fault but ours becomes `INTERNAL`. */
export function toHostError(thrown: unknown): HostError {
  if (thrown instanceof HostError) return thrown
  if (thrown instanceof MultipartError) return fromMultipart(thrown)
  if (thrown instanceof TooLargeError) return new RequestError('TOO_LARGE', `A file is larger than ${Math.floor(thrown.limitBytes / 1024 / 1024)} MB.`, { cause: thrown })
  if (thrown instanceof URIError) return malformedPath(thrown)
  const status = statusOf(thrown)
  if (status === 400) return malformedPath(thrown)
  const code = status === undefined ? undefined : CODE_OF_STATUS[status]
  if (code !== undefined) return createHostError(code, `${TITLE[code]}.`, { cause: thrown })
  return createHostError('INTERNAL', INTERNAL_MESSAGE, { cause: thrown })
}

function malformedPath(cause: unknown): HostError {
  return new RequestError('MALFORMED_BODY', 'The path or query of the request is not valid.', { cause })
}

function fromMultipart(error: MultipartError): HostError {
  switch (error.reason) {
    case 'malformed':
      return new RequestError('MALFORMED_BODY', 'The multipart body cannot be parsed.', { cause: error })
    case 'too-large':
      return new RequestError('TOO_LARGE', 'A file or field of the multipart body is too large.', { cause: error })
    case 'too-many':
      return new RequestError('TOO_LARGE', 'The multipart body has too many parts.', { cause: error })
    case 'aborted':
      return new RequestError('MALFORMED_BODY', 'The multipart body ended early.', { cause: error })
  }
}

/** The status that Express, its router and `send` put on the errors they throw. */
function statusOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('status' in thrown)) return undefined
  return typeof thrown.status === 'number' ? thrown.status : undefined
}

/** The last middleware: every error leaves as a problem, or in Gradio's form on Gradio's routes, and nothing else is said. */
export function createErrorHandler(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, req: Request, res: Response, _next) => {
    answerError(log, thrown, res, res.locals.requestId ?? '', GRADIO_PATH.test(req.path))
  }
}

/** Ends a request with what was thrown on its way: logged, told, and what still comes of the body read. */
export function answerError(log: Logger, thrown: unknown, res: ServerResponse, requestId: string, inGradioForm = false): void {
  const error = toHostError(thrown)
  const { req } = res
  logError(log, error, req, requestId)
  if (res.headersSent || res.destroyed) {
    res.destroy()
    return
  }
  if (inGradioForm) writeError(res, error, problemOf(error, requestId).status, 'application/json', JSON.stringify({ detail: error.message }))
  else sendProblem(res, error, requestId)
  lingerForBody(req)
}

const LINGER_MS = 5_000

/**
 * A caller still sending gets the answer before the connection goes: closing at once would make its kernel drop what it has not read yet.
 * What still comes is read and discarded; this bounds for how long.
 */
function lingerForBody(req: IncomingMessage): void {
  if (req.complete) return
  const { socket } = req
  req.resume()
  const timer = setTimeout(() => {
    if (!req.complete) socket.destroy()
  }, LINGER_MS)
  timer.unref()
  req.once('close', () => clearTimeout(timer))
}

function logError(log: Logger, error: HostError, req: IncomingMessage, requestId: string): void {
  const fields = { requestId, method: req.method, code: error.code }
  if (error.code === 'INTERNAL') log.error({ ...fields, cause: describeThrown(error.cause ?? error) }, 'request failed')
  else log.debug({ ...fields, detail: error.message }, 'request refused')
}
