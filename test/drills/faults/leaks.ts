import { metric, statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import type { HostLine } from '../host.ts'
import { isChange, pause, type Stage } from '../stage.ts'

/** The replacement takes over, and the load sees it for as long. */
const AFTERWARDS_MS = 2_000

export const leakWithCalls: Drill = {
  name: 'native-leak',
  fault: 'a leak of 2 MB outside the heap with each of 50 calls a second, under a cap of 768 MB',
  criterion: 'by its slope, before it reaches the cap, the worker is replaced, 0 failed; the log says that it grows with each prediction, and by how much',
  models: ['leak'],
  isQuick: false,
  async run(stage) {
    await stage.startHost({ config: { limits: { leak: { rssMb: 768 } } } })
    // Without a moment of rest, time would explain the growth as well.
    await pause(2_000)
    // The load is the fault.
    await stage.inject(() => stage.load({ model: 'leak' }))
    const why = await replacedBySlope(stage, 'leak')
    const megabytes = Number(/grows with each prediction: ([\d.]+) MB/.exec(why)?.[1])
    stage.expect(megabytes > 1.5 && megabytes < 2.5, `not named as 2 MB with each prediction: ${why}`)
  },
}

export const leakBetweenCalls: Drill = {
  name: 'leak-between-calls',
  fault: 'a leak of 20 MB of native memory a second by itself, in a model that rests for five seconds and then gets 50 calls a second, under a cap of 512 MB',
  criterion: 'by its slope, before it reaches the cap, the worker is replaced, 0 failed; the log says that it grows with time, and by how much',
  models: ['leak-between-calls'],
  isQuick: false,
  async run(stage) {
    const model = 'leak-between-calls'
    const host = await stage.startHost({ config: { limits: { [model]: { rssMb: 512 } } } })
    await stage.inject(() => pause(5_000))
    const { rssSlopeBytesPerMinute: slope = null } = (await statusOf(host.url, model)).replicas[0] ?? {}
    await stage.load({ model })
    const why = await replacedBySlope(stage, model)
    const perMinute = Number(/grows with time, between predictions: ([\d.]+) MB a minute/.exec(why)?.[1])
    stage.expect(perMinute > 600 && perMinute < 2_400, `not named as 1,200 MB a minute with time: ${why}`)
    stage.expect(slope !== null && slope > 300 * 1024 * 1024, `the status page showed a slope of ${slope} bytes a minute`)
  },
}

/** @returns What the log says about the leak. */
async function replacedBySlope(stage: Stage, model: string): Promise<string> {
  const { host } = stage
  const isSeen = (line: HostLine): boolean => isChange(line, model, 'leaks memory') || isChange(line, model, 'near its memory cap')
  const seen = await host.logged(isSeen, stage.faultAt)
  stage.detectedAt(seen.at)
  stage.recoveredAt((await host.logged((line) => isChange(line, model, 'ready'), seen.at)).at)
  await pause(AFTERWARDS_MS)
  await stage.quiet()
  stage.expectNoneFailed()
  stage.expect(isChange(seen, model, 'leaks memory'), 'it was replaced because it was near its cap, not by its slope')
  stage.expect((await metric(host.url, `footlights_worker_restarts_total{model="${model}",reason="rss"}`)) >= 1, 'it was not replaced')
  stage.expect(!host.lines.some((line) => isChange(line, model, 'over its memory')), 'it went beyond its cap and was ended')
  const why = String(seen.fields['why'])
  stage.note(why)
  return why
}
