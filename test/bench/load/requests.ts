import autocannon from 'autocannon'

import { type Measures, quantile } from '../figures.ts'
import type { RequestsJob } from './jobs.ts'

/** @returns `perSecond`, `p50Ms`, `p99Ms` of the good answers, and `errors`: what was not answered with 2xx. */
export async function makeRequests({ warmUpSeconds, ...job }: RequestsJob): Promise<Measures> {
  if (warmUpSeconds > 0) await fire({ ...job, connections: Math.min(job.connections, 50) }, warmUpSeconds)
  return fire(job, job.seconds)
}

async function fire({ url, connections, body }: Omit<RequestsJob, 'warmUpSeconds'>, seconds: number): Promise<Measures> {
  const latencies: number[] = []
  const ended = Promise.withResolvers<autocannon.Result>()
  const shooting = autocannon({
    url, connections, duration: seconds, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), timeout: 30,
  }, (error: unknown, result) => (error ? ended.reject(error) : ended.resolve(result)))
  shooting.on('response', (_client, statusCode, _bytes, responseMs) => {
    if (statusCode < 300) latencies.push(responseMs)
  })
  const result = await ended.promise
  return {
    perSecond: result['2xx'] / result.duration, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99),
    errors: result.errors + result.timeouts + result.non2xx,
  }
}
