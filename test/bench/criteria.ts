/** What must come out, as ratios in the same run. */
import { milliseconds } from './bench.ts'
import type { Figures, TargetName } from './figures.ts'
import { batchAt, batchLimit } from './groups/batching.ts'
import { cpuAt, NEIGHBOURS_ALONE, NEIGHBOURS_BESIDE } from './groups/cpu.ts'
import { ECHO_LARGE, echoAt } from './groups/echo.ts'
import { queueAt } from './groups/gradio.ts'
import { idleAt, MODEL_COUNTS, QUEUED_EACH, START } from './groups/memory.ts'
import { DELTA, DELTA_LONG, pacedAt } from './groups/streaming.ts'
import type { GroupName } from './settings.ts'

export interface Criterion {
  title: string
  /** In words, as the table shows it. */
  required: string
  /** A peer that the row compares with. */
  peer?: TargetName
  group: GroupName
  /** The number that is judged; undefined where it was not measured. */
  value(figures: Figures): number | undefined
  bound: { atLeast: number } | { atMost: number }
  /** Wished for, not owed: it is shown, and never counts as failed. */
  isAim?: true
  /** How the number is written. Default: two digits and `×`. */
  show?(value: number): string
}

const ECHO_CRITERIA: readonly Criterion[] = [
  ...[100, 1_000].flatMap((connections): Criterion[] => [
    { group: 'echo', peer: 'mosec', title: echoAt(connections), required: '≥ 1.6 × mosec', value: ratio('echo', echoAt(connections), 'perSecond', 'mosec'), bound: { atLeast: 1.6 } },
    { group: 'echo', title: echoAt(connections), required: '≥ 0.55 × bare Express', value: ratio('echo', echoAt(connections), 'perSecond', 'express'), bound: { atLeast: 0.55 } },
    { group: 'echo', peer: 'mosec', title: `${echoAt(connections)}, p99`, required: '≤ 1.5 × mosec', value: ratio('echo', echoAt(connections), 'p99Ms', 'mosec'), bound: { atMost: 1.5 } },
  ]),
  { group: 'echo', peer: 'mosec', title: echoAt(10), required: '≥ 1.2 × mosec', value: ratio('echo', echoAt(10), 'perSecond', 'mosec'), bound: { atLeast: 1.2 } },
  { group: 'echo', peer: 'fastapi', title: echoAt(1), required: '≥ 1.0 × FastAPI', value: ratio('echo', echoAt(1), 'perSecond', 'fastapi'), bound: { atLeast: 1 } },
  { group: 'echo', peer: 'mosec', title: `${echoAt(1)}, the aim`, required: '≥ 1.0 × mosec', value: ratio('echo', echoAt(1), 'perSecond', 'mosec'), bound: { atLeast: 1 }, isAim: true },
  { group: 'echo', peer: 'mosec', title: ECHO_LARGE, required: '≥ 1.0 × mosec', value: ratio('echo', ECHO_LARGE, 'perSecond', 'mosec'), bound: { atLeast: 1 } },
]

const WORK_CRITERIA: readonly Criterion[] = [
  {
    group: 'cpu', title: '10 ms of CPU, 8 connections, 2 threads', required: '≥ 1.8 × one thread', bound: { atLeast: 1.8 },
    value: (figures) => quotient(figures.median('cpu', cpuAt(8, 2), 'footlights', 'perSecond'), figures.median('cpu', cpuAt(8, 1), 'footlights', 'perSecond')),
  },
  {
    group: 'cpu', title: "other models' p99 beside a busy one", required: 'moved by ≤ one task (10 ms)', bound: { atMost: 10 }, show: (value) => `by ${value.toFixed(1)} ms`,
    value: (figures) => difference(figures.median('cpu', NEIGHBOURS_BESIDE, 'footlights', 'p99Ms'), figures.median('cpu', NEIGHBOURS_ALONE, 'footlights', 'p99Ms')),
  },
  {
    group: 'streaming', title: DELTA, required: '≥ 100,000 tokens/s', bound: { atLeast: 100_000 }, show: (value) => `${Math.round(value).toLocaleString('en')} tokens/s`,
    value: (figures) => figures.median('streaming', DELTA, 'footlights', 'tokensPerSecond'),
  },
  { group: 'streaming', title: "first token after the model's", required: '≤ 3 ms', bound: { atMost: 3 }, show: milliseconds, value: (figures) => figures.median('streaming', DELTA, 'footlights', 'afterMadeMs') },
  {
    group: 'streaming', title: 'growing text, 40,000 tokens to 10,000', required: '≤ 1.25 × a token', bound: { atMost: 1.25 },
    value: (figures) => quotient(figures.median('streaming', DELTA, 'footlights', 'tokensPerSecond'), figures.median('streaming', DELTA_LONG, 'footlights', 'tokensPerSecond')),
  },
  ...([[250, 5_500], [1_000, 7_000]] as const).map(([clients, atMost]): Criterion => ({
    group: 'streaming', title: pacedAt(clients), required: `slowest ≤ ${atMost / 1_000} s`, bound: { atMost }, show: milliseconds, value: (figures) => figures.median('streaming', pacedAt(clients), 'footlights', 'slowestMs'),
  })),
  ...[64, 1].map((connections): Criterion => ({
    group: 'batching', title: `batching, ${connections} connection${connections === 1 ? '' : 's'}`, required: `≥ 0.95 × the limit of ${Math.round(batchLimit(connections)).toLocaleString('en')}`, bound: { atLeast: 0.95 },
    value: (figures) => quotient(figures.median('batching', batchAt(connections), 'footlights', 'perSecond'), batchLimit(connections)),
  })),
]

