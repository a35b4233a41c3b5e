import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Failure, nextRestart } from '../workers/restart-policy.ts'

const NOW = 1_000_000
const middle = (): number => 0.5

function failures(kind: Failure['kind'], ...secondsAgo: number[]): Failure[] {
  return secondsAgo.map((seconds) => ({ kind, at: NOW - seconds * 1000 }))
}

describe('nextRestart', () => {
  test('the first crash in a minute is restarted at once', () => {
    assert.deepEqual(nextRestart(failures('crash', 0), NOW, middle), { action: 'restart', waitMs: 0 })
  })

  test('crashes of more than a minute ago are forgiven', () => {
    assert.deepEqual(nextRestart(failures('crash', 70, 65, 61, 60, 0), NOW, middle), { action: 'restart', waitMs: 0 })
  })

  test('further crashes wait half a second, doubling', () => {
    const waits = [[1, 0], [2, 1, 0], [3, 2, 1, 0]].map((ago) => nextRestart(failures('crash', ...ago), NOW, middle))
    assert.deepEqual(waits, [500, 1_000, 2_000].map((waitMs) => ({ action: 'restart', waitMs })))
  })

  test('the fifth crash in a minute is quarantine, for a minute', () => {
    assert.deepEqual(nextRestart(failures('crash', 59, 30, 20, 10, 0), NOW, middle), { action: 'quarantine', waitMs: 60_000 })
  })

  test('a failed start waits; the third in a row is quarantine, however long they took', () => {
    assert.deepEqual(nextRestart(failures('start', 0), NOW, middle), { action: 'restart', waitMs: 500 })
    assert.deepEqual(nextRestart(failures('start', 300, 0), NOW, middle), { action: 'restart', waitMs: 1_000 })
    assert.deepEqual(nextRestart(failures('start', 600, 300, 0), NOW, middle), { action: 'quarantine', waitMs: 60_000 })
  })

  test('a start that failed again after quarantine is quarantine again', () => {
    assert.equal(nextRestart(failures('start', 66, 65, 64, 0), NOW, middle).action, 'quarantine')
  })

  test('a crash in service ends the row of failed starts', () => {
    const mixed: Failure[] = [...failures('start', 400, 300), ...failures('crash', 200), ...failures('start', 0)]
    assert.deepEqual(nextRestart(mixed, NOW, middle), { action: 'restart', waitMs: 500 })
  })

  test('waits are spread by a fifth to both sides', () => {
    const twice = failures('crash', 1, 0)
    assert.equal(nextRestart(twice, NOW, () => 0).waitMs, 400)
    assert.equal(nextRestart(twice, NOW, () => 0.999_999).waitMs, 600)
  })
})
