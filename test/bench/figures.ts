/** What was measured, and the medians over the rounds. */
import type { GroupName } from './settings.ts'

export const TARGETS = ['node:http', 'express', 'footlights', 'fastapi', 'litserve', 'mosec', 'gradio'] as const
export type TargetName = (typeof TARGETS)[number]

/** Numbers by name, the unit at the end of the name. */
export type Measures = Record<string, number>

export interface Figure {
  group: GroupName
  workload: string
  target: TargetName
  /** Of each measure, over the rounds. */
  medians: Measures
  rounds: Measures[]
}

export class Figures {
  readonly #byKey = new Map<string, Figure>()

  add(group: GroupName, workload: string, target: TargetName, measures: Measures): void {
    const key = JSON.stringify([group, workload, target])
    const rounds = [...(this.#byKey.get(key)?.rounds ?? []), measures]
    this.#byKey.set(key, { group, workload, target, rounds, medians: mediansOf(rounds) })
  }

  /** In the order in which they were first measured. */
  all(): Figure[] {
    return [...this.#byKey.values()]
  }

  of(group: GroupName): Figure[] {
    return this.all().filter((figure) => figure.group === group)
  }

  /** A median, or undefined where it was not measured. */
  median(group: GroupName, workload: string, target: TargetName, measure: string): number | undefined {
    return this.#byKey.get(JSON.stringify([group, workload, target]))?.medians[measure]
  }
}

function mediansOf(rounds: readonly Measures[]): Measures {
  const names = new Set(rounds.flatMap((measures) => Object.keys(measures)))
  return Object.fromEntries([...names].map((name) => [name, median(rounds.flatMap((measures) => measures[name] ?? []))]))
}

/** The middle value, or the mean of both middle ones. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = Math.floor(sorted.length / 2)
  const [low = NaN, high = NaN] = [sorted[sorted.length % 2 === 1 ? upper : upper - 1], sorted[upper]]
  return (low + high) / 2
}

/** @param share e.g. 0.99. @returns NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}
