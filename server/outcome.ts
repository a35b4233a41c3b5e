import type { HostError } from '../workers/errors.ts'
import type { Outcome, ShedReason } from './metrics.ts'

/** The metric outcome of an ended prediction. */
export function outcomeOf(error: HostError | undefined): Outcome {
  if (error === undefined) return 'succeeded'
  if (error.code === 'CANCELLED') return 'cancelled'
  if (error.code === 'DEADLINE_EXCEEDED') return 'timeout'
  if (error.family === 'worker') return 'lost'
  return error.family === 'capacity' || error.family === 'request' ? 'rejected' : 'failed'
}

const SHED_REASONS: Partial<Record<HostError['code'], ShedReason>> = {
  QUEUE_FULL: 'full',
  OVERLOADED: 'overloaded',
  NOT_READY: 'not_ready',
  DRAINING: 'draining',
  QUARANTINED: 'quarantined',
  POISONOUS_INPUT: 'poison',
  RATE_LIMITED: 'rate',
}

/** Why it was shed; undefined when it was not. */
export function shedReasonOf(error: HostError): ShedReason | undefined {
  return SHED_REASONS[error.code]
}
