import type { Drill } from '../drill.ts'
import { isChange, pause } from '../stage.ts'

const TIMEOUT_MS = 1_000
const AT_DEADLINE_MS = 300

export const endlessLoop: Drill = {
  name: 'endless-loop',
  fault: 'predictions in an endless loop: one among good ones on the other threads and replicas, one in the only thread of a model',
  criterion: 'the bad ones get 504 at their deadline (within 0.3 s); 0 good ones failed; the only thread is back within 1 s',
  models: ['loop', 'alone:loop'],
  isQuick: true,
  async run(stage) {
    const limits = { loop: { replicas: 2, threads: 2, timeoutMs: TIMEOUT_MS }, alone: { timeoutMs: TIMEOUT_MS } }
    const host = await stage.startHost({ config: { limits } })
    await stage.load({ model: 'loop' })
    await stage.inject(async () => {
      const bad = await Promise.all(['loop', 'alone'].map((model) => stage.ask(model, { text: 'for ever', loop: true })))
      stage.detectedAt(performance.now())
      stage.expect(bad.every(({ outcome }) => outcome === '504 DEADLINE_EXCEEDED'), `the bad ones got ${bad.map(({ outcome }) => outcome).join(', ')}`)
      stage.within('the later 504', Math.max(...bad.map(({ tookMs }) => tookMs)), TIMEOUT_MS + AT_DEADLINE_MS)
    })
    const next = await stage.ask('alone', { text: 'next' })
    stage.recoveredAt(performance.now())
    stage.expect(next.outcome === '200', `the next one got ${next.outcome}`)
    stage.within('the next one in the only thread', next.tookMs, 1_000)
    await host.logged((line) => isChange(line, 'loop', 'thread replaced'), stage.faultAt)
    await pause(500)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}
