import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { authorLogEntry } from '../workers/author-log.ts'

describe('authorLogEntry', () => {
  test('keeps plain fields and the message', () => {
    assert.deepEqual(authorLogEntry({ rows: 3 }, 'loaded'), { fields: { rows: 3 }, message: 'loaded', bytes: 6 + '{"rows":3}'.length + 256 })
  })

  test('keeps the stack of an error, as a field or alone', () => {
    for (const given of [{ err: new RangeError('no rows') }, new RangeError('no rows')]) {
      assert.match(String(authorLogEntry(given, '').fields['err']), /^RangeError: no rows\n\s+at /)
    }
  })

  test('takes a text alone as the message', () => {
    const { fields, message } = authorLogEntry('loaded', '')
    assert.deepEqual({ fields, message }, { fields: {}, message: 'loaded' })
  })

  test('never throws for what the author passed', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const throwing = { toString() { throw new Error('no text') } }
    for (const fields of [circle, undefined, 5n, Symbol('s'), { toJSON() { throw new Error('no JSON') } }]) assert.equal(typeof authorLogEntry(fields, throwing).message, 'string')
    assert.equal(authorLogEntry({}, 7).message, '7')
  })

  test('counts large fields against the rate, and drops those that are too large', () => {
    assert.ok(authorLogEntry({ text: 'x'.repeat(60_000) }, '').bytes > 60_000)
    assert.deepEqual(authorLogEntry({ text: 'x'.repeat(70_000) }, '').fields, { note: 'fields too large or not plain data' })
  })
})
