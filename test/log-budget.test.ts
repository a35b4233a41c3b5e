import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LogBudget } from '../workers/log-budget.ts'

describe('LogBudget', () => {
  test('gives one second of bytes at once, and no more', () => {
    const budget = new LogBudget(() => 0, 1_000)
    assert.deepEqual([budget.spend(600), budget.spend(400), budget.spend(1)], [true, true, false])
  })

  test('fills again with time, up to one second of bytes', () => {
    let now = 0
    const budget = new LogBudget(() => now, 1_000)
    budget.spend(1_000)
    now = 100
    assert.deepEqual([budget.spend(101), budget.spend(100)], [false, true])
    now = 60_000
    assert.deepEqual([budget.spend(1_001), budget.spend(1_000), budget.spend(1)], [false, true, false])
  })

  test('spends nothing on what it refuses', () => {
    const budget = new LogBudget(() => 0, 1_000)
    budget.spend(2_000)
    assert.equal(budget.spend(1_000), true)
  })
})
