/**
 * What the front, a worker process and its threads say to each other. Control goes over IPC between front and process, where no author code
 * runs; work goes over a connection of its own between front and thread, its lane, so that a prediction wakes nobody on its way.
 */
import type { FromWorker, Limits, ModelSpec, PredictionFact, PredictItem, ThreadExit, Values, WorkerSettings } from './contract.ts'
import { EncodedValues } from './encoded-values.ts'
import type { WireError } from './errors.ts'

/** Where the threads of one worker reach the front. */
export interface LaneAddress {
  path: string
  /** Names the worker, and proves that it is one of ours. */
  token: string
}

/** Front → process. */
export type ToProcess =
  | { type: 'load'; settings: WorkerSettings; lanes: LaneAddress }
  | { type: 'setup'; limits: Limits }
  /** What the thread has not begun of all up to this number shall never be begun. Answered by `withdrawn`. */
  | { type: 'withdraw'; thread: number; upTo: number }
  | { type: 'terminate'; thread: number }
  | { type: 'stop' }

/** Process → front. */
export type FromProcess =
  | Extract<FromWorker, { type: 'described' | 'ready' | 'setup-failed' | 'heartbeat' }>
  | { type: 'thread-ready'; thread: number }
  /** `begun`: the number of the last unit that it began. */
  | { type: 'thread-gone'; thread: number; begun: number; exit: ThreadExit }
  | { type: 'withdrawn'; thread: number; begun: number; upTo: number }

/** Process → thread, as tasks of the pool. `open` comes first and once. */
export type ThreadTask =
  | { kind: 'open'; settings: Pick<WorkerSettings, 'modelFile' | 'stateDir'>; lanes: LaneAddress; gate: Int32Array }
  | { kind: 'setup'; warmUpMs: number; concurrency: number }
  | { kind: 'teardown' }

export type ThreadResult =
  | { kind: 'open'; spec: ModelSpec }
  | { kind: 'setup'; setupMs: number }
  | { kind: 'teardown' }
  /** `open` or `setup` failed. */
  | { kind: 'failed'; error: WireError }

/** The end of one item. */
export interface ThreadEnd {
  outputs?: Values
  /** Large outputs of a prediction that nobody follows, in place of `outputs`: their JSON in UTF-8. */
  json?: Buffer
  error?: WireError
  runMs: number
}

/** An item whose inputs can be looked into. */
export type ReadableItem = PredictItem & { inputs: Values }

export function isReadable(item: PredictItem): item is ReadableItem {
  return !(item.inputs instanceof EncodedValues)
}

/** One item on its way. Large inputs go as they came: JSON in UTF-8. */
export type SentItem = ReadableItem | (Omit<PredictItem, 'inputs'> & { json: Buffer })

/** Front → thread. */
export type ToThread =
  /**
   * One unit of work. They are begun in the order of their numbers, as many side by side as the model's concurrency says, each by raising the
   * thread's gate from the number before to its own. The process withdraws units by raising the gate past them.
   * `alone`: say `taken` before any of it runs.
   */
  | { type: 'predict'; unit: number; items: SentItem[]; alone?: true }
  | { type: 'cancel'; id: number; reason: 'CANCELLED' | 'DEADLINE_EXCEEDED' }
  | { type: 'credit'; id: number; events: number }

/** Thread → front. */
export type FromThread =
  | { type: 'hello'; token: string; thread: number }
  | PredictionFact
  | Extract<FromWorker, { type: 'log' | 'log-dropped' | 'taken' }>
  /** Its items' ends in their order; after all facts of it. */
  | { type: 'unit-ended'; unit: number; ends: ThreadEnd[] }

/** The number after this one. They wrap around at 32 bits, as the gate does: compare with `isAfter`. */
export function unitAfter(unit: number): number {
  return (unit + 1) | 0
}

export function isAfter(unit: number, other: number): boolean {
  return ((unit - other) | 0) > 0
}
