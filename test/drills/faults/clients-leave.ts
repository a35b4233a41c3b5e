import { request, type ClientRequest } from 'node:http'

import { statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause, type Stage } from '../stage.ts'

const CLIENTS = 200
const AT_ONCE = 20
const REATTACH_MS = 1_000

interface QueueStatus {
  depth: number
  running: number
}

export const clientsLeave: Drill = {
  name: 'clients-leave',
  fault: '200 clients, half of them with streams, 20 running and the others queued, leave at once',
  criterion: 'the places of plain calls are back within 1 s, those of streams within `reattachMs` + 1 s; the signal of each running prediction is aborted',
  models: ['http-slow', 'echo'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { 'http-slow': { queueSize: CLIENTS, concurrency: AT_ONCE, reattachMs: REATTACH_MS } } } })
    await stage.load({ model: 'echo' })
    const clients = Array.from({ length: CLIENTS }, (_, index) => open(`${host.url}/http-slow/predict`, index % 2 === 0))
    await until(stage, ({ depth, running }) => depth + running === CLIENTS && running === AT_ONCE)
    await stage.inject(() => clients.forEach((client) => client.destroy()))
    await until(stage, ({ depth, running }) => depth + running <= CLIENTS / 2)
    stage.within('the places of plain calls', performance.now() - stage.faultAt, 1_000)
    stage.detectedAt(performance.now())
    await until(stage, ({ depth, running }) => depth + running === 0)
    stage.recoveredAt(performance.now())
    stage.within('the places of streams', performance.now() - stage.faultAt, REATTACH_MS + 1_000)
    await pause(200)
    const [began, stopped] = ['waiting', 'stopped waiting'].map((text) => host.lines.filter(({ message, fields }) => message === 'a model says' && fields['text'] === text && fields['ms'] !== 0).length)
    stage.expect(began === stopped && (began ?? 0) >= AT_ONCE, `${began} predictions ran, ${stopped} saw their signal aborted`)
    stage.note(`${stopped} running predictions saw their signal aborted`)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

function open(url: string, streams: boolean): ClientRequest {
  const headers = { 'content-type': 'application/json', accept: streams ? 'text/event-stream' : 'application/json' }
  const sending = request(url, { method: 'POST', agent: false, headers }, (response) => {
    response.on('error', () => {})
    response.resume()
  })
  sending.on('error', () => {})
  sending.end(JSON.stringify({ ms: 60_000 }))
  return sending
}

async function until(stage: Stage, holds: (queue: QueueStatus) => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const { queue } = (await statusOf(stage.host.url, 'http-slow')) as unknown as { queue: QueueStatus }
    if (holds(queue)) return
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(queue)}`)
    await pause(20)
  }
}
