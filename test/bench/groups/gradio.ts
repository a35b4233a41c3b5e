import { type Bench, type Contestant, ERRORS, type Group, inTurn, P50, P99, PER_SECOND } from '../bench.ts'
import type { TargetProcess } from '../target-process.ts'
import { startFootlights, startPeer } from '../targets.ts'
import { STREAM_COLUMNS } from './streaming.ts'

const CLIENTS = [1, 10, 100]
const STREAM_CLIENTS = [1, 25, 100]
const QUICK_CLIENTS = [1, 10]
const TOKENS = 500
const QUICK_TOKENS = 50
const GIVE_UP_SECONDS = 40
const WARM_UP_SECONDS = 0.5
const ECHO = ['hello world']

export function queueAt(clients: number): string {
  return `join, then the stream, ${clients} client${clients === 1 ? '' : 's'}`
}

function queueStreamAt(clients: number): string {
  return `500 tokens at 100/s, ${clients} client${clients === 1 ? '' : 's'}`
}

export const gradio: Group = { name: 'gradio', title: "Gradio's protocol", columns: [PER_SECOND, P50, P99, ERRORS, ...STREAM_COLUMNS], run }

async function run(bench: Bench): Promise<void> {
  const { python } = bench
  const footlights: Contestant = { name: 'footlights', start: () => startFootlights({ models: ['echo', 'paced'] }) }
  const peer: Contestant[] = python === undefined ? [] : [{ name: 'gradio', start: () => startPeer('gradio', { python }) }]
  await inTurn(bench, [footlights, ...peer], ({ name }, target) => call(bench, name, target))
  await inTurn(bench, [footlights, ...peer], ({ name }, target) => stream(bench, name, target), 1)
}

async function call({ settings, load, figures }: Bench, name: Contestant['name'], target: TargetProcess): Promise<void> {
  const ask = { kind: 'gradio', ...endpoint(name, target, 'echo'), data: ECHO } as const
  await load.run({ ...ask, clients: 10, seconds: WARM_UP_SECONDS })
  for (const clients of settings.quick ? QUICK_CLIENTS : CLIENTS) figures.add('gradio', queueAt(clients), name, await load.run({ ...ask, clients, seconds: settings.seconds }))
}

async function stream({ settings, load, figures }: Bench, name: Contestant['name'], target: TargetProcess): Promise<void> {
  const ask = { kind: 'gradio-streams', ...endpoint(name, target, 'paced'), giveUpSeconds: GIVE_UP_SECONDS } as const
  await load.run({ ...ask, clients: 1, data: [10] })
  for (const clients of settings.quick ? QUICK_CLIENTS : STREAM_CLIENTS) {
    const { slowestMs = NaN, firstMs = NaN, gapMs = NaN, unfinished = NaN } = await load.run({ ...ask, clients, data: [settings.quick ? QUICK_TOKENS : TOKENS] })
    figures.add('gradio', queueStreamAt(clients), name, { slowestMs, firstMs, gapMs, unfinished })
  }
}

/** Gradio's app has an endpoint for each function, Footlights an app for each model. */
function endpoint(name: Contestant['name'], { url }: TargetProcess, model: string): { url: string; apiName: string } {
  return name === 'footlights' ? { url: `${url}/${model}`, apiName: 'predict' } : { url, apiName: model }
}
