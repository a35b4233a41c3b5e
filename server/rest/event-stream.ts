/** A prediction's events as server-sent events. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

import { problemOf } from '../http-errors.ts'
import type { Prediction, PredictionEvent } from '../prediction.ts'
import type { Render } from './answer.ts'

const HEARTBEAT_MS = 15_000

export interface StreamOptions {
  /** Only events after this id. */
  after: number | undefined
  /** Grown text as `append` events instead of whole outputs. */
  appends: boolean
  /** Outputs as the caller sees them. */
  render: Render
}

/**
 * Writes the events until the prediction ends or the caller leaves; counts as a reader of the prediction meanwhile.
 * A slow caller slows the reading, never fills memory: the log of the prediction lets older outputs give way.
 */
export async function streamPrediction(res: ServerResponse, prediction: Prediction, options: StreamOptions): Promise<void> {
  beginStream(res, prediction.id)
  const heartbeat = setInterval(() => {
    if (!res.writableNeedDrain) res.write(': still here\n\n')
  }, HEARTBEAT_MS)
  heartbeat.unref()
  const events = prediction.events(options.after === undefined ? { appends: options.appends } : { appends: options.appends, after: options.after })
  // A `for await` notices the caller's leaving only at the next event, which may be minutes away.
  const detach = (): void => void events.return?.()
  res.once('close', detach)
  try {
    for await (const event of events) {
      const data = event.type === 'output' ? options.render(event.outputs) : eventData(event, prediction.requestId)
      if (res.destroyed) break
      if (!res.write(`event: ${event.type}\nid: ${event.id}\ndata: ${oneLine(data)}\n\n`)) await drained(res)
    }
  } finally {
    clearInterval(heartbeat)
    res.off('close', detach)
  }
  if (!res.destroyed) res.end()
}

function beginStream(res: ServerResponse, predictionId: string): void {
  res.setHeader('content-type', 'text/event-stream; charset=utf-8')
  res.setHeader('cache-control', 'no-store')
  // nginx collects answers before it passes them on, unless told not to.
  res.setHeader('x-accel-buffering', 'no')
  res.setHeader('x-prediction-id', predictionId)
  res.statusCode = 200
  res.flushHeaders()
}

/** What some clients take for the end of a line though the standard does not: Python's `splitlines` is behind many of them. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g

function oneLine(data: unknown): string {
  return JSON.stringify(data).replace(LINE_ENDS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function eventData(event: Exclude<PredictionEvent, { type: 'output' }>, requestId: string): unknown {
  if (event.type === 'error') return problemOf(event.error, requestId)
  const { id: _id, type: _type, ...data } = event
  return data
}

async function drained(res: ServerResponse): Promise<void> {
  if (res.destroyed) return
  const left = new AbortController()
  const onClose = (): void => left.abort()
  res.once('close', onClose)
  try {
    await once(res, 'drain', { signal: left.signal })
  } catch {
    // The caller left while we waited; the loop sees it by `destroyed`.
  } finally {
    res.off('close', onClose)
  }
}
