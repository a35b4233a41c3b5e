import { isSameProcess, processStartTime } from '../../../workers/ports.ts'
import { metric, statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { isChange, pause } from '../stage.ts'

export const freezeAndThaw: Drill = {
  name: 'freeze-and-thaw',
  fault: 'SIGSTOP of one worker of two, SIGCONT as soon as it is suspect',
  criterion: 'it is routed around while suspect, comes back without a restart, 0 failed, nothing answered twice',
  models: ['slow'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { slow: { replicas: 2, concurrency: 4 } } } })
    const load = await stage.load({ model: 'slow', inputs: (index) => ({ text: `request ${index}`, ms: 20 }) })
    const pid = (await statusOf(host.url, 'slow')).replicas[0]?.pid ?? 0
    const startTime = processStartTime(pid)
    await stage.inject(() => process.kill(pid, 'SIGSTOP'))
    await host.logged((line) => isChange(line, 'slow', 'suspect'))
    process.kill(pid, 'SIGCONT')
    stage.recoveredAt((await host.logged((line) => isChange(line, 'slow', 'heard'))).at)
    await pause(1_000)
    await stage.quiet()
    stage.expectNoneFailed()
    const succeeded = await metric(host.url, 'footlights_predictions_total{model="slow",outcome="succeeded"}')
    stage.expect(succeeded === load.sent, `${succeeded} predictions ended for ${load.sent} requests`)
    stage.expect(isSameProcess(pid, startTime), 'it was restarted')
  },
}
