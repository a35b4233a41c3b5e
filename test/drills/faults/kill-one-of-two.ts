import { statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

export const killOneOfTwo: Drill = {
  name: 'kill-one-of-two',
  fault: 'SIGKILL of one worker of two',
  criterion: '0 failed',
  models: ['slow'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { slow: { replicas: 2, concurrency: 4 } } } })
    await stage.load({ model: 'slow', inputs: (index) => ({ text: `request ${index}`, ms: 20 }) })
    const { replicas } = await statusOf(host.url, 'slow')
    await stage.inject(() => process.kill(replicas[0]?.pid ?? 0, 'SIGKILL'))
    await stage.restored('slow', 2)
    await pause(500)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}