const GRADIO_CRITERIA: readonly Criterion[] = [
  ...[10, 100].map((clients): Criterion => ({
    group: 'gradio', peer: 'gradio', title: `Gradio's protocol, ${clients} clients`, required: '≥ 10 × Gradio', value: ratio('gradio', queueAt(clients), 'perSecond', 'gradio'), bound: { atLeast: 10 },
  })),
  { group: 'gradio', peer: 'gradio', title: "Gradio's protocol, 1 client, p50", required: '≤ 0.5 × Gradio', value: ratio('gradio', queueAt(1), 'p50Ms', 'gradio'), bound: { atMost: 0.5 } },
]

const [FEWEST_MODELS = 1, , MOST_MODELS = 1] = MODEL_COUNTS
const MEMORY_CRITERIA: readonly Criterion[] = [
  { group: 'memory', title: 'front and one idle model', required: '≤ 120 MB', bound: { atMost: 120 }, show: inMegabytes, value: (figures) => idleMb(figures, FEWEST_MODELS) },
  {
    group: 'memory', title: 'each further idle model', required: '≤ 45 MB', bound: { atMost: 45 }, show: inMegabytes,
    value: (figures) => quotient(difference(idleMb(figures, MOST_MODELS), idleMb(figures, FEWEST_MODELS)), MOST_MODELS - FEWEST_MODELS),
  },
  { group: 'memory', title: QUEUED_EACH, required: '≤ 4 kB', bound: { atMost: 4 }, show: (value) => `${value.toFixed(2)} kB`, value: (figures) => figures.median('memory', QUEUED_EACH, 'footlights', 'kbEach') },
  { group: 'memory', peer: 'gradio', title: START, required: '≤ 0.5 × Gradio', bound: { atMost: 0.5 }, value: ratio('memory', START, 'startMs', 'gradio') },
]

/** In the order of the groups. */
export const CRITERIA: readonly Criterion[] = [...ECHO_CRITERIA, ...WORK_CRITERIA, ...GRADIO_CRITERIA, ...MEMORY_CRITERIA]

/** Of Footlights to another target. */
function ratio(group: GroupName, workload: string, measure: string, other: TargetName): Criterion['value'] {
  return (figures) => quotient(figures.median(group, workload, 'footlights', measure), figures.median(group, workload, other, measure))
}

function quotient(of: number | undefined, by: number | undefined): number | undefined {
  return of === undefined || by === undefined ? undefined : of / by
}

function difference(of: number | undefined, less: number | undefined): number | undefined {
  return of === undefined || less === undefined ? undefined : of - less
}

function idleMb(figures: Figures, models: number): number | undefined {
  return figures.median('memory', idleAt(models), 'footlights', 'pssMb')
}

function inMegabytes(value: number): string {
  return `${value.toFixed(0)} MB`
}

export type Verdict = 'PASS' | 'FAIL' | 'not yet' | 'needs --peers' | 'not measured'

export interface Judged {
  title: string
  required: string
  measured: string
  verdict: Verdict
}

/** @param groups Those that were run; rows of others are left out. */
export function judge(figures: Figures, groups: readonly GroupName[], withPeers: boolean): Judged[] {
  return CRITERIA.filter(({ group }) => groups.includes(group)).map((criterion) => {
    const { title, required, show = (value: number) => `${value.toFixed(2)} ×` } = criterion
    const value = criterion.value(figures)
    const measured = value === undefined || Number.isNaN(value) ? '–' : show(value)
    return { title, required, measured, verdict: verdictOf(criterion, value, withPeers) }
  })
}

function verdictOf({ peer, bound, isAim }: Criterion, value: number | undefined, withPeers: boolean): Verdict {
  if (peer !== undefined && !withPeers) return 'needs --peers'
  if (value === undefined || Number.isNaN(value)) return 'not measured'
  return ('atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost) ? 'PASS' : isAim === true ? 'not yet' : 'FAIL'
}
