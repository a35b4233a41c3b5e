import { Pool } from 'undici'

import type { Measures } from '../figures.ts'
import { exchange, JSON_TYPE } from './exchange.ts'
import type { BurstJob, OfferedJob } from './jobs.ts'
import { Tally } from './tally.ts'

const TICK_MS = 1
const CONNECTIONS = 200
/** What is not answered by then has failed. */
const GIVE_UP_MS = 5_000

/** A server that stands still is charged for all that should have been sent meanwhile (coordinated omission). */
export async function offer({ url, perSecond, seconds, body, offsetMs = 0 }: OfferedJob): Promise<Measures> {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections: CONNECTIONS, headersTimeout: GIVE_UP_MS })
  const tally = new Tally()
  const text = JSON.stringify(body)
  const open = new Set<Promise<void>>()
  const send = async (due: number): Promise<void> => {
    const status = await exchange(pool, 'POST', pathname, JSON_TYPE, text).then((answer) => answer.status, () => 0)
    tally.add(status, performance.now() - due)
  }
  const startedAt = performance.now() + offsetMs
  const count = Math.round(perSecond * seconds)
  for (let sent = 0; sent < count; await new Promise((resolve) => setTimeout(resolve, TICK_MS))) {
    for (let due = startedAt + (sent * 1000) / perSecond; due <= performance.now() && sent < count; due = startedAt + (++sent * 1000) / perSecond) {
      const sending: Promise<void> = send(due).finally(() => open.delete(sending))
      open.add(sending)
    }
  }
  await Promise.race([Promise.all(open), new Promise((resolve) => setTimeout(resolve, GIVE_UP_MS))])
  tally.errors += open.size
  const tookSeconds = (performance.now() - startedAt) / 1000
  await pool.destroy()
  return tally.measures(tookSeconds)
}

export async function burst({ url, count, connections, headers, body }: BurstJob): Promise<Measures> {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections })
  const text = JSON.stringify(body)
  let left = count
  let good = 0
  const sendAll = async (): Promise<void> => {
    while (left-- > 0) {
      const { status } = await exchange(pool, 'POST', pathname, { ...JSON_TYPE, ...headers }, text)
      if (status >= 200 && status < 300) good++
    }
  }
  await Promise.all(Array.from({ length: connections }, sendAll))
  await pool.close()
  return { good }
}
