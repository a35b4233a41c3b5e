import { fileURLToPath } from 'node:url'

import { eventually, statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { cpuSecondsOf } from '../processes.ts'
import { pause } from '../stage.ts'

const PRELOAD = fileURLToPath(new URL('../preload/clock-jump.cjs', import.meta.url))
const WATCHED_MS = 2_000

export const clockJump: Drill = {
  name: 'clock-jump',
  fault: 'the wall clock of the host jumps an hour ahead, then two hours back; each time a worker dies after it',
  criterion: '0 failed, no timer storm: the host uses less than half a core under 50 requests/s',
  models: ['echo'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost({ env: { NODE_OPTIONS: `--require ${PRELOAD}` } })
    await stage.load({ model: 'echo' })
    await stage.inject(async () => {
      for (const jump of ['ahead', 'back']) {
        process.kill(host.pid, 'SIGUSR2')
        const before = cpuSecondsOf(host.pid)
        await pause(WATCHED_MS)
        const cores = (cpuSecondsOf(host.pid) - before) / (WATCHED_MS / 1000)
        stage.note(`${jump}: ${cores.toFixed(2)} cores`)
        stage.expect(cores < 0.5, `${jump}: the host used ${cores.toFixed(2)} cores`)
        const old = (await statusOf(host.url, 'echo')).replicas[0]?.pid ?? 0
        process.kill(old, 'SIGKILL')
        await eventually(() => statusOf(host.url, 'echo'), ({ replicas }) => replicas.length === 1 && replicas[0]?.state === 'ready' && replicas[0].pid !== old)
        stage.recoveredAt(performance.now())
      }
    })
    await pause(300)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}
