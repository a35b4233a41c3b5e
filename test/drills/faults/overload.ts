import type { Drill } from '../drill.ts'
import { post } from '../paced-load.ts'
import type { Stage } from '../stage.ts'

const RUN_MS = 100
const AT_ONCE = 4
const QUEUE = 20
const OFFERED = (3 * AT_ONCE * 1000) / RUN_MS
const MEASURED_MS = 4_000
const SECONDS = 30
const FRONT_GROWTH_MB = 40

export const overload: Drill = {
  name: 'overload',
  fault: `three times the capacity for ${SECONDS} s: ${OFFERED} a second where ${AT_ONCE} run at once for ${RUN_MS} ms each`,
  criterion: `goodput ≥ 90 % of what as many callers as there are places get done just before; every refusal is 429 or 503 with \`Retry-After\`; p99 of the accepted ≤ queue limit × service time; the front grows by at most ${FRONT_GROWTH_MB} MB; recovered within 1 s`,
  models: ['slow'],
  isQuick: false,
  async run(stage) {
    await stage.startHost({ config: { limits: { slow: { concurrency: AT_ONCE, queueSize: QUEUE } } } })
    const capacity = await measureCapacity(stage)
    let load: Awaited<ReturnType<typeof stage.load>> | undefined
    await stage.inject(async () => {
      load = await stage.load({ model: 'slow', perSecond: OFFERED, inputs: (index) => ({ text: `request ${index}`, ms: RUN_MS }) })
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000 - 500))
    })
    if (load === undefined) return
    const endedAt = performance.now()
    await stage.quiet()
    const next = await stage.ask('slow', { text: 'after it', ms: RUN_MS })
    stage.expect(next.outcome === '200', `after it: ${next.outcome}`)
    stage.within('recovered', performance.now() - endedAt, 1_000)
    const goodput = load.shots.filter(({ outcome, end }) => outcome === 'ok' && end <= endedAt).length / ((endedAt - load.startedAt) / 1000)
    stage.note(`goodput ${goodput.toFixed(1)} a second of ${capacity.toFixed(1)}; p99 of the accepted ${Math.round(load.quantileMs(0.99))} ms`)
    stage.expect(goodput >= 0.9 * capacity, `goodput ${goodput.toFixed(1)} a second`)
    const refused = load.failed()
    stage.expect(refused.every(({ outcome }) => /^(429|503) /.test(outcome)), 'a refusal was neither 429 nor 503')
    stage.expect(refused.every(({ retryAfter }) => Number(retryAfter) > 0), 'a refusal had no Retry-After')
    stage.within('p99 of the accepted', load.quantileMs(0.99), QUEUE * RUN_MS)
    stage.expectFrontBelow(FRONT_GROWTH_MB)
  },
}

/** Predictions a second that as many callers get done as can run at once, each asking again when it is answered. */
async function measureCapacity(stage: Stage): Promise<number> {
  const until = performance.now() + MEASURED_MS
  let done = 0
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() < until) {
      await post(`${stage.host.url}/slow/predict`, { text: 'measure', ms: RUN_MS })
      done++
    }
  }))
  return done / (MEASURED_MS / 1000)
}
