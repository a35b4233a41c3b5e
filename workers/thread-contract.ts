import type { MessagePort } from 'node:worker_threads'
import type { FromWorker, ModelSpec, PredictionFact, PredictItem, Values } from './contract.ts'
import type { WireError } from './errors.ts'

/** What the worker process gives a thread to do. `open` comes first and once. */
export type ThreadTask =
  | { kind: 'open'; model: string; modelFile: string; stateDir: string; port: MessagePort }
  | { kind: 'setup'; warmUpMs: number }
  /**
   * Units to run one after the other. A unit is begun by whoever sets its place in `claims` from 0: the thread to `CLAIM_BEGUN`,
   * or the process, which takes it back, to `CLAIM_TAKEN_BACK`. Null for a single unit, which is begun at once.
   */
  | { kind: 'predict'; units: PredictItem[][]; claims: Int32Array | null }
  | { kind: 'teardown' }

export const CLAIM_BEGUN = 1
export const CLAIM_TAKEN_BACK = 2

export type ThreadResult =
  | { kind: 'open'; spec: ModelSpec }
  | { kind: 'setup'; setupMs: number }
  /** All its units have ended; how, the thread's port has said. */
  | { kind: 'predict' }
  | { kind: 'teardown' }
  /** `open` or `setup` failed. */
  | { kind: 'failed'; error: WireError }

/** The end of one item. */
export interface ThreadEnd {
  outputs?: Values
  error?: WireError
  runMs: number
}

/** To the thread, on its own port. */
export type ToThread = { type: 'cancel'; id: number; reason: 'CANCELLED' | 'DEADLINE_EXCEEDED' } | { type: 'credit'; id: number; events: number }

/** From the thread, on its own port. */
export type FromThread =
  | PredictionFact
  | Extract<FromWorker, { type: 'log' | 'log-dropped' }>
  /** The unit whose first item has this id has ended; its items' ends in their order. After all facts of it. */
  | { type: 'unit-ended'; id: number; ends: ThreadEnd[] }
