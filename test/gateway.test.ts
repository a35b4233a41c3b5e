import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Gateway, type SubmitMode } from '../server/gateway.ts'
import type { Prediction } from '../server/prediction.ts'
import { HostError } from '../workers/errors.ts'
import { createFakeModel, eventTypes, type FakeModelOptions } from './helpers/fake-model.ts'
import { FakeClock, settled } from './helpers/fake-worker.ts'

function createGateway(options: FakeModelOptions = {}) {
  const clock = new FakeClock()
  const fake = createFakeModel({ ...options, clock, onEnd: (run) => gateway.ended(run) })
  const ended = new Set<number>()
  const gateway = new Gateway(new Map([['fake', fake.model]]), clock)
  return {
    ...fake, gateway,
    submit: (mode: SubmitMode = 'answer', text = 'x', timeoutMs?: number) => gateway.submit(fake.model, { text }, { requestId: 'request', mode, timeoutMs }),
    /** What runs is done. */
    finish(outputs = { text: 'done' }): void {
      const id = fake.workers.last.given.find((given) => !ended.has(given))
      if (id === undefined) throw new Error('nothing runs')
      ended.add(id)
      fake.workers.last.say({ type: 'done', id, outputs, runMs: 1_000 })
    },
    start() {
      fake.start()
      return this
    },
  }
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof HostError) return error.code
    throw error
  }
  return 'none'
}

describe('submit', () => {
  test('gives the result of a prediction', async () => {
    const setting = createGateway().start()
    const prediction = setting.submit()
    setting.finish({ text: 'answer' })
    assert.deepEqual(await prediction.result(), { text: 'answer' })
  })

  test('names each refused input, and nothing of it reaches a worker', () => {
    const { gateway, model, workers } = createGateway().start()
    assert.throws(
      () => gateway.submit(model, { text: 1, more: 2 }, { requestId: 'request', mode: 'answer' }),
      (error) => error instanceof HostError && error.code === 'INVALID_INPUT' && error.problems?.map(({ path }) => path).sort().join() === 'more,text',
    )
    assert.deepEqual(workers.last.given, [])
  })

  test('sends events to the front only for those who follow', () => {
    const setting = createGateway({ limits: { concurrency: 3 } }).start()
    for (const mode of ['answer', 'stream', 'background'] as const) setting.submit(mode)
    assert.deepEqual(setting.workers.last.told('predict').flatMap(({ items }) => items.map(({ events }) => events)), [false, true, true])
  })

  test('of a model that was never described is refused', () => {
    const setting = createGateway()
    setting.backend.start()
    assert.equal(codeOf(() => setting.submit()), 'NOT_READY')
  })

  test('to a model that does not exist is refused by name', () => {
    assert.equal(codeOf(() => createGateway().gateway.model('other')), 'MODEL_NOT_FOUND')
  })
})

describe('a prediction', () => {
  test('is found under its own model only, also when it has ended', async () => {
    const setting = createGateway().start()
    const { gateway } = setting
    const prediction = setting.submit('stream')
    assert.equal(gateway.prediction('fake', prediction.id), prediction)
    assert.equal(gateway.prediction('other', prediction.id), undefined)
    setting.finish()
    assert.equal(gateway.prediction('fake', prediction.id), prediction)
    assert.match(prediction.id, /^[0-9a-f]{32}$/)
  })

  test('is forgotten five minutes after its end', async () => {
    const setting = createGateway().start()
    const { gateway, clock } = setting
    const prediction = setting.submit('background')
    await clock.pass(1_000)
    setting.workers.last.say({ type: 'heartbeat' })
    setting.finish()
    await clock.pass(299_000)
    assert.equal(gateway.prediction('fake', prediction.id), prediction)
    await clock.pass(12_000)
    assert.equal(gateway.prediction('fake', prediction.id), undefined)
  })

  test('that was answered gives way when many others were', () => {
    const setting = createGateway().start()
    const { gateway } = setting
    const all: Prediction[] = []
    for (let i = 0; i < 501; i++) {
      all.push(setting.submit())
      setting.finish()
    }
    const found = all.map(({ id }) => gateway.prediction('fake', id) !== undefined)
    assert.equal(found[0], false)
    assert.ok(found.slice(1).every(Boolean))
  })

  test('that holds much gives way earlier, but the newest stays', () => {
    const setting = createGateway().start()
    const { gateway } = setting
    const all: Prediction[] = []
    for (let i = 0; i < 3; i++) {
      all.push(setting.submit())
      setting.finish({ text: 'x'.repeat(17 * 1024 * 1024) })
    }
    assert.deepEqual(all.map(({ id }) => gateway.prediction('fake', id) !== undefined), [false, false, true])
  })

  test('is cancelled once, however often it is asked for', async () => {
    const setting = createGateway().start()
    const prediction = setting.submit('background')
    setting.gateway.cancel(prediction)
    setting.gateway.cancel(prediction)
    assert.equal(prediction.state, 'cancelled')
    assert.equal(setting.workers.last.told('cancel').length, 1)
    setting.gateway.cancel(prediction)
    assert.deepEqual(await eventTypes(prediction), ['error'])
  })

  test('that has ended can not be cancelled', () => {
    const setting = createGateway().start()
    const prediction = setting.submit('background')
    setting.finish()
    setting.gateway.cancel(prediction)
    assert.equal(prediction.state, 'succeeded')
  })
})

