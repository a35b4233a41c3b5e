import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { roughly, seconds, uptime } from '../../server/ui/src/lib/format.ts'

describe('a duration', () => {
  it('is as exact as it is short, and never nothing', () => {
    assert.deepEqual([0, 0.0004, 0.004, 0.04, 0.44, 4.44, 44.4, 444, 4_444].map(seconds), ['0.001 s', '0.001 s', '0.004 s', '0.04 s', '0.4 s', '4.4 s', '44 s', '7 min', '1 h 14 min'])
  })

  it('is in whole seconds where it is an estimate, or how long the host is up', () => {
    assert.deepEqual([0.4, 1.4, 14.4].map(roughly), ['0.4 s', '1 s', '14 s'])
    assert.deepEqual([0, 4.4, 100_000].map(uptime), ['1 s', '4 s', '1 d 3 h'])
  })
})
