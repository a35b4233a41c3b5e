import { metric } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

export const slowStart: Drill = {
  name: 'slow-start',
  fault: 'a model that takes 5 s to set up, asked from the first moment on',
  criterion: 'held, then answered: never 500 or 502; the other model unmoved',
  models: ['echo', 'slow-start'],
  isQuick: false,
  async run(stage) {
    await stage.startHost({}, ['echo'])
    const neighbour = await stage.load({ model: 'echo', perSecond: 40 })
    await stage.inject(() => stage.load({ model: 'slow-start', perSecond: 10 }))
    await stage.restored('slow-start', 1)
    await pause(500)
    await stage.quiet()
    stage.expectNoneFailed()
    stage.within('the longest gap of the other model', neighbour.longestGapMs(), 1_000)
  },
}

export const throwingStart: Drill = {
  name: 'throwing-start',
  fault: 'a model whose setup throws, and one whose setup hangs beyond its bound',
  criterion: 'never 500 or 502: held, then 503 with `Retry-After`; back-off between the starts, no fast loop; the other model unmoved',
  models: ['echo', new URL('../../fixtures/broken/throwing-setup', import.meta.url).pathname, new URL('../../fixtures/broken/hanging-setup', import.meta.url).pathname],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { 'throwing-setup': { holdMs: 1_000 }, 'hanging-setup': { holdMs: 1_000 } } } }, ['echo'])
    const neighbour = await stage.load({ model: 'echo' })
    await stage.inject(async () => {
      for (let round = 0; round < 10; round++) {
        const answers = await Promise.all(['throwing-setup', 'hanging-setup'].map((model) => stage.ask(model, { text: 'x' })))
        for (const { outcome, retryAfter } of answers) {
          stage.expect(/^503 (NOT_READY|QUARANTINED)$/.test(outcome), `a broken model answered ${outcome}`)
          stage.expect(Number(retryAfter) > 0, 'a 503 had no Retry-After')
        }
        await pause(500)
      }
    })
    await stage.quiet()
    stage.expectNoneFailed()
    stage.within('the longest gap of the other model', neighbour.longestGapMs(), 1_000)
    for (const model of ['throwing-setup', 'hanging-setup']) {
      const starts = await metric(host.url, `footlights_worker_restarts_total{model="${model}",reason="setup"}`)
      stage.note(`${model}: ${starts} starts in ${Math.round((performance.now() - stage.faultAt) / 1000)} s`)
      stage.expect(starts >= 2 && starts <= 4, `${model} was started ${starts} times`)
    }
  },
}

export const thirdTimeLucky: Drill = {
  name: 'third-time-lucky',
  fault: 'a model whose setup throws twice and then works, asked from the first moment on',
  criterion: 'held over the back-offs, then answered: never 500 or 502; the other model unmoved',
  models: ['echo', 'third-time'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({}, ['echo'])
    const neighbour = await stage.load({ model: 'echo', perSecond: 40 })
    await stage.inject(() => stage.load({ model: 'third-time', perSecond: 10 }))
    await stage.restored('third-time', 1)
    await pause(300)
    await stage.quiet()
    stage.expectNoneFailed()
    stage.within('the longest gap of the other model', neighbour.longestGapMs(), 1_000)
    const starts = await metric(host.url, 'footlights_worker_restarts_total{model="third-time",reason="setup"}')
    stage.expect(starts === 2, `${starts} failed starts`)
  },
}
