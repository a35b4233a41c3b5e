import type { FromWorker, PredictItem, ThreadDeath } from './contract.ts'
import { EncodedValues } from './encoded-values.ts'
import type { WireError } from './errors.ts'
import type { Unit } from './lane.ts'
import type { ThreadEnd } from './thread-contract.ts'

export const DEADLINE: WireError = { code: 'DEADLINE_EXCEEDED', message: 'The prediction took longer than its time limit.' }
const OUT_OF_MEMORY: WireError = { code: 'OUT_OF_MEMORY', message: 'The model ran out of memory on this input.' }
const CANCELLED: WireError = { code: 'CANCELLED', message: 'The prediction was cancelled.' }

/** One item under way, from its arrival at the unit runner to its end. */
export interface Flight {
  readonly item: PredictItem
  readonly unit: Unit
  /** Its caller has had an answer already and waits only for `stopped`. */
  answered: boolean
  cancelled: 'CANCELLED' | 'DEADLINE_EXCEEDED' | null
}

/** How a thread ended, for what it had begun. */
export interface Ending {
  death: ThreadDeath
  /** The unit that we ended it for, if we did. */
  blamed: Unit | null
  /** It ran one item and nothing else. */
  alone: boolean
}

/** What is said of an item that its thread did to its end. */
export function endOf({ item: { id }, answered }: Flight, { outputs, json, error, runMs }: ThreadEnd): FromWorker {
  if (answered) return { type: 'stopped', id }
  if (error !== undefined) return { type: 'failed', id, error, runMs }
  if (json !== undefined) return { type: 'done', id, outputs: new EncodedValues(json), runMs }
  return outputs === undefined ? { type: 'done', id, runMs } : { type: 'done', id, outputs, runMs }
}

/** What is said of one that was cancelled before it began. */
export function cancelledEnd(flight: Flight): FromWorker {
  return endOf(flight, { error: flight.cancelled === 'DEADLINE_EXCEEDED' ? DEADLINE : CANCELLED, runMs: 0 })
}

/** What is said of one that has not begun here and may go elsewhere. */
export function returnOf(flight: Flight): FromWorker {
  const { id } = flight.item
  if (flight.answered) return { type: 'stopped', id }
  return flight.cancelled === null ? { type: 'returned', id } : cancelledEnd(flight)
}

/** What is said of one whose thread ended under it. */
export function lossOf({ item: { id }, unit, answered }: Flight, { death, blamed, alone }: Ending): FromWorker {
  if (answered) return { type: 'stopped', id }
  if (blamed === unit) return { type: 'failed', id, error: death === 'cancel' ? CANCELLED : DEADLINE, runMs: 0 }
  // With nothing beside it, there is one possible cause for a full heap.
  if (death === 'oom' && alone) return { type: 'failed', id, error: OUT_OF_MEMORY, runMs: 0 }
  // A death that we caused blames only what it was for.
  return { type: 'lost', id, suspect: blamed === null, death }
}
