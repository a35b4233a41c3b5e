/**
 * The file that piscina loads in each thread. One model; the steps of the thread's life are tasks of the pool, its work comes over the lane.
 */
import { flushCompileCache } from 'node:module'
import { authorLogEntry } from './author-log.ts'
import type { LogLevel, PredictionFact, PredictItem, Values } from './contract.ts'
import { CreditedSink } from './credited-sink.ts'
import { decodeValues, encodeLarge } from './encoded-values.ts'
import { createHostError, describeThrown, HostError, toWire, type WireError } from './errors.ts'
import { FrontLink } from './front-link.ts'
import { LogBudget } from './log-budget.ts'
import { registerFootlightsResolution } from './resolve-hook.ts'
import { type ItemEnd, Runner } from './runner.ts'
import type { FromThread, ReadableItem, SentItem, ThreadEnd, ThreadResult, ThreadTask, ToThread } from './thread-contract.ts'

registerFootlightsResolution()

type UnitMessage = Omit<Extract<ToThread, { type: 'predict' }>, 'items'> & { items: ReadableItem[] }

/** One running unit of work: its items share a signal, since they share a call. */
interface Running {
  controller: AbortController
  sinks: Map<number, CreditedSink>
  cancelled: Set<number>
}

let link: FrontLink | null = null
let gate: Int32Array = new Int32Array(1)
let runner: Runner | null = null
let concurrency = 1
let running = 0
const waiting: UnitMessage[] = []
const runningById = new Map<number, Running>()
const logBudget = new LogBudget(() => performance.now())

/** @returns What became of the step; rejects only for a bug of ours. */
export default async function handle(task: ThreadTask): Promise<ThreadResult> {
  switch (task.kind) {
    case 'open':
      return failing(() => open(task))
    case 'setup':
      return failing(() => setup(task))
    case 'teardown':
      return failing(teardown)
  }
}

async function failing(step: () => Promise<ThreadResult>): Promise<ThreadResult> {
  try {
    return await step()
  } catch (error) {
    return { kind: 'failed', error: error instanceof HostError ? toWire(error) : { code: 'MODEL_FAILED', message: 'The model could not be set up.', cause: describeThrown(error) } }
  }
}

async function open({ settings, lanes, gate: shared }: Extract<ThreadTask, { kind: 'open' }>): Promise<ThreadResult> {
  gate = shared
  link = await FrontLink.open(lanes, hear)
  runner = await Runner.load(settings.modelFile, settings.stateDir, log)
  return { kind: 'open', spec: await runner.describe() }
}

async function setup(task: Extract<ThreadTask, { kind: 'setup' }>): Promise<ThreadResult> {
  const startedAt = performance.now()
  const controller = new AbortController()
  concurrency = task.concurrency
  await loaded().setup(controller.signal)
  await warmUp(task.warmUpMs)
  // A worker ends by SIGKILL, which writes nothing.
  flushCompileCache()
  return { kind: 'setup', setupMs: performance.now() - startedAt }
}

async function teardown(): Promise<ThreadResult> {
  await loaded().teardown()
  return { kind: 'teardown' }
}

/** Runs the first example, so that the first caller does not pay for lazy loading. Its failure is the operator's to read, not fatal. */
async function warmUp(warmUpMs: number): Promise<void> {
  const inputs = await loaded().warmUpInputs()
  if (inputs === undefined) return
  const item: ReadableItem = { id: 0, inputs, events: false, requestId: 'warm-up' }
  const [end] = await loaded().run([item], AbortSignal.timeout(warmUpMs), [new CreditedSink(0, false, () => {})])
  if (end !== undefined && 'error' in end) log('warn', { error: describeThrown(end.error) }, 'the first example failed as a warm-up')
}

function hear(message: ToThread): void {
  if (message.type === 'predict') waiting.push({ ...message, items: message.items.map(readableItem) })
  else tellRunning(message)
  beginWaiting()
}

/** As many side by side as the model's concurrency says; in order. */
function beginWaiting(): void {
  while (running < concurrency) {
    const unit = waiting.shift()
    if (unit === undefined) return
    // Withdrawn: another worker has it, or nobody wants it any more.
    if (Atomics.compareExchange(gate, 0, (unit.unit - 1) | 0, unit.unit) !== ((unit.unit - 1) | 0)) continue
    void run(unit)
  }
}

