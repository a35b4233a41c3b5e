/** Errors in Gradio's form: `{"detail": …}`, with the statuses of the host. */
import type { ErrorRequestHandler, Response } from 'express'

import { describeThrown } from '../../workers/errors.ts'
import type { HostError } from '../../workers/errors.ts'
import { problemOf, toHostError } from '../http-errors.ts'
import type { Logger } from '../log.ts'

const DEFAULT_RETRY_SECONDS = 1
/** How long a caller that is still sending may go on, so that it reads the answer before the connection goes. */
const LINGER_MS = 5_000

/** The status of an error on Gradio's routes. 422 is kept for validators: the clients cannot read it with a text. */
export function gradioStatus(error: HostError, requestId: string): number {
  const { status } = problemOf(error, requestId)
  return error.code === 'MODEL_SAID' ? 500 : status
}

/** Answers with the error's status; `fields` come beside `detail`. */
export function sendError(res: Response, error: HostError, fields: Record<string, unknown> = {}): void {
  const status = gradioStatus(error, res.locals.requestId)
  if (error.retryAfterSeconds !== undefined || status === 429 || status === 503) {
    res.set('retry-after', String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS))))
  }
  endUnread(res)
  res.status(status).set('cache-control', 'no-store').json({ ...fields, detail: error.message })
}

/** A body that was not read is read away behind the answer, for a while: closing at once would take the answer with it. */
export function endUnread(res: Response): void {
  const { req } = res
  if (req.complete) return
  req.resume()
  const timer = setTimeout(() => {
    if (!req.complete) req.destroy()
  }, LINGER_MS).unref()
  req.once('close', () => clearTimeout(timer))
}

export function createGradioErrorHandler(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, req, res, _next) => {
    const error = toHostError(thrown)
    const fields = { requestId: res.locals.requestId, method: req.method, code: error.code }
    if (error.code === 'INTERNAL') log.error({ ...fields, cause: describeThrown(error.cause ?? error) }, 'request failed')
    else log.debug({ ...fields, detail: error.message }, 'request refused')
    if (res.headersSent || res.destroyed) res.destroy()
    else sendError(res, error)
  }
}
