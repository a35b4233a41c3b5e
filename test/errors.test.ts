import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  CapacityError, createHostError, describeThrown, ERROR_CODES, fromWire, HostError, isErrorCode, ModelError, RequestError, toWire, UserError, WorkerError,
} from '../workers/errors.ts'

describe('toWire and fromWire', () => {
  for (const code of ERROR_CODES) {
    test(`${code} keeps code, message and family over a boundary that drops classes`, () => {
      const error = createHostError(code, 'for the caller', { cause: new Error('for the operator') })
      const back = fromWire(structuredClone(toWire(error)))
      assert.ok(back instanceof HostError)
      assert.deepEqual([back.code, back.message, back.family], [code, 'for the caller', error.family])
      assert.equal(back.constructor, code === 'MODEL_SAID' ? UserError : error.constructor)
    })
  }

  test('each family has its class', () => {
    const classOf = (code: (typeof ERROR_CODES)[number]): unknown => createHostError(code, '').constructor
    assert.deepEqual(
      [classOf('INVALID_INPUT'), classOf('QUEUE_FULL'), classOf('MODEL_FAILED'), classOf('WORKER_LOST'), classOf('INTERNAL')],
      [RequestError, CapacityError, ModelError, WorkerError, HostError],
    )
  })

  test('what an author throws becomes a general message, his own words only the cause', () => {
    for (const thrown of [new Error('secret at /home/author'), 'secret text', undefined, null, 42, { secret: true }, Symbol('secret')]) {
      const wire = structuredClone(toWire(thrown))
      assert.equal(wire.code, 'MODEL_FAILED')
      assert.ok(!wire.message.includes('secret'))
      assert.equal(typeof wire.cause, 'string')
    }
  })

  test("a UserError's text is for the caller as it is", () => {
    const back = fromWire(structuredClone(toWire(new UserError('Only cats, please'))))
    assert.ok(back instanceof UserError)
    assert.equal(back.message, 'Only cats, please')
  })
})

describe('describeThrown', () => {
  test('names the causes, to a depth, and never more than 8 KiB', () => {
    let error = new Error('root')
    for (let i = 0; i < 10; i++) error = new Error(`level ${i}`, { cause: error })
    const text = describeThrown(error)
    assert.match(text, /level 9[\s\S]*caused by: Error: level 8/)
    assert.ok(!text.includes('root'))
    assert.equal(describeThrown(new Error('x'.repeat(100_000))).length, 8_192)
  })

  test('survives whatever can be thrown', () => {
    const circular = new Error('round')
    circular.cause = circular
    const hostile = { toString(): string { throw new Error('no text') } }
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    for (const thrown of [circular, hostile, revoked.proxy, Object.create(null), undefined, null, () => {}, 10n]) {
      assert.equal(typeof describeThrown(thrown), 'string')
      assert.equal(toWire(thrown).code, 'MODEL_FAILED')
    }
  })
})

describe('isErrorCode', () => {
  test('knows the codes and nothing that every object has', () => {
    assert.ok(ERROR_CODES.every(isErrorCode))
    for (const no of ['toString', '__proto__', 'constructor', '', 404, null]) assert.equal(isErrorCode(no), false)
  })
})
