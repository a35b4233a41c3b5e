import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { eventually, metric, statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { isChange, pause } from '../stage.ts'

const PRELOAD = fileURLToPath(new URL('../preload/fake-memory.cjs', import.meta.url))
const TOTAL_MB = 8_000
const RESERVE_MB = 500
/** The guard leaves whoever was used within 10 s alone. */
const IDLE_MS = 11_000

export const machineMemoryShort: Drill = {
  name: 'machine-memory-short',
  fault: 'the memory of the whole machine runs short (as the host reads it), with one model busy and two idle; then an idle one is asked again, twice',
  criterion: 'the one idle longest sleeps first, then the other; the busy one and the front are left alone, 0 failed; who is asked again is held, answered, and not sent to sleep at once',
  models: ['first:echo', 'second:echo', 'busy:echo'],
  isQuick: false,
  async run(stage) {
    const folder = await mkdtemp(join(tmpdir(), 'footlights-drill-memory-'))
    stage.afterwards(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'meminfo')
    await available(file, 4_000)
    const host = await stage.startHost({ config: { minFreeMb: RESERVE_MB }, env: { NODE_OPTIONS: `--require ${PRELOAD}`, FOOTLIGHTS_DRILL_MEMINFO: file } })
    await stage.load({ model: 'busy' })
    for (const model of ['first', 'second']) await stage.ask(model, { text: 'used' }).then(() => pause(2_500))
    await pause(IDLE_MS)
    await stage.inject(() => available(file, RESERVE_MB - 100))
    const asleep = await host.logged((line) => isChange(line, 'second', 'gives way'), stage.faultAt)
    const before = await host.logged((line) => isChange(line, 'first', 'gives way'), stage.faultAt)
    stage.detectedAt(before.at)
    stage.recoveredAt(asleep.at)
    stage.expect(before.at < asleep.at, 'the one that was used later slept first')
    const { cause, state } = await eventually(() => statusOf(host.url, 'first'), ({ replicas }) => replicas.length === 0)
    stage.expect(state === 'ready' && String(cause).startsWith('sleeping: the machine is short of memory'), `the first is ${state}: ${cause}`)
    for (const use of ['first', 'next']) {
      const { outcome, tookMs } = await stage.ask('first', { text: use })
      stage.expect(outcome === '200', `the ${use} use after it got ${outcome}`)
      stage.note(`the ${use} use after it took ${(tookMs / 1000).toFixed(2)} s`)
      await pause(3_000)
      stage.expect((await statusOf(host.url, 'first')).replicas.length === 1, 'it was sent to sleep again at once')
    }
    await stage.quiet()
    stage.expectNoneFailed()
    const evictions = await Promise.all(['first', 'second', 'busy'].map((model) => metric(host.url, `footlights_memory_evictions_total{model="${model}"}`)))
    stage.expect(evictions.join() === '1,1,0', `evictions of first, second and busy: ${evictions.join(', ')}`)
  },
}

/** Never half written: the host may read it at any time. */
async function available(file: string, megabytes: number): Promise<void> {
  await writeFile(`${file}.new`, `MemTotal: ${TOTAL_MB * 1024} kB\nMemAvailable: ${megabytes * 1024} kB\n`)
  await rename(`${file}.new`, file)
}
