/** How it scales, drawn. */
import { type Figures, TARGETS, type TargetName } from './figures.ts'
import type { GroupName } from './settings.ts'
import { type Axis, drawChart, type Series } from './svg-chart.ts'

/** Told apart also without colours: every line has its name. */
const COLOURS: Record<TargetName, string> = {
  footlights: '#c2410c', 'node:http': '#6b7280', express: '#9ca3af', mosec: '#2563eb', fastapi: '#0d9488', litserve: '#7c3aed', gradio: '#ca8a04',
}

export interface Drawing {
  /** Below docs/performance/. */
  file: string
  alt: string
  svg: string
}

interface Plan {
  file: string
  title: string
  group: GroupName
  /** Measures of the group's figures. */
  x: Axis & { measure: string }
  y: Axis & { measure: string }
}

const CONNECTIONS = { measure: 'connections', title: 'connections', scale: 'logarithmic', show: whole } as const
const P99 = { measure: 'p99Ms', title: 'p99, milliseconds', scale: 'logarithmic', show: (value: number) => String(Number(value.toPrecision(3))) } as const

const PLANS: readonly Plan[] = [
  {
    file: 'throughput.svg', title: 'Echo of 11 bytes: throughput against connections', group: 'echo', x: CONNECTIONS,
    y: { measure: 'perSecond', title: 'requests a second', scale: 'logarithmic', show: whole },
  },
  { file: 'latency.svg', title: 'Echo of 11 bytes: p99 against connections', group: 'echo', x: CONNECTIONS, y: P99 },
  {
    file: 'load.svg', title: 'Echo of 11 bytes: p99 against the offered load', group: 'load',
    x: { measure: 'offeredPerSecond', title: 'requests a second, offered', scale: 'logarithmic', show: whole }, y: P99,
  },
  {
    file: 'memory.svg', title: 'Memory at rest against the number of models', group: 'memory', x: { measure: 'models', title: 'models', scale: 'linear', show: whole },
    y: { measure: 'pssMb', title: 'MB (PSS) of all processes', scale: 'linear', show: whole },
  },
]

/** Of the groups that were measured. */
export function drawings(figures: Figures): Drawing[] {
  return PLANS.flatMap(({ file, title, group, x, y }) => {
    const measured = figures.of(group)
    const series = TARGETS.flatMap((target): Series[] => {
      const points = measured.filter((figure) => figure.target === target).flatMap(({ medians }) => pointOf(medians[x.measure], medians[y.measure]))
      return points.length === 0 ? [] : [{ name: target, colour: COLOURS[target], points: points.sort(([a], [b]) => a - b), ...(target === 'footlights' ? { isOurs: true } : {}) }]
    })
    return series.length === 0 ? [] : [{ file, alt: title, svg: drawChart({ title, x, y, series }) }]
  })
}

function pointOf(x: number | undefined, y: number | undefined): [number, number][] {
  return x === undefined || y === undefined || !(y > 0) ? [] : [[x, y]]
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}
