/** What the process that makes the load is asked to do, and what it answers. */
import type { Measures } from '../figures.ts'

/** As fast as they are answered, one request at a time on each connection: `perSecond`, `p50Ms`, `p99Ms`, `errors`. */
export interface RequestsJob {
  kind: 'requests'
  url: string
  connections: number
  seconds: number
  body: Record<string, unknown>
}

/** Each at its time, whether or not those before it have come back; a latency counts from that time. The same measures. */
export interface OfferedJob {
  kind: 'offered'
  url: string
  perSecond: number
  seconds: number
  body: Record<string, unknown>
  /** Begins so much later, so that several at once do not send in the same moments. Default 0. */
  offsetMs?: number
}

/** An image of 5 MB to the server and back again, on each connection. The same measures. */
export interface ImagesJob {
  kind: 'images'
  url: string
  connections: number
  seconds: number
  /** `raw`: the bytes as bodies. `form`: a multipart field, and a second request for the file that the answer names. `base64`: in JSON, both ways. */
  as: 'raw' | 'form' | 'base64'
}

/** A certain number of requests, as fast as they are answered: `good`, how many were answered with 2xx. */
export interface BurstJob {
  kind: 'burst'
  url: string
  count: number
  connections: number
  headers: Record<string, string>
  body: Record<string, unknown>
}

/** What the readers of one stream each go by. */
export interface StreamMarks {
  /** Text on the wire by which the first token is known, and every one. */
  first: string
  token: string
  /** By which the end is known. Default: the end of the answer. */
  end?: string
}

/**
 * Clients that all ask for a stream at the same moment and read it to its end: `slowestMs`, `medianMs` (from that moment to the end), `firstMs` (the median
 * time to the first token), `gapMs` (the longest pause of any), `tokens` (events seen by all), `bytes`, `unfinished`, and `afterMadeMs` where the first
 * output says when it was made.
 */
export interface StreamsJob {
  kind: 'streams'
  /** Where to post the inputs. */
  url: string
  clients: number
  body: Record<string, unknown>
  marks: StreamMarks
  /** Who is not at the end then is unfinished. */
  giveUpSeconds: number
}

/** The same by Gradio's protocol: join the queue, then read the session's stream. */
export interface GradioStreamsJob {
  kind: 'gradio-streams'
  /** Of the app, without a final slash. */
  url: string
  apiName: string
  data: unknown[]
  clients: number
  giveUpSeconds: number
}

/** Join and stream, again and again, by each client: as with requests. */
export interface GradioJob {
  kind: 'gradio'
  url: string
  apiName: string
  data: unknown[]
  clients: number
  seconds: number
}

/** All at once; the measures of the nth have `n.` before their names. */
export interface TogetherJob {
  kind: 'together'
  jobs: Exclude<Job, TogetherJob>[]
}

export type Job = RequestsJob | OfferedJob | ImagesJob | BurstJob | StreamsJob | GradioStreamsJob | GradioJob | TogetherJob

export type FromLoad = { measures: Measures } | { failure: string }
