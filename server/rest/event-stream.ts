/** A prediction's events as server-sent events. */
import type { ServerResponse } from 'node:http'

import { EventStream } from '../event-stream.ts'
import { problemOf } from '../http-errors.ts'
import type { Prediction, PredictionEvent } from '../prediction.ts'
import type { Render } from './answer.ts'

const HEARTBEAT = ': still here\n\n'
/** What may wait a moment for what comes next. */
const BY_THE_WAY: ReadonlySet<PredictionEvent['type']> = new Set(['queued', 'held', 'started', 'replayed'])

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
  res.setHeader('x-prediction-id', prediction.id)
  res.setHeader('cache-control', 'no-store')
  const stream = new EventStream(res, HEARTBEAT)
  const events = prediction.events(options.after === undefined ? { appends: options.appends } : { appends: options.appends, after: options.after })
  // A `for await` notices the caller's leaving only at the next event, which may be minutes away.
  stream.onOver(() => void events.return?.())
  for await (const event of events) {
    const data = event.type === 'output' ? options.render(event.outputs) : eventData(event, prediction.requestId)
    const text = `event: ${event.type}\nid: ${event.id}\ndata: ${oneLine(data)}\n\n`
    if (BY_THE_WAY.has(event.type)) stream.writeByTheWay(text)
    else stream.write(text)
    if (stream.isFull) await stream.drained()
  }
  stream.end()
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
