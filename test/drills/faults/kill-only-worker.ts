import { statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

/** What a gap may take beyond the start of the new worker. */
const BEYOND_START_MS = 300

export const killOnlyWorker: Drill = {
  name: 'kill-only-worker',
  fault: 'SIGKILL of the only worker',
  criterion: '0 failed; the longest gap is at most the start of the new worker + 0.3 s',
  models: ['slow'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { slow: { concurrency: 4 } } } })
    const load = await stage.load({ model: 'slow', inputs: (index) => ({ text: `request ${index}`, ms: 20 }) })
    const { replicas } = await statusOf(host.url, 'slow')
    await stage.inject(() => process.kill(replicas[0]?.pid ?? 0, 'SIGKILL'))
    await stage.restored('slow', 1)
    await pause(1_000)
    const { readySeconds } = (await statusOf(host.url, 'slow')).replicas[0] as unknown as { readySeconds: number }
    await stage.quiet()
    stage.expectNoneFailed()
    stage.note(`the new worker took ${readySeconds.toFixed(2)} s to start`)
    stage.within('the longest gap', load.longestGapMs(), readySeconds * 1000 + BEYOND_START_MS)
  },
}
