/** What must come out, as ratios in the same run. */
import type { Figures, TargetName } from './figures.ts'
import { ECHO_LARGE, echoAt } from './groups/echo.ts'
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
  /** How the number is written. Default: two digits and `×`. */
  show?(value: number): string
}

export const CRITERIA: readonly Criterion[] = [
  ...[100, 1_000].flatMap((connections): Criterion[] => [
    { group: 'echo', peer: 'mosec', title: echoAt(connections), required: '≥ 1.6 × mosec', value: ratio('echo', echoAt(connections), 'perSecond', 'mosec'), bound: { atLeast: 1.6 } },
    { group: 'echo', title: echoAt(connections), required: '≥ 0.55 × bare Express', value: ratio('echo', echoAt(connections), 'perSecond', 'express'), bound: { atLeast: 0.55 } },
    { group: 'echo', peer: 'mosec', title: `${echoAt(connections)}, p99`, required: '≤ 1.5 × mosec', value: ratio('echo', echoAt(connections), 'p99Ms', 'mosec'), bound: { atMost: 1.5 } },
  ]),
  { group: 'echo', peer: 'mosec', title: echoAt(10), required: '≥ 1.2 × mosec', value: ratio('echo', echoAt(10), 'perSecond', 'mosec'), bound: { atLeast: 1.2 } },
  { group: 'echo', peer: 'fastapi', title: echoAt(1), required: '≥ 1.0 × FastAPI', value: ratio('echo', echoAt(1), 'perSecond', 'fastapi'), bound: { atLeast: 1 } },
  { group: 'echo', peer: 'mosec', title: ECHO_LARGE, required: '≥ 1.0 × mosec', value: ratio('echo', ECHO_LARGE, 'perSecond', 'mosec'), bound: { atLeast: 1 } },
]

/** Of Footlights to another target. */
function ratio(group: GroupName, workload: string, measure: string, other: TargetName): Criterion['value'] {
  return (figures) => {
    const [ours, theirs] = [figures.median(group, workload, 'footlights', measure), figures.median(group, workload, other, measure)]
    return ours === undefined || theirs === undefined ? undefined : ours / theirs
  }
}

export type Verdict = 'PASS' | 'FAIL' | 'needs --peers' | 'not measured'

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

function verdictOf({ peer, bound }: Criterion, value: number | undefined, withPeers: boolean): Verdict {
  if (peer !== undefined && !withPeers) return 'needs --peers'
  if (value === undefined || Number.isNaN(value)) return 'not measured'
  return ('atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost) ? 'PASS' : 'FAIL'
}
