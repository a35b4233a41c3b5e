/** What a run of the benchmark was asked for. */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export const GROUPS = ['echo', 'load', 'cpu', 'streaming', 'batching', 'gradio', 'memory', 'layers'] as const
export type GroupName = (typeof GROUPS)[number]

const DEFAULT_JSON = fileURLToPath(new URL('../../node_modules/.cache/footlights-bench/latest.json', import.meta.url))
const ROUNDS = { whole: 3, quick: 1 }
const SECONDS = { whole: 1.5, quick: 0.5 }

export interface Settings {
  groups: readonly GroupName[]
  peers: boolean
  /** How often every target has its turn; medians are taken over these. */
  rounds: number
  /** How long each load lasts. */
  seconds: number
  /** A smoke: fewer connections, models and tokens. Its figures say nothing. */
  quick: boolean
  jsonFile: string
  /** Write docs/performance.md and its drawings. */
  markdown: boolean
  /** Draw beside the JSON file. */
  svg: boolean
}

export const USAGE = `npm run bench -- [--only=${GROUPS.join(',')}] [--peers] [--rounds=${ROUNDS.whole}] [--seconds=${SECONDS.whole}] [--quick] [--json=FILE] [--markdown] [--svg]`

/** @throws {Error} with what to mend. */
export function parseSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' }, peers: { type: 'boolean', default: false }, rounds: { type: 'string' }, seconds: { type: 'string' },
      quick: { type: 'boolean', default: false }, json: { type: 'string', default: DEFAULT_JSON }, markdown: { type: 'boolean', default: false },
      svg: { type: 'boolean', default: false },
    },
  })
  const scale = values.quick ? 'quick' : 'whole'
  return {
    groups: values.only === undefined ? GROUPS : groupsOf(values.only), peers: values.peers,
    rounds: atLeast('--rounds', values.rounds, ROUNDS[scale], 1), seconds: atLeast('--seconds', values.seconds, SECONDS[scale], 0.1),
    quick: values.quick, jsonFile: values.json, markdown: values.markdown, svg: values.svg,
  }
}

function groupsOf(text: string): GroupName[] {
  const names = text.split(',')
  const unknown = names.filter((name) => !GROUPS.some((group) => group === name))
  if (unknown.length > 0) throw new Error(`There is no group ${unknown.join(', ')}; there are ${GROUPS.join(', ')}.`)
  return GROUPS.filter((group) => names.includes(group))
}

function atLeast(flag: string, text: string | undefined, byDefault: number, minimum: number): number {
  const value = text === undefined ? byDefault : Number(text)
  if (!(value >= minimum)) throw new Error(`${flag} must be a number of at least ${minimum}.`)
  return value
}
