import { type Bench, type Contestant, ERRORS, type Group, inTurn, P50, P99, PER_SECOND } from '../bench.ts'
import { type FirstQuestion, startCeiling, startFootlights, startPeer } from '../targets.ts'
import { batchMs } from '../work.ts'

const ASK: FirstQuestion = { model: 'batch', inputs: { text: 'hello world' } }
const CONNECTIONS = [1, 32, 64]
const MAX_SIZE = 32
/** Batches are few a second, and code is compiled after some thousand calls. */
const WARM_UP = { connections: 64, seconds: 2 }

export function batchAt(connections: number): string {
  return `10 ms + 0.1 ms each, at most 32 together, ${connections} connection${connections === 1 ? '' : 's'}`
}

/** What the work alone allows, a second. */
export function batchLimit(connections: number): number {
  const size = Math.min(connections, MAX_SIZE)
  return (size / batchMs(size)) * 1_000
}

export const batching: Group = { name: 'batching', title: 'Batching', columns: [PER_SECOND, P50, P99, ERRORS], run }

async function run(bench: Bench): Promise<void> {
  const { python, settings, load, figures } = bench
  const peers: Contestant[] = python === undefined ? [] : (['litserve', 'mosec'] as const).map((name) => ({ name, start: () => startPeer(name, { python, ask: ASK }) }))
  const ceiling: Contestant = { name: 'node:http', start: () => startCeiling('node-http', ASK) }
  await inTurn(bench, [ceiling, { name: 'footlights', start: () => startFootlights({ models: ['batch'] }) }, ...peers], async ({ name }, target) => {
    const url = `${target.url}/batch/predict`
    if (name === 'node:http') return figures.add('batching', batchAt(1), name, await load.run({ kind: 'requests', url, connections: 1, seconds: settings.seconds, body: ASK.inputs }))
    await load.run({ kind: 'requests', url, ...WARM_UP, body: ASK.inputs })
    for (const connections of CONNECTIONS) {
      figures.add('batching', batchAt(connections), name, await load.run({ kind: 'requests', url, connections, seconds: settings.seconds, body: ASK.inputs }))
    }
  })
}
