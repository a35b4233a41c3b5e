import { type Bench, ERRORS, type Group, inTurn, milliseconds, P50, PER_SECOND } from '../bench.ts'
import type { Figures } from '../figures.ts'
import type { TargetProcess } from '../target-process.ts'
import { startCeiling, startFootlights, startValidating } from '../targets.ts'

const CONNECTIONS = [1, 100]
/** Nobody else is compared with. */
const MOST_ROUNDS = 2
const WARM_UP_SECONDS = 0.5
const BODY = { text: 'hello world' }

interface Layer {
  name: string
  start(): Promise<TargetProcess>
}

/** Each has all that those before it have. */
const LAYERS: readonly Layer[] = [
  { name: '`node:http`', start: () => startCeiling('node-http') },
  { name: 'Express', start: () => startCeiling('express') },
  { name: 'validation', start: startValidating },
  { name: "queue, and all else of the front's", start: () => hostWithout(['log', 'metrics', 'threads', 'processes']) },
  { name: 'a worker process, over IPC', start: () => hostWithout(['log', 'metrics', 'threads']) },
  { name: "piscina's thread, the model in its runner", start: () => hostWithout(['log', 'metrics']) },
  { name: 'metrics', start: () => hostWithout(['log']) },
  { name: 'log: the whole host', start: () => hostWithout([]) },
]

export const layers: Group = { name: 'layers', title: 'The price of each layer', columns: [PER_SECOND, P50, ERRORS], run, table }

/** The real host, with layers of it left out. */
export function hostWithout(left: readonly ('log' | 'metrics' | 'threads' | 'processes')[], models: readonly string[] = ['echo']): Promise<TargetProcess> {
  const preload = new URL('../layers/without.ts', import.meta.url).href
  return startFootlights({ models, env: { FOOTLIGHTS_BENCH_WITHOUT: left.join(','), NODE_OPTIONS: `--import=${preload}`, ...(left.includes('log') ? { LOG_LEVEL: 'silent' } : {}) } })
}

async function run(bench: Bench): Promise<void> {
  const { settings, load, figures } = bench
  const contestants = LAYERS.map(({ start, name }) => ({ name: 'footlights', layer: name, start }) as const)
  await inTurn(bench, contestants, async ({ layer }, target) => {
    const url = `${target.url}/echo/predict`
    await load.run({ kind: 'requests', url, connections: 20, seconds: WARM_UP_SECONDS, body: BODY })
    for (const connections of CONNECTIONS) figures.add('layers', rowName(layer, connections), 'footlights', await load.run({ kind: 'requests', url, connections, seconds: settings.seconds, body: BODY }))
  }, Math.min(settings.rounds, MOST_ROUNDS))
}

function rowName(layer: string, connections: number): string {
  return `${layer}, ${connections} connection${connections === 1 ? '' : 's'}`
}

/** A layer a row; its price is the time that one request takes more than in the row above. */
function table(figures: Figures): string[][] {
  const of = (layer: Layer | undefined, connections: number, measure: string): number => (layer === undefined ? NaN : (figures.median('layers', rowName(layer.name, connections), 'footlights', measure) ?? NaN))
  return [
    ['with', ...CONNECTIONS.flatMap((connections) => [`${connections} connection${connections === 1 ? '' : 's'}`, 'its price'])],
    ...LAYERS.map((layer, index) => [
      layer.name,
      ...CONNECTIONS.flatMap((connections) => {
        const perSecond = of(layer, connections, 'perSecond')
        const priceUs = 1e6 / perSecond - 1e6 / of(LAYERS[index - 1], connections, 'perSecond')
        return [Number.isNaN(perSecond) ? '–' : `${PER_SECOND.show(perSecond)} · p50 ${milliseconds(of(layer, connections, 'p50Ms'))}`, Number.isNaN(priceUs) ? '' : `${priceUs.toFixed(1)} µs`]
      }),
    ]),
  ]
}
