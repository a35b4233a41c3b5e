/** What the process that makes the load is asked to do, and what it answers. */
import type { Measures } from '../figures.ts'

/** As fast as they are answered, one request at a time on each connection. */
export interface RequestsJob {
  kind: 'requests'
  url: string
  connections: number
  seconds: number
  /** Before the counting begins. */
  warmUpSeconds: number
  body: Record<string, unknown>
}

export type Job = RequestsJob

export type FromLoad = { measures: Measures } | { failure: string }
