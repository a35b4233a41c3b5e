/** In place of a worker process's main: answers with the inputs, without threads and without the model's code. Its lane is the real one. */
import type { Envelope } from '../../../workers/contract.ts'
import { decodeValues } from '../../../workers/encoded-values.ts'
import { FrontLink } from '../../../workers/front-link.ts'
import { Outbox } from '../../../workers/outbox.ts'
import type { FromProcess, ToProcess, ToThread } from '../../../workers/thread-contract.ts'
import { HEARTBEAT_MS, SPEC } from './echo-spec.ts'

const MAIN_THREAD = 0

const outbox = new Outbox<FromProcess>((messages) => void process.send?.(messages))
let link: FrontLink | null = null

process.on('message', (messages: Envelope<ToProcess>) => {
  for (const message of messages) void obey(message)
})
process.on('disconnect', () => process.exit(0))
setInterval(() => outbox.push({ type: 'heartbeat' }), HEARTBEAT_MS)

async function obey(message: ToProcess): Promise<void> {
  if (message.type === 'load') {
    link = await FrontLink.open(message.lanes, answer)
    outbox.push({ type: 'described', spec: SPEC })
  } else if (message.type === 'setup') {
    outbox.push({ type: 'thread-ready', thread: MAIN_THREAD })
    outbox.push({ type: 'ready', setupMs: 0 })
  } else if (message.type === 'stop') {
    process.disconnect()
  }
}

function answer(message: ToThread): void {
  if (message.type === 'predict') link?.send({ type: 'unit-ended', unit: message.unit, ends: message.items.map((item) => ({ outputs: 'json' in item ? decodeValues(item.json) : item.inputs, runMs: 0 })) })
}
