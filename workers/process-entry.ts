/**
 * The main of a worker process: one model, one replica. No author code runs on this thread, so its heartbeat tells the truth about the process,
 * and it can do to a thread what the thread can't do itself. Predictions do not pass here: the threads have them from the front.
 * It obeys IPC, the end of IPC, and SIGKILL; nothing else.
 */
import { flushCompileCache } from 'node:module'
import type { Envelope, Limits, WorkerSettings } from './contract.ts'
import { Outbox } from './outbox.ts'
import type { FromProcess, LaneAddress, ToProcess } from './thread-contract.ts'
import { setupErrorOf, ThreadPool } from './thread-pool.ts'

/** The supervisor calls a worker suspect after three of these have not come. */
const HEARTBEAT_MS = 500

const outbox = new Outbox<FromProcess>((messages) => {
  process.send?.(messages, undefined, undefined, () => {})
})
let settings: WorkerSettings | null = null
let lanes: LaneAddress | null = null
let pool: ThreadPool | null = null

// One Ctrl-C reaches every process of the terminal; whether to end is the front's decision.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => {})
// Without its front a worker has nobody to answer to, and what runs in its threads can't be asked to stop in time.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('message', (messages: Envelope<ToProcess>) => {
  for (const message of messages) obey(message)
})
setInterval(() => {
  outbox.push({ type: 'heartbeat' })
}, HEARTBEAT_MS)

function obey(message: ToProcess): void {
  switch (message.type) {
    case 'load':
      settings = message.settings
      lanes = message.lanes
      void load()
      break
    case 'setup':
      void setup(message.limits)
      break
    case 'withdraw':
      outbox.push({ ...message, type: 'withdrawn', begun: pool?.withdraw(message.thread, message.upTo) ?? message.upTo })
      break
    case 'terminate':
      pool?.terminate(message.thread)
      break
    case 'stop':
      void stop()
      break
  }
}

async function load(): Promise<void> {
  try {
    pool = openPool()
    outbox.push({ type: 'described', spec: await pool.described() })
  } catch (error) {
    outbox.push({ type: 'setup-failed', error: setupErrorOf(error) })
  }
}

async function setup(limits: Limits): Promise<void> {
  const startedAt = performance.now()
  try {
    await (await poolFor(limits)).setup(limits)
    outbox.push({ type: 'ready', setupMs: performance.now() - startedAt })
    flushCompileCache()
  } catch (error) {
    outbox.push({ type: 'setup-failed', error: setupErrorOf(error) })
  }
}

/** The threads that described the model serve on when the heap and their number were guessed right; else new ones take their place. */
async function poolFor(limits: Limits): Promise<ThreadPool> {
  const before = pool
  if (settings === null || before === null) throw new Error('asked to set up before a model was loaded')
  if (settings.limits.heapMb === limits.heapMb && settings.limits.threads === limits.threads) return before
  settings = { ...settings, limits }
  pool = openPool()
  await before.close()
  return pool
}

function openPool(): ThreadPool {
  if (settings === null || lanes === null) throw new Error('asked for threads before a model was named')
  return new ThreadPool(settings, lanes, {
    ready: (thread) => outbox.push({ type: 'thread-ready', thread }),
    gone: (thread, begun, exit) => outbox.push({ type: 'thread-gone', thread, begun, exit }),
    setupFailed: (error) => outbox.push({ type: 'setup-failed', error }),
  })
}

async function stop(): Promise<void> {
  await pool?.close()
  outbox.flush()
  process.disconnect()
}
