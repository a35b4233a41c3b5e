import { isSameProcess, processStartTime } from '../../../workers/ports.ts'
import { metric, statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { isChange, pause } from '../stage.ts'

export const freezeWorker: Drill = {
  name: 'freeze-worker',
  fault: 'SIGSTOP of one worker of two that holds predictions; SIGCONT in the moment the host gives it up',
  criterion: 'detected within 3 s and replaced, what it held is replayed, 0 failed; the thawed process is gone and nothing was answered twice',
  models: ['slow'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { slow: { replicas: 2, concurrency: 4 } } } })
    const load = await stage.load({ model: 'slow', inputs: (index) => ({ text: `request ${index}`, ms: 20 }) })
    const pid = (await statusOf(host.url, 'slow')).replicas[0]?.pid ?? 0
    const startTime = processStartTime(pid)
    const hung = host.logged((line) => isChange(line, 'slow', 'hung')).then(({ at }) => {
      // Where the host was faster, there is nobody left to thaw.
      if (isSameProcess(pid, startTime)) process.kill(pid, 'SIGCONT')
      return at
    })
    await stage.inject(() => process.kill(pid, 'SIGSTOP'))
    stage.within('time until it was given up', (await hung) - stage.faultAt, 3_000)
    await stage.restored('slow', 2)
    await pause(500)
    await stage.quiet()
    stage.expectNoneFailed()
    const succeeded = await metric(host.url, 'footlights_predictions_total{model="slow",outcome="succeeded"}')
    stage.expect(succeeded === load.sent, `${succeeded} predictions ended for ${load.sent} requests`)
    const replayed = await metric(host.url, 'footlights_replays_total{model="slow",outcome="replayed"}')
    stage.expect(replayed > 0, 'the frozen worker held nothing: the drill proves nothing')
    stage.expect(!isSameProcess(pid, startTime), 'the thawed process is still there')
    stage.note(`${replayed} replayed`)
  },
}
