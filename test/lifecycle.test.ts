import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReplicaState } from '../workers/contract.ts'
import { nextState, REPLICA_STATES, type ReplicaEvent } from '../workers/lifecycle.ts'

const EVENTS = ['ready', 'exited', 'start-due', 'gave-up', 'drain-asked'] as const satisfies readonly ReplicaEvent[]

/** The table as it is written down, one row per state, one column per event; a dash has no meaning there. */
const TABLE = `
  state       ready  exited   start-due gave-up     drain-asked
  starting    ready  backoff  -         -           draining
  ready       -      backoff  -         -           draining
  draining    -      stopped  -         -           -
  backoff     -      -        starting  quarantined stopped
  quarantined -      -        starting  -           stopped
  stopped     -      -        -         -           -
`
const [head = [], ...rows] = TABLE.trim().split('\n').map((line) => line.trim().split(/\s+/))

describe('nextState', () => {
  test('the table names every state and every event', () => {
    assert.deepEqual(rows.map(([state]) => state), REPLICA_STATES)
    assert.deepEqual(head.slice(1), EVENTS)
  })

  for (const [index, state] of REPLICA_STATES.entries()) {
    for (const [column, event] of EVENTS.entries()) {
      const cell = rows[index]?.[column + 1]
      const expected: ReplicaState | undefined = REPLICA_STATES.find((candidate) => candidate === cell)
      test(`${state}, ${event}: ${expected ?? 'no meaning'}`, () => {
        assert.equal(nextState(state, event), expected)
      })
    }
  }

  test('every state but the last can be left, and all can be reached', () => {
    const reached = new Set(REPLICA_STATES.flatMap((state) => EVENTS.map((event) => nextState(state, event))))
    for (const state of REPLICA_STATES) {
      assert.ok(reached.has(state), state)
      assert.equal(EVENTS.some((event) => nextState(state, event) !== undefined), state !== 'stopped', state)
    }
  })
})
