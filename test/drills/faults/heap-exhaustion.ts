import { metric } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

export const heapExhaustion: Drill = {
  name: 'heap-exhaustion',
  fault: 'an input that fills the heap of its thread, which it shares with good ones',
  criterion: 'it fails by name (500 OUT_OF_MEMORY), its neighbours are replayed, each alone; 0 others fail',
  models: ['heap-hog'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { 'heap-hog': { replicas: 3, concurrency: 8 } } } })
    await stage.load({ model: 'heap-hog' })
    await stage.inject(async () => {
      const hog = await stage.ask('heap-hog', { text: 'hog', hog: true })
      stage.expect(hog.outcome === '500 OUT_OF_MEMORY', `the hog got ${hog.outcome}`)
    })
    const next = await stage.ask('heap-hog', { text: 'next' })
    stage.expect(next.outcome === '200', `the next one got ${next.outcome}`)
    stage.recoveredAt(performance.now())
    await pause(500)
    await stage.quiet()
    stage.expectNoneFailed()
    stage.expect((await metric(host.url, 'footlights_worker_restarts_total{model="heap-hog",reason="oom"}')) >= 1, 'no thread died of a full heap')
  },
}
