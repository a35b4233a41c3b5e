import { statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

export const killAllWorkers: Drill = {
  name: 'kill-all-workers',
  fault: 'SIGKILL of every worker of two models at once',
  criterion: '0 failed',
  models: ['slow', 'echo'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { slow: { replicas: 2, concurrency: 4 } } } })
    await stage.load({ model: 'slow', perSecond: 25, inputs: (index) => ({ text: `request ${index}`, ms: 20 }) })
    await stage.load({ model: 'echo', perSecond: 25 })
    const statuses = await Promise.all(['slow', 'echo'].map((model) => statusOf(host.url, model)))
    const pids = statuses.flatMap(({ replicas }) => replicas.map(({ pid }) => pid ?? 0))
    await stage.inject(() => pids.forEach((pid) => process.kill(pid, 'SIGKILL')))
    await stage.restored('slow', 2)
    await stage.restored('echo', 1)
    await pause(500)
    await stage.quiet()
    stage.expect(pids.length === 3, `${pids.length} workers were killed, not 3`)
    stage.expectNoneFailed()
  },
}
