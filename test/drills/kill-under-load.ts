/**
 * `npm run kill-under-load`: 100 connections for 10 s as fast as they go against an echo model; the same with a worker killed in the middle,
 * with two workers and with one. No request may fail. `--markdown` writes the table into docs/reliability.md, `--seconds=10` is the duration.
 */
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'

import { ready, statusOf } from '../helpers/call.ts'
import { DrillHost } from './host.ts'
import { writeSection } from './reliability-page.ts'

const CONNECTIONS = 100

const { values } = parseArgs({ options: { markdown: { type: 'boolean', default: false }, seconds: { type: 'string', default: '10' } } })
const seconds = Number(values.seconds)

interface Run {
  title: string
  replicas: number
  kills: boolean
}

const RUNS: readonly Run[] = [
  { title: 'one worker, nothing happens', replicas: 1, kills: false },
  { title: 'two workers, one killed', replicas: 2, kills: true },
  { title: 'one worker, killed', replicas: 1, kills: true },
]
const TITLES = ['run', 'requests', 'a second', 'errors', 'time-outs', 'not 2xx', 'p99', 'longest pause', 'verdict']

async function fire({ title, replicas, kills }: Run): Promise<string[]> {
  const host = await DrillHost.start({ models: ['echo'], config: { limits: { echo: { replicas } } } })
  try {
    await ready(host.url, 'echo')
    const ended = Promise.withResolvers<autocannon.Result>()
    const shooting = autocannon({
      url: `${host.url}/echo/predict`, connections: CONNECTIONS, duration: seconds, method: 'POST',
      headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text: 'hello' }),
    }, (error: unknown, result) => (error ? ended.reject(error) : ended.resolve(result)))
    const pause = longestPause(shooting)
    const killing = kills ? setTimeout(() => void killOne(host.url), (seconds * 1000) / 2) : undefined
    const result = await ended.promise
    clearTimeout(killing)
    const isWhole = result.errors === 0 && result.timeouts === 0 && result.non2xx === 0 && result['2xx'] > 0
    return [
      title, String(result['2xx']), String(Math.round(result['2xx'] / result.duration)), String(result.errors), String(result.timeouts), String(result.non2xx),
      `${result.latency.p99} ms`, `${Math.round(pause())} ms`, isWhole ? 'PASS' : 'FAIL',
    ]
  } finally {
    await host.stop()
  }
}

/** The longest time without any answer on any connection. */
function longestPause(shooting: autocannon.Instance): () => number {
  let before = performance.now()
  let longest = 0
  shooting.on('response', () => {
    const now = performance.now()
    longest = Math.max(longest, now - before)
    before = now
  })
  return () => longest
}

async function killOne(url: string): Promise<void> {
  const { replicas } = await statusOf(url, 'echo')
  process.kill(replicas[0]?.pid ?? 0, 'SIGKILL')
}

const rows: string[][] = []
for (const run of RUNS) {
  const row = await fire(run)
  console.log(row.map((cell, index) => `${TITLES[index] ?? ''}: ${cell}`).join(', '))
  rows.push(row)
}
if (values.markdown) {
  const lines = [TITLES, TITLES.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  await writeSection('kill-under-load', lines.join('\n'))
}
process.exitCode = rows.every((row) => row.at(-1) === 'PASS') ? 0 : 1
