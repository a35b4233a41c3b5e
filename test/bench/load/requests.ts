import autocannon from 'autocannon'

import type { Measures } from '../figures.ts'
import type { RequestsJob } from './jobs.ts'
import { Tally } from './tally.ts'

const GIVE_UP_SECONDS = 30

export async function makeRequests({ url, connections, seconds, body }: RequestsJob): Promise<Measures> {
  const tally = new Tally()
  const ended = Promise.withResolvers<autocannon.Result>()
  const shooting = autocannon({
    url, connections, duration: seconds, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), timeout: GIVE_UP_SECONDS,
  }, (error: unknown, result) => (error ? ended.reject(error) : ended.resolve(result)))
  shooting.on('response', (_client, statusCode, _bytes, responseMs) => tally.add(statusCode, responseMs))
  const result = await ended.promise
  tally.errors += result.errors + result.timeouts
  return tally.measures(result.duration)
}
