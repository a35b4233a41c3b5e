import { type Bench, type Contestant, ERRORS, type Group, inTurn, P50, P99, PER_SECOND } from '../bench.ts'
import type { Measures } from '../figures.ts'
import type { OfferedJob, RequestsJob } from '../load/jobs.ts'
import type { TargetProcess } from '../target-process.ts'
import { type FirstQuestion, startCeiling, startFootlights, startPeer } from '../targets.ts'

const ASK: FirstQuestion = { model: 'cpu', inputs: { text: 'hello world' } }
const CONNECTIONS = [1, 8]
const NEIGHBOURS = ['cpu-b', 'cpu-c', 'cpu-d'] as const
const FOUR = ['cpu-a', ...NEIGHBOURS]
/** Each neighbour's own work: a twentieth of a core. */
const NEIGHBOUR_PER_SECOND = 5
/** Few requests make a p99 only when they have time. */
const NEIGHBOUR_SECONDS_FACTOR = 5

export function cpuAt(connections: number, threads: 1 | 2): string {
  return `10 ms of CPU, ${connections} connection${connections === 1 ? '' : 's'}, ${threads} thread${threads === 1 ? '' : 's'} or processes`
}

export const CPU_FOUR = '10 ms of CPU in each of 4 models, 8 connections each'
export const NEIGHBOURS_ALONE = 'three models at 5/s each, p99 of all'
export const NEIGHBOURS_BESIDE = 'the same beside a fourth with 8 connections'

export const cpu: Group = { name: 'cpu', title: '10 ms of CPU', columns: [PER_SECOND, P50, P99, ERRORS], run }

async function run(bench: Bench): Promise<void> {
  const { python } = bench
  const peers: Contestant[] = python === undefined ? [] : (['fastapi', 'litserve', 'mosec'] as const).map((name) => ({ name, start: () => startPeer(name, { python, ask: ASK, processes: 2 }) }))
  const ceiling: Contestant = { name: 'node:http', start: () => startCeiling('node-http', ASK) }
  const footlights = (threads: 1 | 2): Contestant => ({ name: 'footlights', start: () => startFootlights({ models: ['cpu'], config: { limits: { cpu: { threads } } } }) })
  await inTurn(bench, [ceiling, footlights(1)], ({ name }, target) => measure(bench, name, target, 1))
  await inTurn(bench, [footlights(2), ...peers], ({ name }, target) => measure(bench, name, target, 2))
  const limits = Object.fromEntries(FOUR.map((name) => [name, { threads: 2 }]))
  await inTurn(bench, [{ name: 'footlights', start: () => startFootlights({ models: FOUR.map((name) => `${name}:cpu`), config: { limits } }) }], (_, target) => measureFour(bench, target))
}

async function measure({ settings, load, figures }: Bench, name: Contestant['name'], { url }: TargetProcess, threads: 1 | 2): Promise<void> {
  for (const connections of CONNECTIONS) figures.add('cpu', cpuAt(connections, threads), name, await load.run(requests(url, 'cpu', connections, settings.seconds)))
}

async function measureFour({ settings, load, figures }: Bench, { url }: TargetProcess): Promise<void> {
  const { seconds } = settings
  for (const model of FOUR) await load.run(requests(url, model, 2, 0.3))
  const four = await load.run({ kind: 'together', jobs: FOUR.map((model) => requests(url, model, 8, seconds)) })
  figures.add('cpu', CPU_FOUR, 'footlights', summary(four, FOUR.map((_, index) => index)))
  const long = seconds * NEIGHBOUR_SECONDS_FACTOR
  const neighbours = NEIGHBOURS.map((model, index): OfferedJob => ({
    kind: 'offered', url: `${url}/${model}/predict`, perSecond: NEIGHBOUR_PER_SECOND, seconds: long, body: ASK.inputs,
    // Each in its own moments: what one model does to another is measured, not what they do to themselves.
    offsetMs: (index * 1_000) / NEIGHBOUR_PER_SECOND / NEIGHBOURS.length,
  }))
  const indices = NEIGHBOURS.map((_, index) => index)
  figures.add('cpu', NEIGHBOURS_ALONE, 'footlights', summary(await load.run({ kind: 'together', jobs: neighbours }), indices))
  figures.add('cpu', NEIGHBOURS_BESIDE, 'footlights', summary(await load.run({ kind: 'together', jobs: [...neighbours, requests(url, 'cpu-a', 8, long)] }), indices))
}

function requests(url: string, model: string, connections: number, seconds: number): RequestsJob {
  return { kind: 'requests', url: `${url}/${model}/predict`, connections, seconds, body: ASK.inputs }
}

/** Of several jobs at once: together so many a second, and the worst latencies of any. */
function summary(measures: Measures, indices: readonly number[]): Measures {
  const of = (name: string): number[] => indices.map((index) => measures[`${index}.${name}`] ?? NaN)
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return { perSecond: sum(of('perSecond')), p50Ms: Math.max(...of('p50Ms')), p99Ms: Math.max(...of('p99Ms')), errors: sum(of('errors')) }
}
