import { metric } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { rssBytesOf } from '../processes.ts'
import { pause, type Stage } from '../stage.ts'

const MEGABYTES = 50
const HOWS = ['lines', 'long lines', 'binary']
/** What the first flood makes the front load and fill: code, the young generation, buffers. It must not add up. */
const FIRST_ROUND_MB = 60
const FRONT_GROWTH_MB = 40

export const outputFloods: Drill = {
  name: 'output-floods',
  fault: '50 MB on stdout and stderr at once: short lines, lines of 10 MB, binary; three rounds',
  criterion: `what is above the rate is counted and dropped; 0 failed, also of those in the same thread; the front grows by at most ${FIRST_ROUND_MB} MB in the first round, and by ${FRONT_GROWTH_MB} MB more in all others`,
  models: ['floods'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost()
    const load = await stage.load({ model: 'floods' })
    const beforeBytes = rssBytesOf(host.pid)
    await flood(stage)
    const firstMb = Math.round((rssBytesOf(host.pid) - beforeBytes) / 1024 / 1024)
    stage.note(`the first round cost the front ${firstMb} MB`)
    stage.expect(firstMb <= FIRST_ROUND_MB, `the first round cost the front ${firstMb} MB`)
    await stage.inject(async () => {
      await flood(stage)
      await flood(stage)
    })
    await stage.quiet()
    stage.expectNoneFailed()
    stage.within('the longest gap', load.longestGapMs(), 3_000)
    const dropped = await metric(host.url, 'footlights_log_dropped_bytes_total{model="floods"}')
    stage.expect(dropped > MEGABYTES * 1024 * 1024, `only ${dropped} bytes were counted as dropped`)
    stage.note(`${Math.round(dropped / 1024 / 1024)} MB of ${3 * HOWS.length * MEGABYTES} MB dropped and counted`)
    stage.expectFrontBelow(FRONT_GROWTH_MB)
  },
}

async function flood(stage: Stage): Promise<void> {
  for (const how of HOWS) {
    const { outcome } = await stage.ask('floods', { megabytes: MEGABYTES, how })
    stage.expect(outcome === '200', `${how}: ${outcome}`)
    await pause(300)
  }
}
