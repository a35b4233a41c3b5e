import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LOG_CHARACTERS, Prediction, type PredictionEvent } from '../server/prediction.ts'
import { createHostError } from '../workers/errors.ts'
import { eventsSoFar, eventTypes } from './helpers/fake-model.ts'

const create = (): Prediction => new Prediction('fake', 'request')

async function take(events: AsyncIterator<PredictionEvent>): Promise<PredictionEvent> {
  const { value, done } = await events.next()
  assert.equal(done, false)
  return value
}

async function collect(events: AsyncIterable<PredictionEvent>): Promise<PredictionEvent[]> {
  const seen: PredictionEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

function outputOf(event: PredictionEvent | undefined): unknown {
  assert.equal(event?.type, 'output')
  return event?.type === 'output' ? event.outputs : undefined
}

describe('the events of a prediction', () => {
  test('come in order, numbered from 1, and end with done', async () => {
    const prediction = create()
    const all = collect(prediction.events())
    prediction.queuedAt(2, null)
    prediction.dispatched({})
    prediction.started()
    prediction.progressed(0.5, 'half')
    prediction.noticed('warning', 'scaled')
    prediction.output({ text: 'a' })
    prediction.succeed({ text: 'b' })
    const events = await all
    assert.deepEqual(events.map(({ type }) => type), ['queued', 'started', 'progress', 'notice', 'output', 'output', 'done'])
    assert.deepEqual(events.map(({ id }) => id), [1, 2, 3, 4, 5, 6, 7])
    assert.deepEqual(await prediction.result(), { text: 'b' })
  })

  test('of a failed one end with its error, and of a cancelled one with CANCELLED', async () => {
    const failed = create()
    failed.fail(createHostError('MODEL_FAILED', 'it broke'))
    assert.equal(failed.state, 'failed')
    await assert.rejects(failed.result(), { code: 'MODEL_FAILED' })
    const cancelled = create()
    const result = assert.rejects(cancelled.result(), { code: 'CANCELLED' })
    cancelled.fail(createHostError('CANCELLED', 'gone'))
    await result
    assert.equal(cancelled.state, 'cancelled')
    assert.deepEqual(await eventTypes(cancelled), ['error'])
  })

  test('start for a late reader with the latest output, then all that came later', async () => {
    const prediction = create()
    prediction.started()
    prediction.output({ text: 'old' })
    prediction.output({ text: 'new' })
    prediction.progressed(1, 'nearly')
    const events = prediction.events()
    assert.deepEqual(outputOf(await take(events)), { text: 'new' })
    assert.equal((await take(events)).type, 'progress')
    prediction.succeed(undefined)
    assert.equal((await take(events)).type, 'done')
    assert.equal((await events.next()).done, true)
  })

  test('go on for a returning reader after the one that he has', async () => {
    const prediction = create()
    prediction.started()
    prediction.output({ text: 'a' })
    prediction.output({ text: 'b' })
    prediction.succeed(undefined)
    const events = await collect(prediction.events({ after: 2 }))
    assert.deepEqual(events.map(({ id, type }) => [id, type]), [[3, 'output'], [4, 'done']])
    assert.deepEqual(await collect(prediction.events({ after: 4 })), [])
  })

  test('are not lost on a reader who names one that was never given', async () => {
    const prediction = create()
    prediction.started()
    const events = prediction.events({ after: 1_000 })
    prediction.succeed({ text: 'a' })
    assert.deepEqual(outputOf(await take(events)), { text: 'a' })
    assert.equal((await take(events)).type, 'done')
  })

  test('reach every reader, each at its own pace', async () => {
    const prediction = create()
    const [fast, slow] = [prediction.events(), prediction.events()]
    prediction.output({ text: 'a' })
    assert.deepEqual(outputOf(await take(fast)), { text: 'a' })
    prediction.output({ text: 'b' })
    assert.deepEqual(outputOf(await take(fast)), { text: 'b' })
    assert.deepEqual(outputOf(await take(slow)), { text: 'a' })
    assert.deepEqual(outputOf(await take(slow)), { text: 'b' })
  })
})

describe('text that grows', () => {
  test('comes as appends to who asked for them, after a first whole output', async () => {
    const prediction = create()
    const events = prediction.events({ appends: true })
    prediction.output({ text: 'a', n: 1 })
    prediction.appended('text', 'b')
    prediction.succeed(undefined)
    assert.deepEqual(outputOf(await take(events)), { text: 'a', n: 1 })
    assert.deepEqual(await take(events), { id: 2, type: 'append', output: 'text', text: 'b' })
    assert.equal((await take(events)).type, 'done')
    assert.deepEqual(await prediction.result(), { text: 'ab', n: 1 })
  })

  test('comes as whole outputs to all others', async () => {
    const prediction = create()
    const events = prediction.events()
    prediction.output({ text: 'a', n: 1 })
    prediction.appended('text', 'b')
    prediction.appended('text', 'c')
    const seen = [await take(events), await take(events), await take(events)]
    assert.deepEqual(seen.map(outputOf), ['a', 'ab', 'abc'].map((text) => ({ text, n: 1 })))
  })

  test('starts for a late reader with all of it, and goes on by appends', async () => {
    const prediction = create()
    prediction.output({ text: 'a' })
    prediction.appended('text', 'b')
    prediction.appended('text', 'c')
    const events = prediction.events({ appends: true })
    assert.deepEqual(await take(events), { id: 3, type: 'output', outputs: { text: 'abc' } })
    prediction.appended('text', 'd')
    assert.deepEqual(await take(events), { id: 4, type: 'append', output: 'text', text: 'd' })
  })

  test('goes on for a returning reader exactly where he left, or with all of it when he takes no appends', async () => {
    const prediction = create()
    prediction.output({ text: 'a' })
    prediction.appended('text', 'b')
    prediction.appended('text', 'c')
    assert.deepEqual(await eventsSoFar(prediction, { after: 2, appends: true }), [{ id: 3, type: 'append', output: 'text', text: 'c' }])
    assert.deepEqual(await eventsSoFar(prediction, { after: 2 }), [{ id: 3, type: 'output', outputs: { text: 'abc' } }])
  })
})

describe('the log of a prediction', () => {
  const quarter = 'x'.repeat(LOG_CHARACTERS / 4)

  test('is bounded; a reader who fell behind goes on with the latest outputs, and text that grew is whole', async () => {
    const prediction = create()
    const events = prediction.events({ appends: true })
    prediction.output({ text: '' })
    assert.deepEqual(outputOf(await take(events)), { text: '' })
    for (let i = 0; i < 40; i++) prediction.appended('text', String(i % 10).repeat(LOG_CHARACTERS / 10))
    assert.ok(prediction.firstId > 1)
    prediction.succeed(undefined)
    let text = ''
    const types: string[] = []
    for await (const event of events) {
      types.push(event.type)
      if (event.type === 'output') text = String(event.outputs['text'])
      if (event.type === 'append') text += event.text
    }
    assert.equal(text.length, 40 * Math.floor(LOG_CHARACTERS / 10))
    assert.equal(types[0], 'output')
    assert.equal(types.at(-1), 'done')
  })

  test('does not grow with a stream that nobody reads', () => {
    const prediction = create()
    for (let i = 0; i < 100_000; i++) prediction.appended('text', 'x')
    for (let i = 0; i < 100; i++) prediction.progressed(0, quarter)
    assert.ok(prediction.characters < 2 * LOG_CHARACTERS, String(prediction.characters))
  })

  test('never loses the last output, however large it is and however much came after it', async () => {
    for (const size of [1, 3 * LOG_CHARACTERS]) {
      const prediction = create()
      const slow = prediction.events({ after: 0 })
      prediction.started()
      prediction.output({ text: 'y'.repeat(size) })
      for (let i = 0; i < 20; i++) prediction.noticed('info', quarter)
      prediction.succeed(undefined)
      const late = prediction.events()
      for (const reader of [slow, late]) {
        const events = await collect(reader)
        assert.equal(events.filter(({ type }) => type === 'output').length, 1)
        assert.equal(events[0]?.type, 'output')
        assert.equal(events.at(-1)?.type, 'done')
        assert.deepEqual(events.map(({ id }) => id), events.map(({ id }) => id).toSorted((a, b) => a - b))
      }
    }
  })

  test('shows no output twice to who has it already', async () => {
    const prediction = create()
    const events = prediction.events()
    prediction.output({ text: 'seen' })
    await take(events)
    for (let i = 0; i < 20; i++) prediction.noticed('info', quarter)
    prediction.succeed(undefined)
    assert.ok(!(await collect(events)).some(({ type }) => type === 'output'))
  })
})

describe('a reader', () => {
  test('that returns while it waits is over, and counts no more', async () => {
    const counts: number[] = []
    const prediction = new Prediction('fake', 'request', (readers) => counts.push(readers))
    const events = prediction.events()
    const waiting = events.next()
    await events.return?.()
    assert.deepEqual(await waiting, { done: true, value: undefined })
    assert.deepEqual(await events.next(), { done: true, value: undefined })
    prediction.succeed({ text: 'x' })
    assert.deepEqual(counts, [1, 0])
  })

  test('counts no more when it has seen the end, and returning then changes nothing', async () => {
    const counts: number[] = []
    const prediction = new Prediction('fake', 'request', (readers) => counts.push(readers))
    const events = prediction.events()
    prediction.succeed({ text: 'x' })
    await collect(events)
    await events.return?.()
    assert.deepEqual(counts, [1, 0])
  })

  test('that waits gets the last event, and then the end', async () => {
    const prediction = create()
    const events = prediction.events()
    const waiting = events.next()
    prediction.fail(createHostError('MODEL_FAILED', 'x'))
    assert.equal((await waiting).value.type, 'error')
    assert.equal((await events.next()).done, true)
  })
})
