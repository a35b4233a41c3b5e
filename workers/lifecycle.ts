import type { ReplicaState } from './contract.ts'

/**
 * What can happen to a replica.
 *
 * - `ready`: every thread has set up.
 * - `exited`: the operating system says that the process is gone. A failed setup, a lost heartbeat and an expired grace end the process
 *   first and arrive here.
 * - `start-due`: the wait before the next start is over (the only timer among them), or someone wants it tried at once.
 * - `gave-up`: the restart policy says quarantine. `drain-asked`: it shall take no more work.
 */
export type ReplicaEvent = 'ready' | 'exited' | 'start-due' | 'gave-up' | 'drain-asked'

/**
 * The replica's life as a table.
 *
 * - starting: a process exists and loads the model. Left by `ready`, by its end, or for good when asked to drain.
 * - ready: in rotation. Its end is a crash; `drain-asked` is the way to a planned one.
 * - draining: takes no new work, finishes what it has. Its end is what was wanted.
 * - backoff: no process; one will be started when the wait is over.
 * - quarantined: no process; none is started until the pause is over, its files change, or an operator asks.
 * - stopped: the end; the slot is free.
 *
 * A missing cell is an event that has no meaning there: ignored when the operating system is the sender (a late exit), a bug when it is us.
 */
const TRANSITIONS: Record<ReplicaState, Partial<Record<ReplicaEvent, ReplicaState>>> = {
  starting: { ready: 'ready', exited: 'backoff', 'drain-asked': 'draining' },
  ready: { exited: 'backoff', 'drain-asked': 'draining' },
  draining: { exited: 'stopped' },
  backoff: { 'start-due': 'starting', 'gave-up': 'quarantined', 'drain-asked': 'stopped' },
  quarantined: { 'start-due': 'starting', 'drain-asked': 'stopped' },
  stopped: {},
}

/** The next state, or undefined when the event has no meaning in this state. */
export function nextState(state: ReplicaState, event: ReplicaEvent): ReplicaState | undefined {
  return TRANSITIONS[state][event]
}

export const REPLICA_STATES: readonly ReplicaState[] = ['starting', 'ready', 'draining', 'backoff', 'quarantined', 'stopped']
