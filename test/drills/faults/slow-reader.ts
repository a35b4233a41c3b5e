import { type IncomingMessage, request } from 'node:http'

import { statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

const EVENTS = 1_000_000
const READS_SLOWLY_MS = 5_000
const FRONT_GROWTH_MB = 60
const WORKER_MB = 512

export const slowReader: Drill = {
  name: 'slow-reader',
  fault: 'a stream of 1,000,000 outputs to a reader that takes 64 KiB in 100 ms, then all',
  criterion: `the last output and \`done\` arrive; 0 good ones in the same thread failed; the front grows by at most ${FRONT_GROWTH_MB} MB, the worker stays below ${WORKER_MB} MB`,
  models: ['firehose', 'echo'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost()
    await stage.load({ model: 'echo' })
    let tail = ''
    await stage.inject(async () => {
      const response = await openStream(`${host.url}/firehose/predict`, { count: EVENTS })
      tail = await readSlowlyThenAll(response)
    })
    stage.expect(tail.includes(`{"count":${EVENTS}}`), 'the last output did not arrive')
    stage.expect(tail.includes('event: done'), `it did not end well: ${tail.slice(-200)}`)
    const worker = (await statusOf(host.url, 'firehose')).replicas[0] as unknown as { rssBytes: number }
    stage.expect(worker.rssBytes < WORKER_MB * 1024 * 1024, `the worker holds ${Math.round(worker.rssBytes / 1024 / 1024)} MB`)
    stage.note(`the worker held ${Math.round(worker.rssBytes / 1024 / 1024)} MB`)
    await stage.quiet()
    stage.expectNoneFailed()
    stage.expectFrontBelow(FRONT_GROWTH_MB)
  },
}

function openStream(url: string, inputs: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'text/event-stream' } }, resolve)
    sending.on('error', reject)
    sending.end(JSON.stringify(inputs))
  })
}

/** @returns The end of what came. */
async function readSlowlyThenAll(response: IncomingMessage): Promise<string> {
  let tail = ''
  const take = (chunk: Buffer | null): void => {
    if (chunk !== null) tail = (tail + chunk.toString('utf8')).slice(-4_096)
  }
  const slowUntil = performance.now() + READS_SLOWLY_MS
  while (performance.now() < slowUntil) {
    take(response.read(Math.min(64 * 1024, response.readableLength)) as Buffer | null)
    await pause(100)
  }
  for await (const chunk of response) take(chunk as Buffer)
  return tail
}
