import { type Bench, type Contestant, ERRORS, type Group, inTurn, P50, P99, PER_SECOND } from '../bench.ts'
import type { ImagesJob } from '../load/jobs.ts'
import type { TargetProcess } from '../target-process.ts'
import { startCeiling, startFootlights, startPeer } from '../targets.ts'

const CONNECTIONS = [1, 10, 100]
const MANY_CONNECTIONS = 1_000
const QUICK_CONNECTIONS = [1, 100]
const SMALL = 'hello world'
const LARGE = 'x'.repeat(100_000)
/** Some ten thousand calls, for all alike: who serves for days is measured, not his first second. */
const WARM_UP_SECONDS = 2
const IMAGE_CONNECTIONS = 4

export const ECHO_LARGE = 'echo of 100 kB, 10 connections'
export const ECHO_IMAGE = 'image of 5 MB in and out, 4 connections'

export function echoAt(connections: number): string {
  return `echo of 11 bytes, ${connections.toLocaleString('en')} connection${connections === 1 ? '' : 's'}`
}

export const echo: Group = { name: 'echo', title: 'Echo', columns: [PER_SECOND, P50, P99, ERRORS], run }

async function run(bench: Bench): Promise<void> {
  await inTurn(bench, contestants(bench), ({ name }, target) => measure(bench, name, target))
}

/** All that can echo. */
export function contestants({ python }: Bench): Contestant[] {
  const own: Contestant[] = [
    { name: 'node:http', start: () => startCeiling('node-http') },
    { name: 'express', start: () => startCeiling('express') },
    { name: 'footlights', start: () => startFootlights({ models: ['echo', 'image'] }) },
  ]
  if (python === undefined) return own
  return [...own, ...(['fastapi', 'litserve', 'mosec'] as const).map((name): Contestant => ({ name, start: () => startPeer(name, { python, models: ['echo', 'image'] }) }))]
}

async function measure({ settings, load, figures }: Bench, name: Contestant['name'], target: TargetProcess): Promise<void> {
  const url = `${target.url}/echo/predict`
  const { seconds } = settings
  const small = async (connections: number): Promise<void> => {
    figures.add('echo', echoAt(connections), name, { ...(await load.run({ kind: 'requests', url, connections, seconds, body: { text: SMALL } })), connections })
  }
  // A server is as fast as it gets only when its code is compiled.
  await load.run({ kind: 'requests', url, connections: 20, seconds: WARM_UP_SECONDS, body: { text: SMALL } })
  for (const connections of settings.quick ? QUICK_CONNECTIONS : CONNECTIONS) await small(connections)
  figures.add('echo', ECHO_LARGE, name, await load.run({ kind: 'requests', url, connections: 10, seconds, body: { text: LARGE } }))
  figures.add('echo', ECHO_IMAGE, name, await load.run({ kind: 'images', connections: IMAGE_CONNECTIONS, seconds, ...imageWay(name, target) }))
  // Last: some have so many requests in hand when their connections are gone that what comes next would wait behind them.
  if (!settings.quick) await small(MANY_CONNECTIONS)
}

/** As each of them takes an image. */
function imageWay(name: Contestant['name'], { url }: TargetProcess): Pick<ImagesJob, 'url' | 'as'> {
  if (name === 'footlights') return { url: `${url}/image/predict`, as: 'form' }
  if (name === 'litserve') return { url: `${url}/echo/predict`, as: 'base64' }
  return { url: `${url}/image/predict`, as: 'raw' }
}
