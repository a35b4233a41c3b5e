import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jsonBytes } from '../workers/large-json.ts'

const LONG = 'abcdefgh'.repeat(2_000)

describe('large values as JSON', () => {
  test('are what JSON.stringify makes of them, whatever character stands where', () => {
    for (let code = 0; code < 0x100; code++) {
      for (const at of [0, 1, 2, 3, 7_001, LONG.length - 2, LONG.length]) {
        const text = LONG.slice(0, at) + String.fromCharCode(code) + LONG.slice(at)
        assert.equal(jsonBytes({ text }).toString(), JSON.stringify({ text }), `code ${code} at ${at}`)
      }
    }
  })

  test('beside others, under any name, and with none that is long', () => {
    const values = [
      { text: LONG }, { a: LONG, b: LONG, c: 1 }, { 'quo"te é': LONG, deep: { of: [null, 'é', LONG] } }, { first: undefined, then: LONG }, { text: `${LONG}\ud800` }, { text: `${LONG}🎭` },
      { text: 'é'.repeat(9_000) }, { text: 'éa'.repeat(9_000) }, {}, { none: undefined }, { short: 'x' },
    ]
    for (const value of values) assert.equal(jsonBytes(value).toString(), JSON.stringify(value))
  })
})
