import { metric } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

const MEGABYTES = 50
const FRONT_GROWTH_MB = 100

export const outputFloods: Drill = {
  name: 'output-floods',
  fault: '50 MB on stdout and stderr at once: short lines, lines of 10 MB, binary',
  criterion: `what is above the rate is counted and dropped; 0 failed, also of those in the same thread; the front grows by at most ${FRONT_GROWTH_MB} MB`,
  models: ['floods'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost()
    const load = await stage.load({ model: 'floods' })
    await stage.inject(async () => {
      for (const how of ['lines', 'long lines', 'binary']) {
        const { outcome, tookMs } = await stage.ask('floods', { megabytes: MEGABYTES, how })
        stage.expect(outcome === '200', `${how}: ${outcome}`)
        stage.note(`${how}: ${(tookMs / 1000).toFixed(1)} s`)
        await pause(500)
      }
    })
    await stage.quiet()
    stage.expectNoneFailed()
    stage.within('the longest gap', load.longestGapMs(), 3_000)
    const dropped = await metric(host.url, 'footlights_log_dropped_bytes_total{model="floods"}')
    stage.expect(dropped > MEGABYTES * 1024 * 1024, `only ${dropped} bytes were counted as dropped`)
    stage.note(`${Math.round(dropped / 1024 / 1024)} MB of ${3 * MEGABYTES} MB dropped and counted`)
    stage.expectFrontBelow(FRONT_GROWTH_MB)
  },
}
