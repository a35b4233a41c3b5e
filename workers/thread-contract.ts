import type { MessagePort } from 'node:worker_threads'
import type { FromWorker, ModelSpec, PredictionFact, PredictItem, Values } from './contract.ts'
import type { WireError } from './errors.ts'

/** What the worker process gives a thread to do. `open` comes first and once. */
export type ThreadTask =
  | { kind: 'open'; model: string; modelFile: string; stateDir: string; port: MessagePort }
  | { kind: 'setup'; warmUpMs: number }
  | { kind: 'predict'; items: PredictItem[] }
  | { kind: 'teardown' }

export type ThreadResult =
  | { kind: 'open'; spec: ModelSpec }
  | { kind: 'setup'; setupMs: number }
  | { kind: 'predict'; ends: ThreadEnd[] }
  | { kind: 'teardown' }
  /** `open` or `setup` failed. */
  | { kind: 'failed'; error: WireError }

/** The end of one item. `facts` went before it on the thread's port and may arrive after it. */
export interface ThreadEnd {
  outputs?: Values
  error?: WireError
  runMs: number
  facts: number
}

/** To the thread, on its own port. */
export type ToThread = { type: 'cancel'; id: number; reason: 'CANCELLED' | 'DEADLINE_EXCEEDED' } | { type: 'credit'; id: number; events: number }

/** From the thread, on its own port. */
export type FromThread = PredictionFact | Extract<FromWorker, { type: 'log' | 'log-dropped' }>
