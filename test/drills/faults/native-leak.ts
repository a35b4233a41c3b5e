import { metric } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { isChange, pause } from '../stage.ts'

const RESTARTS = 'footlights_worker_restarts_total{model="leak",reason="rss"}'

export const nativeLeak: Drill = {
  name: 'native-leak',
  fault: 'a leak of 2 MB outside the heap with each of 50 calls a second, under a cap of 768 MB',
  criterion: 'the worker is replaced before it reaches the cap, 0 failed; the log says why',
  models: ['leak'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { leak: { rssMb: 768 } } } })
    // The load is the fault.
    await stage.inject(() => stage.load({ model: 'leak' }))
    const near = await host.logged((line) => isChange(line, 'leak', 'near its memory cap'))
    stage.detectedAt(near.at)
    stage.recoveredAt((await host.logged((line) => isChange(line, 'leak', 'ready'), near.at)).at)
    await pause(2_000)
    await stage.quiet()
    stage.expectNoneFailed()
    stage.expect((await metric(host.url, RESTARTS)) >= 1, 'it was not replaced')
    stage.expect(!host.lines.some((line) => isChange(line, 'leak', 'over its memory')), 'it went beyond its cap and was ended')
    stage.note(String(near.fields['why']))
  },
}