describe('callers who leave', () => {
  test('a stream without readers is cancelled after reattachMs', async () => {
    const setting = createGateway({ limits: { reattachMs: 2_000 } }).start()
    const prediction = setting.submit('stream')
    const reader = prediction.events()
    await setting.clock.pass(1_000)
    setting.workers.last.say({ type: 'heartbeat' })
    await reader.return?.()
    await setting.clock.pass(1_900)
    assert.equal(prediction.ended, false)
    await setting.clock.pass(100)
    assert.equal(prediction.state, 'cancelled')
  })

  test('a stream that nobody ever read is cancelled, too', async () => {
    const setting = createGateway({ limits: { reattachMs: 1_000 } }).start()
    const prediction = setting.submit('stream')
    await setting.clock.pass(1_000)
    assert.equal(prediction.state, 'cancelled')
  })

  test('a reader who comes back in time keeps it', async () => {
    const setting = createGateway({ limits: { reattachMs: 1_000 } }).start()
    const prediction = setting.submit('stream')
    await prediction.events().return?.()
    await setting.clock.pass(900)
    const again = prediction.events()
    await setting.clock.pass(1_000)
    assert.equal(prediction.ended, false)
    await again.return?.()
    await setting.clock.pass(0)
    assert.equal(prediction.ended, false)
  })

  test('one of several readers may leave', async () => {
    const setting = createGateway({ limits: { reattachMs: 1_000 } }).start()
    const prediction = setting.submit('stream')
    const [, leaving] = [prediction.events(), prediction.events()]
    await leaving.return?.()
    await setting.clock.pass(1_500)
    assert.equal(prediction.ended, false)
  })

  test('work in the background needs no reader', async () => {
    const setting = createGateway({ limits: { reattachMs: 1_000 } }).start()
    const prediction = setting.submit('background')
    await prediction.events().return?.()
    await setting.clock.pass(1_500)
    assert.equal(prediction.ended, false)
  })
})

describe('drain', () => {
  test('refuses new work, lets what was accepted finish, also what waits, and then resolves', async () => {
    const setting = createGateway().start()
    const [running, waiting] = [setting.submit(), setting.submit('background')]
    let drained = false
    const draining = setting.gateway.drain(10_000).then(() => { drained = true })
    assert.equal(codeOf(() => setting.submit()), 'DRAINING')
    assert.equal(setting.gateway.isDraining(), true)
    setting.finish()
    await settled()
    assert.deepEqual([running.state, drained], ['succeeded', false])
    setting.finish()
    await draining
    assert.equal(waiting.state, 'succeeded')
  })

  test('that is announced is told to whoever asks, while what is on its way is still taken', () => {
    const setting = createGateway().start()
    assert.equal(setting.gateway.isDraining(), false)
    setting.gateway.announceDrain()
    assert.equal(setting.gateway.isDraining(), true)
    assert.equal(setting.submit().state, 'running')
  })

  test('is over at its bound; what is left then is told so, and its work is stopped', async () => {
    const setting = createGateway().start()
    const [running, waiting] = [setting.submit(), setting.submit()]
    const draining = setting.gateway.drain(1_000)
    await setting.clock.pass(1_000)
    await draining
    for (const prediction of [running, waiting]) await assert.rejects(prediction.result(), { code: 'DRAINING', retryAfterSeconds: 5 })
    assert.equal(setting.workers.last.told('cancel').length, 1)
  })

  test('of an idle host is over at once', async () => {
    await createGateway().start().gateway.drain(10_000)
  })
})
