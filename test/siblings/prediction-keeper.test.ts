import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Gateway } from '../../server/gateway.ts'
import type { Prediction, PredictionEvent } from '../../server/prediction.ts'
import { createPredictionKeeper } from '../../server/siblings/prediction-keeper.ts'
import type { FromWorker, Values } from '../../workers/contract.ts'
import { createHostError } from '../../workers/errors.ts'
import { createFakeModel } from '../helpers/fake-model.ts'
import { FakeClock } from '../helpers/fake-worker.ts'

const KEPT_MS = 300_000

function createFront() {
  const clock = new FakeClock()
  const fake = createFakeModel({ clock, onEnd: (run) => gateway.ended(run) })
  const gateway = new Gateway(new Map([['fake', fake.model]]), clock)
  fake.start()
  return {
    clock, gateway,
    keeper: createPredictionKeeper(gateway),
    /** Submits one, and the worker does what it is told. */
    run(mode: 'answer' | 'background', end?: (id: number) => FromWorker): Prediction {
      const prediction = gateway.submit(fake.model, { text: 'x' }, { requestId: 'request', mode })
      if (end !== undefined) fake.workers.last.say(end(fake.workers.last.given.at(-1) ?? 0))
      return prediction
    },
  }
}

const done = (outputs: Values) => (id: number): FromWorker => ({ type: 'done', id, outputs, runMs: 1_000 })

/** What one front leaves, as the other reads it. */
function handOver(from: ReturnType<typeof createFront>, to: ReturnType<typeof createFront>): void {
  for (const item of JSON.parse(JSON.stringify([...from.keeper.bequeath()]))) to.keeper.inherit(item)
}

async function eventsOf(prediction: Prediction | undefined, after?: number): Promise<PredictionEvent[]> {
  const events: PredictionEvent[] = []
  for await (const event of prediction?.events(after === undefined ? {} : { after }) ?? []) events.push(event)
  return events
}

describe('predictions left to another front', () => {
  test('are there as they ended, with the ids that their events had', async () => {
    const [old, young] = [createFront(), createFront()]
    const good = old.run('background', done({ text: 'good' }))
    const plain = old.run('answer', done({ text: 'plain' }))
    const bad = old.run('background', (id) => ({ type: 'failed', id, error: { code: 'MODEL_SAID', message: 'No.', cause: 'a stack' }, runMs: 5 }))
    handOver(old, young)
    for (const ended of [good, plain, bad]) {
      const copy = young.gateway.prediction('fake', ended.id)
      assert.deepEqual(
        [copy?.state, copy?.outputs, copy?.error?.code, copy?.error?.message, copy?.requestId, copy?.runSeconds],
        [ended.state, ended.outputs, ended.error?.code, ended.error?.message, ended.requestId, ended.runSeconds],
      )
      assert.deepEqual((await eventsOf(copy)).map(({ id, type }) => [id, type]), (await eventsOf(ended)).slice(-2).map(({ id, type }) => [id, type]))
      assert.deepEqual((await eventsOf(copy, ended.lastId - 1)).map(({ id }) => id), [ended.lastId])
    }
    assert.equal(young.gateway.prediction('fake', bad.id)?.error?.cause, undefined, 'the cause stays with the operator')
  })

  test('keep what a caller is told about trying again', () => {
    const [old, young] = [createFront(), createFront()]
    const prediction = old.run('background')
    old.gateway.cancel(prediction)
    const refused = old.gateway.submit(old.gateway.models()[0]!, { text: 'x' }, { requestId: 'request', mode: 'background' })
    refused.fail(createHostError('WORKER_LOST', 'lost', { retryAfterSeconds: 7 }))
    old.gateway.adopt({ prediction: refused, agoMs: 0, isAnswer: false })
    handOver(old, young)
    assert.equal(young.gateway.prediction('fake', prediction.id)?.state, 'cancelled')
    assert.equal(young.gateway.prediction('fake', refused.id)?.error?.retryAfterSeconds, 7)
  })

  test('are kept for the rest of their five minutes', async () => {
    const [old, young] = [createFront(), createFront()]
    const { id } = old.run('background', done({ text: 'x' }))
    await old.clock.pass(200_000)
    handOver(old, young)
    await young.clock.pass(KEPT_MS - 200_000 - 5_000)
    assert.ok(young.gateway.prediction('fake', id))
    await young.clock.pass(20_000)
    assert.equal(young.gateway.prediction('fake', id), undefined)
  })

  test('are those that have ended, the newest first, and twice is as good as once', () => {
    const [old, young] = [createFront(), createFront()]
    const [first, second] = [old.run('background', done({ text: '1' })), old.run('background', done({ text: '2' }))]
    const running = old.run('background')
    assert.deepEqual([...old.keeper.bequeath()].map((item) => Object(item).id), [second.id, first.id])
    handOver(old, young)
    handOver(old, young)
    assert.deepEqual([...young.gateway.endedPredictions()].length, 2)
    assert.deepEqual([first, running].map(({ id }) => young.keeper.claim({ kind: 'prediction', model: 'fake', id }, 'find').has), [true, false])
    assert.equal(old.keeper.claim({ kind: 'prediction', model: 'fake', id: running.id }, 'find').has, true)
    assert.equal(old.keeper.claim({ kind: 'prediction', model: 'other', id: running.id }, 'find').has, false)
  })

  test('that cannot be read are left out', () => {
    const young = createFront()
    for (const item of [null, 'text', {}, { id: 'x', model: 'fake', error: { code: 'NO_SUCH_CODE', message: '' } }]) young.keeper.inherit(item)
    assert.deepEqual([...young.gateway.endedPredictions()], [])
  })
})
