import { isSameProcess, processStartTime } from '../../../workers/ports.ts'
import type { Drill } from '../drill.ts'
import { Pm2Host } from '../pm2-host.ts'
import { descendants } from '../processes.ts'
import { pause } from '../stage.ts'

/** What pm2 itself takes to notice and to start a process. */
const PM2_MS = 1_000

export const hostKilled: Drill = {
  name: 'host-killed',
  fault: 'the host itself killed by SIGKILL under load, started again by pm2',
  criterion: 'no orphan; answers again within the start time of a host + 1 s for pm2; what fails meanwhile is refused or reset, nothing else',
  models: ['slow'],
  isQuick: false,
  async run(stage) {
    const host = await Pm2Host.start(stage.models)
    try {
      const startMs = await startTimeMs(host)
      const load = await stage.load({ model: 'slow', url: host.url, inputs: (index) => ({ text: `request ${index}`, ms: 5 }) })
      const front = await host.frontPid()
      const workers = descendants(front).map((pid) => ({ pid, startTime: processStartTime(pid) }))
      await stage.inject(() => process.kill(front, 'SIGKILL'))
      const faultAt = stage.faultAt
      while (!load.shots.some(({ due, outcome }) => due > faultAt + 100 && outcome === 'ok') && performance.now() - faultAt < 30_000) await pause(20)
      const first = load.shots.filter(({ due, outcome }) => due > faultAt + 100 && outcome === 'ok').map(({ end }) => end)
      stage.recoveredAt(Math.min(...first))
      stage.within('answers again', Math.min(...first) - faultAt, startMs + PM2_MS)
      stage.note(`a start takes ${(startMs / 1000).toFixed(2)} s here`)
      await pause(1_000)
      await stage.quiet()
      const orphans = workers.filter(({ pid, startTime }) => isSameProcess(pid, startTime))
      stage.expect(workers.length > 0 && orphans.length === 0, `${orphans.length} of ${workers.length} workers outlived their host`)
      const other = load.failed().filter(({ outcome }) => !['refused', 'reset', 'cut'].includes(outcome))
      stage.expect(other.length === 0, `other failures: ${[...new Set(other.map(({ outcome }) => outcome))].join(', ')}`)
    } finally {
      stage.leftBehind((await host.stop()).length)
    }
  },
}

/** A plain restart, from the word to the first answer. */
async function startTimeMs(host: Pm2Host): Promise<number> {
  await host.run('stop', 'footlights')
  const startedAt = performance.now()
  const starting = host.run('start', 'footlights')
  for (;;) {
    const answered = await fetch(`${host.url}/slow/predict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ms: 1 }) }).then(({ ok }) => ok, () => false)
    if (answered) break
    await pause(20)
  }
  const tookMs = performance.now() - startedAt
  await starting
  return tookMs
}
