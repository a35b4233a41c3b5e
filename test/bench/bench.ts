/** What a group of workloads gets to measure with. */
import type { Figures, TargetName } from './figures.ts'
import type { LoadProcess } from './load/load-process.ts'
import type { GroupName, Settings } from './settings.ts'
import type { TargetProcess } from './target-process.ts'

/** A measure as the tables show it. */
export interface Column {
  measure: string
  /** With its unit. */
  show(value: number): string
}

/** One of the seven groups of workloads. */
export interface Group {
  name: GroupName
  title: string
  columns: readonly Column[]
  /** In place of a workload a row and a target a column. */
  table?(figures: Figures): string[][]
  run(bench: Bench): Promise<void>
}

/** A target, and how it is started anew for each of its turns. */
export interface Contestant {
  name: TargetName
  start(): Promise<TargetProcess>
}

export interface Bench {
  settings: Settings
  load: LoadProcess
  figures: Figures
  /** Someone wants to stop: no target is started any more. */
  stopped: AbortSignal
  /** The interpreter with the peers, when they take part. */
  python: string | undefined
  /** Says what goes on; not part of the result. */
  say(text: string): void
  /** What could not be measured, and why. */
  complain(text: string): void
}

/**
 * Gives every contestant its turn, `rounds` times over. Only one runs at a time. One that fails is named, and the others go on.
 *
 * @param measure Adds what it measures to `figures`.
 */
export async function inTurn<Someone extends Contestant>(
  bench: Bench, contestants: readonly Someone[], measure: (contestant: Someone, target: TargetProcess) => Promise<void>, rounds = bench.settings.rounds,
): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of contestants) {
      if (bench.stopped.aborted) return
      bench.say(`round ${round} of ${rounds}: ${contestant.name}`)
      try {
        await using target = await contestant.start()
        await measure(contestant, target)
      } catch (error) {
        bench.complain(`${contestant.name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}

export const PER_SECOND: Column = { measure: 'perSecond', show: (value) => `${value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 })}/s` }
export const P99: Column = { measure: 'p99Ms', show: (value) => `p99 ${milliseconds(value)}` }
export const P50: Column = { measure: 'p50Ms', show: (value) => `p50 ${milliseconds(value)}` }
/** Shown only where there were any. */
export const ERRORS: Column = { measure: 'errors', show: (value) => (value === 0 ? '' : `**${value} errors**`) }

export function milliseconds(value: number): string {
  return value >= 1_000 ? `${(value / 1_000).toFixed(2)} s` : `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`
}

