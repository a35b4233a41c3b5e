/**
 * The main of a worker process: one model, one replica. No author code runs on this thread, so its heartbeat tells the truth about the process.
 * It obeys IPC, the end of IPC, and SIGKILL; nothing else.
 */
import { flushCompileCache } from 'node:module'
import type { Envelope, FromWorker, Limits, PredictItem, ToWorker, WorkerSettings } from './contract.ts'
import { Outbox } from './outbox.ts'
import { setupErrorOf } from './thread-pool.ts'
import { UnitRunner } from './unit-runner.ts'

/** The supervisor calls a worker suspect after three of these have not come. */
const HEARTBEAT_MS = 500

const outbox = new Outbox<FromWorker>((messages) => {
  process.send?.(messages, undefined, undefined, () => {})
})
let settings: WorkerSettings | null = null
let units: UnitRunner | null = null

// One Ctrl-C reaches every process of the terminal; whether to end is the front's decision.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
// Without its front a worker has nobody to answer to, and what runs in its threads can't be asked to stop in time.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('message', (messages: Envelope<ToWorker>) => {
  for (const message of messages) obey(message)
})
setInterval(() => {
  outbox.push({ type: 'heartbeat' })
}, HEARTBEAT_MS)

function obey(message: ToWorker): void {
  switch (message.type) {
    case 'load':
      settings = message.settings
      void load(message.settings)
      break
    case 'setup':
      void setup(message.limits)
      break
    case 'predict':
      if (message.alone === true) sayTaken(message.items)
      units?.predict(message.items)
      break
    case 'cancel':
      units?.cancel(message.id, message.reason)
      break
    case 'credit':
      units?.credit(message.id, message.events)
      break
    case 'stop':
      void stop()
      break
  }
}

/** Written before the work begins: what it does may end this process at once, and what is in the pipe by then is read all the same. */
function sayTaken(items: readonly PredictItem[]): void {
  for (const { id } of items) outbox.push({ type: 'taken', id })
  outbox.flush()
}

async function load(loading: WorkerSettings): Promise<void> {
  try {
    units = new UnitRunner(loading, (fact) => outbox.push(fact))
    outbox.push({ type: 'described', spec: await units.pool.described() })
  } catch (error) {
    outbox.push({ type: 'setup-failed', error: setupErrorOf(error) })
  }
}

async function setup(limits: Limits): Promise<void> {
  const startedAt = performance.now()
  try {
    await (await poolFor(limits)).setup()
    outbox.push({ type: 'ready', setupMs: performance.now() - startedAt })
    flushCompileCache()
  } catch (error) {
    outbox.push({ type: 'setup-failed', error: setupErrorOf(error) })
  }
}

/** The threads that described the model serve on when the heap and their number were guessed right; else new ones take their place. */
async function poolFor(limits: Limits): Promise<UnitRunner['pool']> {
  if (settings === null || units === null) throw new Error('asked to set up before a model was loaded')
  if (settings.limits.heapMb === limits.heapMb && settings.limits.threads === limits.threads) {
    units.useLimits(limits)
    return units.pool
  }
  const before = units.pool
  units = new UnitRunner({ ...settings, limits }, (fact) => outbox.push(fact))
  await before.close()
  return units.pool
}

async function stop(): Promise<void> {
  await units?.pool.close()
  outbox.flush()
  process.disconnect()
}
