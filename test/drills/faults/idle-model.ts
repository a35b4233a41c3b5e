import { eventually, statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { descendants, rssBytesOf } from '../processes.ts'

export const idleModel: Drill = {
  name: 'idle-model',
  fault: 'a lazy model with `idleSeconds: 1` beside one that is busy: first use, sleep, next use',
  criterion: 'no process before the first use and none while it sleeps; each first request is held and answered; 0 of the others failed',
  models: ['sleepy', 'echo'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({}, ['echo'])
    await eventually(() => statusOf(host.url, 'sleepy'), ({ cause, replicas }) => cause === 'sleeping' && replicas.length === 0)
    await stage.load({ model: 'echo' })
    const asleepBytes = workersBytes(host.pid)
    await stage.inject(async () => {
      for (const use of ['first', 'next']) {
        const { outcome, tookMs } = await stage.ask('sleepy', { text: use })
        stage.expect(outcome === '200', `the ${use} use got ${outcome}`)
        stage.note(`the ${use} use waited ${(tookMs / 1000).toFixed(2)} s`)
        if (use === 'first') stage.note(`workers hold ${megabytes(workersBytes(host.pid))} MB awake, ${megabytes(asleepBytes)} MB asleep`)
        await eventually(() => statusOf(host.url, 'sleepy'), ({ cause, replicas }) => cause === 'sleeping' && replicas.length === 0)
      }
    })
    await stage.quiet()
    stage.expect(descendants(host.pid).length === 1, `${descendants(host.pid).length} workers are there while one model sleeps`)
    stage.expectNoneFailed()
  },
}

function workersBytes(pid: number): number {
  return descendants(pid).reduce((sum, child) => sum + rssBytesOf(child), 0)
}

function megabytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024))
}
