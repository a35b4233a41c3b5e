import { setTimeout as sleep } from 'node:timers/promises'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Bench, type Contestant, type Group, inTurn, milliseconds } from '../bench.ts'
import { descendants, pssBytesOf } from '../../drills/processes.ts'
import { collectGarbage } from '../inspector.ts'
import { freePort } from '../target-process.ts'
import { MODELS, startByNpm, startCeiling, startFootlights, startPeer } from '../targets.ts'

export const MODEL_COUNTS = [1, 5, 20]
const QUICK_MODEL_COUNTS = [1, 3]
const QUEUED = 10_000
const QUICK_QUEUED = 1_000
/** Long enough for the start's garbage to be gone. */
const SETTLE_MS = 3_000
const STARTS = 5

export const START = 'start to the first answer'
export const FIRST_START = 'the very first start, nothing compiled yet'
export const QUEUED_EACH = 'each of 10,000 queued requests'

export function idleAt(models: number): string {
  return `idle, ${models} model${models === 1 ? '' : 's'}`
}

export const memory: Group = {
  name: 'memory', title: 'Memory and start', run,
  columns: [
    { measure: 'pssMb', show: (value) => `${value.toFixed(0)} MB` },
    { measure: 'frontMb', show: (value) => `front ${value.toFixed(0)} MB` },
    { measure: 'startMs', show: milliseconds },
    { measure: 'kbEach', show: (value) => `${value.toFixed(2)} kB` },
  ],
}

async function run(bench: Bench): Promise<void> {
  await measureIdle(bench)
  await measureStart(bench)
  await measureQueued(bench)
}

async function measureIdle(bench: Bench): Promise<void> {
  const { settings, python } = bench
  const peers = python === undefined ? [] : (['fastapi', 'litserve', 'mosec', 'gradio'] as const).map((name): Contestant => ({ name, start: () => startPeer(name, { python }) }))
  for (const count of settings.quick ? QUICK_MODEL_COUNTS : MODEL_COUNTS) {
    const names = Array.from({ length: count }, (_, index) => `echo-${index + 1}`)
    const footlights: Contestant = {
      name: 'footlights', start: () => startFootlights({ models: names.map((name) => `${name}:echo`), ask: { model: names.at(-1) ?? '', inputs: { text: 'hello world' } } }),
    }
    const others = count === 1 ? [{ name: 'node:http', start: () => startCeiling('node-http') } as const, ...peers] : []
    await inTurn(bench, [footlights, ...others], async ({ name }, target) => {
      if (name === 'footlights') await allAnswer(target.url, names)
      await sleep(settings.quick ? 500 : SETTLE_MS)
      const frontMb = megabytes(pssBytesOf(target.pid))
      const pssMb = frontMb + descendants(target.pid).reduce((total, pid) => total + megabytes(pssBytesOf(pid)), 0)
      bench.figures.add('memory', idleAt(count), name, { pssMb, models: count, ...(name === 'footlights' ? { frontMb } : {}) })
      if (count === 1 && name !== 'footlights') bench.figures.add('memory', START, name, { startMs: target.startMs })
    }, 1)
  }
}

/** `npm start` of a folder of models to the first answer: the very first time, and then as it is every day. */
async function measureStart({ settings, figures, say, stopped }: Bench): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'footlights-bench-'))
  await cp(join(MODELS, 'echo'), join(folder, 'models/echo'), { recursive: true })
  try {
    for (let start = 0; start <= (settings.quick ? 1 : STARTS) && !stopped.aborted; start++) {
      say(`npm start, ${start === 0 ? 'the very first time' : `the ${start}. time after that`}`)
      await using target = await startByNpm(folder)
      figures.add('memory', start === 0 ? FIRST_START : START, 'footlights', { startMs: target.startMs })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * What the front holds for each prediction that waits: the callers were told a place to ask at (`Prefer: respond-async`), so that no connection counts. Before
 * and after, its garbage is collected; requests that were answered before make that what only the first requests cost is not charged to those that wait.
 */
async function measureQueued(bench: Bench): Promise<void> {
  const inspector = await freePort()
  const count = bench.settings.quick ? QUICK_QUEUED : QUEUED
  const start = (): ReturnType<typeof startFootlights> => startFootlights({ models: ['echo', 'waiting'], execArgv: [`--inspect=127.0.0.1:${inspector}`] })
  await inTurn(bench, [{ name: 'footlights', start }], async (_, { url, pid }) => {
    const ask = { kind: 'burst', connections: 50, headers: {}, body: { text: 'hello world' } } as const
    await bench.load.run({ ...ask, url: `${url}/echo/predict`, count: QUEUED * 2 })
    await settle(inspector)
    const before = pssBytesOf(pid)
    const { good } = await bench.load.run({ ...ask, url: `${url}/waiting/predict`, count, headers: { prefer: 'respond-async' } })
    if (good !== count) throw new Error(`only ${good} of ${count} were queued`)
    await settle(inspector)
    bench.figures.add('memory', QUEUED_EACH, 'footlights', { kbEach: (pssBytesOf(pid) - before) / count / 1_000 })
  }, 1)
}

async function settle(inspector: number): Promise<void> {
  for (let time = 0; time < 3; time++) {
    await sleep(SETTLE_MS / 6)
    await collectGarbage(inspector)
  }
  await sleep(SETTLE_MS / 2)
}

async function allAnswer(url: string, models: readonly string[]): Promise<void> {
  for (const model of models) {
    const response = await fetch(`${url}/${model}/predict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":"hello world"}' })
    if (!response.ok) throw new Error(`${model} answers ${response.status}`)
    await response.arrayBuffer()
  }
}

function megabytes(bytes: number): number {
  return bytes / (1024 * 1024)
}