async function run({ unit, items, alone }: UnitMessage): Promise<void> {
  running++
  try {
    if (alone === true) for (const { id } of items) post({ type: 'taken', id })
    const ends = await runUnit(items)
    post({ type: 'unit-ended', unit, ends })
  } catch (error) {
    post({ type: 'unit-ended', unit, ends: items.map(() => ({ error: internalError(error), runMs: 0 })) })
  } finally {
    running--
  }
  beginWaiting()
}

async function runUnit(items: ReadableItem[]): Promise<ThreadEnd[]> {
  const unit: Running = { controller: new AbortController(), sinks: new Map(), cancelled: new Set() }
  const startedAt = performance.now()
  try {
    const sinks = items.map((item) => openSink(item, unit))
    const ends = await loaded().run(items, unit.controller.signal, sinks)
    const runMs = performance.now() - startedAt
    return items.map((item, index) => threadEnd(ends[index], item, sinks[index], unit, runMs))
  } finally {
    for (const item of items) runningById.delete(item.id)
  }
}

function readableItem(item: SentItem): ReadableItem {
  if (!('json' in item)) return item
  const { json, ...rest } = item
  return { ...rest, inputs: decodeValues(json) }
}

function openSink(item: PredictItem, running: Running): CreditedSink {
  const sink = new CreditedSink(item.id, item.events, postFact)
  running.sinks.set(item.id, sink)
  runningById.set(item.id, running)
  sink.started()
  return sink
}

function threadEnd(end: ItemEnd | undefined, { id, events }: PredictItem, sink: CreditedSink | undefined, running: Running, runMs: number): ThreadEnd {
  try {
    sink?.flush()
    if (end === undefined) throw new Error('the prediction has no end')
    if ('outputs' in end) return goodEnd(end.outputs, events, runMs)
    const reason: unknown = running.controller.signal.aborted ? running.controller.signal.reason : undefined
    // What an author throws after being asked to stop is the stopping, not a failure.
    return { error: toWire(reason instanceof HostError && running.cancelled.has(id) ? reason : end.error), runMs }
  } catch (error) {
    return { error: internalError(error), runMs }
  }
}

function goodEnd(outputs: Values | undefined, events: boolean, runMs: number): ThreadEnd {
  if (outputs === undefined) return { runMs }
  const json = events ? undefined : encodeLarge(outputs)
  return json === undefined ? { outputs, runMs } : { json, runMs }
}

/** For what went wrong around the author's code. Whatever it was, the unit ends: one that doesn't holds its place until its time is over. */
function internalError(thrown: unknown): WireError {
  return { code: 'INTERNAL', message: 'The host failed on this prediction. The operator finds the cause in the log under the request id.', cause: describeThrown(thrown) }
}

function tellRunning(message: Exclude<ToThread, { type: 'predict' }>): void {
  const running = runningById.get(message.id)
  if (running === undefined) return
  if (message.type === 'credit') {
    running.sinks.get(message.id)?.credit(message.events)
    return
  }
  running.cancelled.add(message.id)
  running.sinks.get(message.id)?.abandon()
  // A batch shares one call: it is asked to stop when nobody is left who waits for it.
  if (running.cancelled.size === running.sinks.size) {
    running.controller.abort(createHostError(message.reason, message.reason === 'CANCELLED' ? 'The prediction was cancelled.' : 'The prediction took longer than its time limit.'))
  }
}

function log(level: LogLevel, given: Record<string, unknown>, said: string, item?: PredictItem): void {
  const { fields, message, bytes } = authorLogEntry(given, said)
  const entry: Extract<FromThread, { type: 'log' }> = { type: 'log', id: item?.id ?? 0, level, fields, message, requestId: item?.requestId ?? '' }
  if (item?.traceparent !== undefined) entry.traceparent = item.traceparent
  post(logBudget.spend(bytes) ? entry : { type: 'log-dropped', bytes })
}

function post(message: FromThread): void {
  link?.send(message)
}

/** A thousand streams side by side say thousands of things in a turn. */
function postFact(fact: PredictionFact): void {
  if (running > 1) link?.gather(fact)
  else post(fact)
}

function loaded(): Runner {
  if (runner === null) throw new Error('the thread has no model yet')
  return runner
}

// A rejection that nobody handles is the author's slip, and ending the thread for it would end its neighbours' predictions too.
process.on('unhandledRejection', (reason) => log('error', { error: describeThrown(reason) }, 'a promise was rejected and nobody handled it'))
