import { type Bench, ERRORS, type Group, inTurn, P50, P99, PER_SECOND } from '../bench.ts'
import type { TargetProcess } from '../target-process.ts'
import { contestants } from './echo.ts'

/** Offered requests a second. The ladder of a target ends where it can't keep up. */
const RATES = [500, 1_000, 2_000, 4_000, 8_000, 12_000, 16_000, 20_000]
const QUICK_RATES = [250, 1_000]
const WARM_UP_SECONDS = 0.5
const HOPELESS_P99_MS = 500
const BODY = { text: 'hello world' }

export function offeredAt(perSecond: number): string {
  return `echo of 11 bytes, ${perSecond.toLocaleString('en')}/s offered`
}

export const load: Group = { name: 'load', title: 'Echo at an offered load', columns: [PER_SECOND, P50, P99, ERRORS], run }

/** One round: the ladder is long, and neighbours on it tell of each other's noise. */
async function run(bench: Bench): Promise<void> {
  await inTurn(bench, contestants(bench), ({ name }, target) => measure(bench, name, target), 1)
}

async function measure(bench: Bench, name: Parameters<Bench['figures']['add']>[2], target: TargetProcess): Promise<void> {
  const url = `${target.url}/echo/predict`
  const { seconds, quick } = bench.settings
  await bench.load.run({ kind: 'requests', url, connections: 20, seconds: WARM_UP_SECONDS, body: BODY })
  for (const perSecond of quick ? QUICK_RATES : RATES) {
    const measures = await bench.load.run({ kind: 'offered', url, perSecond, seconds, body: BODY })
    bench.figures.add('load', offeredAt(perSecond), name, { ...measures, offeredPerSecond: perSecond })
    if ((measures['errors'] ?? 0) > 0 || (measures['p99Ms'] ?? 0) > HOPELESS_P99_MS) return
  }
}
