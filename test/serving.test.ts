import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Serving } from '../server/serving.ts'
import { createFakeModel } from './helpers/fake-model.ts'

const USUAL_MS = 100
const LATELY_MS = 30_000

function isServing(serving: Serving, nowMs: number, isUnderWay: boolean, usualMs = USUAL_MS): boolean {
  return serving.snapshot(nowMs, usualMs, isUnderWay).serving
}

describe('Serving', () => {
  test('is true while nothing was asked, and has no last moments then', () => {
    assert.deepEqual(new Serving().snapshot(1e6, USUAL_MS, false), { serving: true, lastSuccessAt: null, lastFinishedAt: null })
  })

  test('ends when work goes in and none comes out, and comes back with the first that does', () => {
    const serving = new Serving()
    serving.asked(0)
    assert.equal(isServing(serving, LATELY_MS - 1, true), true)
    serving.asked(LATELY_MS - 1)
    assert.equal(isServing(serving, LATELY_MS, true), false, 'new requests do not begin the time anew')
    serving.ended('succeeded', LATELY_MS + 1, true)
    assert.equal(isServing(serving, LATELY_MS + 2, true), true)
    assert.equal(isServing(serving, 2 * LATELY_MS + 1, true), false, 'one that came out is no pardon for the rest')
  })

  for (const outcome of ['rejected', 'timeout', 'lost'] as const) {
    test(`is not kept up by ends that no worker made: ${outcome}`, () => {
      const serving = new Serving()
      for (let at = 0; at <= LATELY_MS; at += 1_000) {
        serving.asked(at)
        serving.ended(outcome, at, false)
      }
      assert.equal(isServing(serving, LATELY_MS, false), false)
      assert.equal(isServing(serving, 3 * LATELY_MS, false), true, 'until nobody asks any more')
      assert.equal(serving.snapshot(LATELY_MS, USUAL_MS, false).lastFinishedAt, null)
    })
  }

  test('counts what the model failed on as done, and not as a success', () => {
    const serving = new Serving()
    serving.asked(0)
    serving.ended('failed', LATELY_MS, false)
    const { serving: is, lastSuccessAt, lastFinishedAt } = serving.snapshot(LATELY_MS, USUAL_MS, false)
    assert.deepEqual([is, lastSuccessAt, typeof lastFinishedAt], [true, null, 'string'])
  })

  test('waits for nobody who has left', () => {
    const serving = new Serving()
    serving.asked(0)
    serving.ended('cancelled', 10, false)
    serving.asked(LATELY_MS)
    assert.equal(isServing(serving, LATELY_MS + 10, true), true)
  })

  test('gives a slow model its time', () => {
    const serving = new Serving()
    serving.asked(0)
    assert.equal(isServing(serving, 179_000, true, 60_000), true)
    assert.equal(isServing(serving, 180_000, true, 60_000), false)
  })
})

describe('a hosted model', () => {
  test('that is ready and finishes nothing is not serving: the signals are different ones', async () => {
    const fake = createFakeModel({ limits: { timeoutMs: 1_000 } }).start()
    const first = fake.submit()
    assert.deepEqual([fake.model.view().state, fake.model.view().serving], ['ready', true])
    fake.clock.jump(LATELY_MS)
    assert.deepEqual([fake.model.view().state, fake.model.view().serving], ['ready', false])
    assert.match(await fake.metrics.text(), /footlights_serving\{model="fake"\} 0\n/)
    assert.match(await fake.metrics.text(), /footlights_last_success_timestamp_seconds\{model="fake"\} 0\n/)
    fake.finish(first)
    const { serving, lastSuccessAt, lastFinishedAt } = fake.model.view()
    assert.deepEqual([serving, lastSuccessAt], [true, lastFinishedAt])
    assert.match(await fake.metrics.text(), new RegExp(`footlights_last_success_timestamp_seconds\\{model="fake"\\} ${Date.parse(lastSuccessAt ?? '') / 1000}\\n`))
  })

  test('that refuses all that it is asked is not serving either', () => {
    const fake = createFakeModel({ limits: { queueSize: 0 } }).start()
    fake.submit()
    fake.clock.jump(60_000 * 3)
    assert.throws(() => fake.submit(), { code: 'QUEUE_FULL' })
    assert.equal(fake.model.view().serving, false)
  })
})
