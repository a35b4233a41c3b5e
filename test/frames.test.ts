import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeFrame, FrameReader, hasLongText } from '../workers/frames.ts'

const MESSAGES = [
  { type: 'predict', text: 'plain' }, { text: 'ünïcödé 🎭 \u2028 \ud800' }, { nested: [null, true, 0.1, { deep: [] }] }, { '__proto__x': 1 },
]

/** What comes out when the bytes arrive in pieces of this size. */
function inPieces(bytes: Buffer, size: number): unknown[] {
  const reader = new FrameReader()
  const messages: unknown[] = []
  for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size), (message) => messages.push(message))
  return messages
}

describe('frames', () => {
  for (const long of [false, true]) {
    for (const size of [1, 3, 7, 64, 65_536]) {
      test(`${long ? 'long' : 'short'} ones come whole and in order out of pieces of ${size} bytes`, () => {
        const bytes = Buffer.concat([encodeFrame(MESSAGES.slice(0, 3), long), encodeFrame([], long), encodeFrame(MESSAGES.slice(3), long)])
        assert.deepEqual(inPieces(bytes, size), MESSAGES)
      })
    }
  }

  test('one of 8 MB comes whole', () => {
    const message = { text: 'é'.repeat(4 * 1024 * 1024) }
    assert.deepEqual(inPieces(encodeFrame([message], true), 65_536), [message])
  })

  test('a text is long by its own length, wherever it stands', () => {
    assert.equal(hasLongText({ a: 1, b: 'short', c: null }), false)
    assert.equal(hasLongText({ a: 1, b: 'x'.repeat(10_000) }), true)
  })

  test('what is no frame is an error, not a message', () => {
    const frame = encodeFrame([{ a: 1 }], false)
    frame[4] = 77
    assert.throws(() => inPieces(frame, 100))
  })
})
