/**
 * The work of one plain prediction, counted and not timed: how often the front writes to its worker and to the caller, how many bytes go to the
 * worker, how many promises and timers are made. It must not grow unnoticed; what lowers a number lowers its bound here.
 */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { predict, ready } from './helpers/call.ts'
import { startTestHost } from './helpers/start-test-host.ts'

const COUNTER = fileURLToPath(new URL('fixtures/preload/count-work.cjs', import.meta.url))
const FEW = 20
const MANY = 220

interface Work {
  laneWrites: number
  laneBytes: number
  httpWrites: number
  ipcMessages: number
  promises: number
  timers: number
}

/** All that the front does in a life in which it answers so many predictions, one after the other. */
async function workOf(predictions: number): Promise<Work> {
  const folder = await mkdtemp(join(tmpdir(), 'footlights-work-'))
  const file = join(folder, 'counts.json')
  try {
    const host = await startTestHost({ models: ['echo'], execArgv: ['--require', COUNTER], env: { COUNT_WORK_FILE: file } })
    await using _host = host
    await ready(host.url, 'echo')
    for (let each = 0; each < predictions; each++) assert.equal((await predict(host.url, 'echo', { text: 'hello world' })).status, 200)
    await host.stop()
    return JSON.parse(await readFile(file, 'utf8'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('the work of one plain prediction', () => {
  test('does not grow', async () => {
    const [few, many] = await Promise.all([workOf(FEW), workOf(MANY)])
    const each = (of: (work: Work) => number): number => (of(many) - of(few)) / (MANY - FEW)
    // The bounds leave a little for what happens meanwhile: heartbeats, samples of memory, the log, whose lines are gathered under a timer.
    const bounds: Work = { laneWrites: 1.05, laneBytes: 170, httpWrites: 1.05, ipcMessages: 0.05, promises: 0.5, timers: 1.6 }
    const counted: Work = {
      laneWrites: each((work) => work.laneWrites), laneBytes: each((work) => work.laneBytes), httpWrites: each((work) => work.httpWrites),
      ipcMessages: each((work) => work.ipcMessages), promises: each((work) => work.promises), timers: each((work) => work.timers),
    }
    assert.ok(counted.laneWrites > 0.9 && counted.httpWrites > 0.9 && few.promises > FEW, `nothing was counted: ${JSON.stringify(counted)}`)
    for (const [name, bound] of Object.entries(bounds)) {
      const [, value = Infinity] = Object.entries(counted).find(([key]) => key === name) ?? []
      assert.ok(value <= bound, `${name}: ${value} for each, at most ${bound}; all: ${JSON.stringify(counted)}`)
    }
  })
})
