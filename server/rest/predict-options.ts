/** What the headers and the query of a prediction request ask for. */
import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Request } from 'express'

import { CapacityError, RequestError } from '../../workers/errors.ts'
import type { SubmitMode, SubmitOptions } from '../gateway.ts'
import { childTraceparent, parseTraceparent } from '../log.ts'

const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1_000

/**
 * The caller's deadline, counted from arrival; undefined when it sets none.
 *
 * @throws {RequestError} `INVALID_INPUT` unless it is a whole number of ms from 1 to 24 h.
 */
export function callerTimeoutMs(req: IncomingMessage): number | undefined {
  const header = req.headers['x-timeout-ms']
  if (header === undefined) return undefined
  const timeoutMs = typeof header === 'string' && /^\d{1,9}$/.test(header.trim()) ? Number(header) : 0
  if (timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs
  const message = `must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`
  throw new RequestError('INVALID_INPUT', `The header x-timeout-ms ${message}.`, { problems: [{ path: 'x-timeout-ms', message }] })
}

/**
 * @param timeoutMs The caller's deadline, counted from `arrivedMs` (monotonic).
 * @throws {CapacityError} `DEADLINE_EXCEEDED` when it has passed.
 */
export function submitOptions(req: IncomingMessage, requestId: string, mode: SubmitMode, timeoutMs: number | undefined, arrivedMs: number): SubmitOptions {
  const { traceparent } = req.headers
  const trace = typeof traceparent === 'string' ? parseTraceparent(traceparent) : null
  return {
    requestId,
    mode,
    timeoutMs: timeoutMs === undefined ? undefined : remainingMs(timeoutMs, arrivedMs),
    traceparent: trace === null ? undefined : childTraceparent(trace),
    traceId: trace?.traceId,
  }
}

function remainingMs(timeoutMs: number, arrivedMs: number): number {
  const remaining = timeoutMs - (performance.now() - arrivedMs)
  if (remaining <= 0) throw deadlinePassed()
  return Math.ceil(remaining)
}

export function deadlinePassed(): CapacityError {
  return new CapacityError('DEADLINE_EXCEEDED', 'The deadline passed before the prediction could begin.')
}

/** Does `Prefer` name `respond-async` (RFC 7240)? */
export function prefersAsync(req: Request): boolean {
  const { prefer } = req.headers
  if (prefer === undefined) return false
  const preferences = Array.isArray(prefer) ? prefer.join(',') : prefer
  return preferences.split(',').some((preference) => preference.split(';', 1)[0]?.trim().toLowerCase() === 'respond-async')
}

/** `?stream=delta`: grown text comes as `append` events. */
export function wantsAppends(req: Request): boolean {
  return req.query['stream'] === 'delta'
}

/**
 * The id of the last event that the caller has seen, from `Last-Event-ID` or `?after`; undefined to start with the latest output.
 *
 * @throws {RequestError} `INVALID_INPUT` when it is no whole number.
 */
export function lastSeenEvent(req: Request): number | undefined {
  const given = req.headers['last-event-id'] ?? req.query['after']
  if (given === undefined || given === '') return undefined
  if (typeof given === 'string' && /^\d{1,15}$/.test(given)) return Number(given)
  const message = 'must be the whole number of an event id'
  throw new RequestError('INVALID_INPUT', `Last-Event-ID ${message}.`, { problems: [{ path: 'last-event-id', message }] })
}
