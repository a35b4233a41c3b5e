import { type Bench, type Column, type Contestant, type Group, inTurn, milliseconds } from '../bench.ts'
import type { Measures } from '../figures.ts'
import type { StreamMarks } from '../load/jobs.ts'
import type { TargetProcess } from '../target-process.ts'
import { startCeiling, startFootlights, startPeer } from '../targets.ts'

const FIRE_TOKENS = 10_000
/** Four times as many tell whether the cost grows with the length of the text. */
const MORE_FIRE_TOKENS = 40_000
const PACED_TOKENS = 500
const CLIENTS = [1, 25, 100, 250, 1_000]
const QUICK_CLIENTS = [1, 25]
/** Those that answer one stream after the other. */
const SERIAL_CLIENTS = [1, 25]
const GIVE_UP_SECONDS = 12
const QUICK_TOKENS = 50
const WARM_UP_TOKENS = 2_000

const OWN: StreamMarks = { first: 'event: output', token: 'event: output', end: 'event: done' }
const OWN_DELTA: StreamMarks = { first: 'event: output', token: 'event: append', end: 'event: done' }
const PLAIN: StreamMarks = { first: 'data: ', token: 'data: ' }

export const SEPARATE = '10,000 tokens without a pause, separate outputs'
export const DELTA = '10,000 tokens without a pause, growing text by delta'
export const DELTA_LONG = '40,000 tokens without a pause, growing text by delta'
export const FIRE_BY_GRADIO = "10,000 tokens without a pause, growing text by Gradio's protocol"

export function pacedAt(clients: number): string {
  return `500 tokens at 100/s, ${clients.toLocaleString('en')} client${clients === 1 ? '' : 's'}`
}

export const STREAM_COLUMNS: readonly Column[] = [
  { measure: 'tokensPerSecond', show: (value) => `${Math.round(value).toLocaleString('en')} tokens/s` },
  { measure: 'afterMadeMs', show: (value) => `first ${milliseconds(value)} after the model's` },
  { measure: 'eventsShare', show: (value) => `${Math.round(value * 100)} % as events` },
  { measure: 'bytesPerToken', show: (value) => `${value.toFixed(0)} B/token` },
  { measure: 'slowestMs', show: (value) => `slowest ${milliseconds(value)}` },
  { measure: 'firstMs', show: (value) => `first ${milliseconds(value)}` },
  { measure: 'gapMs', show: (value) => `gap ${milliseconds(value)}` },
  { measure: 'unfinished', show: (value) => (value === 0 ? '' : `**${value} unfinished**`) },
]

export const streaming: Group = { name: 'streaming', title: 'Streaming', columns: STREAM_COLUMNS, run }

async function run(bench: Bench): Promise<void> {
  const ceiling: Contestant = { name: 'node:http', start: () => startCeiling('node-http') }
  const footlights: Contestant = { name: 'footlights', start: () => startFootlights({ models: ['echo', 'firehose', 'growing', 'paced'] }) }
  const plain = plainPeers(bench, 'firehose')
  await inTurn(bench, [ceiling, footlights, ...plain], ({ name }, target) => fire(bench, name, target))
  // A stream of five seconds has a median in itself.
  await inTurn(bench, [ceiling, footlights, ...plainPeers(bench, 'paced')], ({ name }, target) => pace(bench, name, target), 1)
  const { python } = bench
  if (python === undefined) return
  await inTurn(bench, [{ name: 'gradio', start: () => startPeer('gradio', { python }) }], (_, target) => fireByGradio(bench, 'gradio', target.url, 'firehose'), 1)
}

function plainPeers({ python }: Bench, model: 'firehose' | 'paced'): Contestant[] {
  if (python === undefined) return []
  return (['fastapi', 'litserve', 'mosec'] as const).map((name) => ({ name, start: () => startPeer(name, { python, ask: { model, inputs: { count: 1 } } }) }))
}

async function fire(bench: Bench, name: Contestant['name'], { url }: TargetProcess): Promise<void> {
  const marks = name === 'footlights' ? OWN : PLAIN
  await shoot(bench, `${url}/firehose/predict`, WARM_UP_TOKENS, marks)
  bench.figures.add('streaming', SEPARATE, name, await shoot(bench, `${url}/firehose/predict`, FIRE_TOKENS, marks))
  if (name !== 'footlights') return
  const delta = `${url}/growing/predict?stream=delta`
  await shoot(bench, delta, WARM_UP_TOKENS, OWN_DELTA)
  bench.figures.add('streaming', DELTA, name, await shoot(bench, delta, FIRE_TOKENS, OWN_DELTA))
  bench.figures.add('streaming', DELTA_LONG, name, await shoot(bench, delta, MORE_FIRE_TOKENS, OWN_DELTA))
  await fireByGradio(bench, name, `${url}/growing`, 'predict')
}

async function shoot({ load }: Bench, url: string, count: number, marks: StreamMarks): Promise<Measures> {
  return fireMeasures(await load.run({ kind: 'streams', url, clients: 1, body: { count }, marks, giveUpSeconds: GIVE_UP_SECONDS }), count)
}

async function fireByGradio({ load, figures }: Bench, name: Contestant['name'], url: string, apiName: string): Promise<void> {
  const measures = await load.run({ kind: 'gradio-streams', url, apiName, data: [FIRE_TOKENS], clients: 1, giveUpSeconds: GIVE_UP_SECONDS })
  figures.add('streaming', FIRE_BY_GRADIO, name, fireMeasures(measures, FIRE_TOKENS))
}

/** From the request to the end; outputs may be left out where the reader is slower, so that the events are fewer than the tokens. */
function fireMeasures({ slowestMs = NaN, tokens = NaN, bytes = NaN, unfinished = NaN, afterMadeMs }: Measures, count: number): Measures {
  return {
    tokensPerSecond: unfinished > 0 ? 0 : (count / slowestMs) * 1_000, totalMs: slowestMs, eventsShare: tokens / count, bytesPerToken: bytes / count, unfinished,
    ...(afterMadeMs === undefined ? {} : { afterMadeMs }),
  }
}

async function pace({ settings, load, figures }: Bench, name: Contestant['name'], { url }: TargetProcess): Promise<void> {
  const own = name === 'footlights'
  const ask = { kind: 'streams', url: `${url}/paced/predict${own ? '?stream=delta' : ''}`, marks: own ? OWN_DELTA : PLAIN, giveUpSeconds: GIVE_UP_SECONDS } as const
  await load.run({ ...ask, clients: 1, body: { count: 20 } })
  const serial = name === 'litserve' || name === 'mosec'
  for (const clients of settings.quick ? QUICK_CLIENTS : serial ? SERIAL_CLIENTS : CLIENTS) {
    const { slowestMs = NaN, firstMs = NaN, gapMs = NaN, unfinished = NaN } = await load.run({ ...ask, clients, body: { count: settings.quick ? QUICK_TOKENS : PACED_TOKENS } })
    figures.add('streaming', pacedAt(clients), name, { slowestMs, firstMs, gapMs, unfinished })
  }
}
