import { fileURLToPath } from 'node:url'

import { statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { isChange, pause } from '../stage.ts'

const PRELOAD = fileURLToPath(new URL('../preload/block-on-signal.cjs', import.meta.url))

export const blockWorker: Drill = {
  name: 'block-worker',
  fault: 'the event loop of one worker process of two blocked for good',
  criterion: 'given up within 3 s and replaced, what it held is replayed, 0 failed',
  models: ['slow'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost({ env: { NODE_OPTIONS: `--require ${PRELOAD}` }, config: { limits: { slow: { replicas: 2, concurrency: 4 } } } })
    await stage.load({ model: 'slow', inputs: (index) => ({ text: `request ${index}`, ms: 20 }) })
    const pid = (await statusOf(host.url, 'slow')).replicas[0]?.pid ?? 0
    await stage.inject(() => process.kill(pid, 'SIGUSR2'))
    stage.within('time until it was given up', (await host.logged((line) => isChange(line, 'slow', 'hung'))).at - stage.faultAt, 3_000)
    await stage.restored('slow', 2)
    await pause(500)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}
