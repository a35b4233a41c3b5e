import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHostError, HostError } from '../workers/errors.ts'
import { createFakeModel, eventTypes } from './helpers/fake-model.ts'
import { settled } from './helpers/fake-worker.ts'

describe('a prediction lost with its worker', () => {
  test('runs again, and its events tell it', async () => {
    const fake = createFakeModel().start()
    const { prediction, run } = fake.submit()
    fake.workers.last.say({ type: 'started', id: run.item.id })
    fake.workers.last.exit()
    await settled()
    assert.equal(prediction.state, 'held')
    fake.workers.last.becomeReady(fake.spec)
    fake.workers.last.say({ type: 'started', id: run.item.id })
    fake.finish({ prediction, run })
    assert.deepEqual(await eventTypes(prediction), ['started', 'replayed', 'held', 'started', 'output', 'done'])
  })

  test('goes before all that waited', async () => {
    const fake = createFakeModel().start()
    const [lost, waiting] = [fake.submit(), fake.submit()]
    fake.workers.last.exit()
    await settled()
    fake.workers.last.becomeReady(fake.spec)
    assert.deepEqual(fake.workers.last.given, [lost.run.item.id])
    fake.finish(lost)
    assert.deepEqual(fake.workers.last.given, [lost.run.item.id, waiting.run.item.id])
  })

  test('runs alone, each after the other, when it may have been the reason', async () => {
    const fake = createFakeModel({ limits: { concurrency: 4 } }).start()
    const suspects = [fake.submit(), fake.submit()]
    const { workers } = fake
    workers.last.exit()
    await settled()
    workers.last.becomeReady(fake.spec)
    const other = fake.submit()
    assert.deepEqual(workers.last.given, [suspects[0]?.run.item.id])
    fake.finish(suspects[0] ?? other)
    assert.deepEqual(workers.last.given.slice(1), [suspects[1]?.run.item.id])
    fake.finish(suspects[1] ?? other)
    assert.equal(other.run.running, true)
  })

  test('runs beside others when it was not the reason', async () => {
    const fake = createFakeModel({ limits: { concurrency: 4 } }).start()
    const [a, b] = [fake.submit(), fake.submit()]
    for (const { run } of [a, b]) fake.workers.last.say({ type: 'lost', id: run.item.id, suspect: false, death: 'timeout' })
    await settled()
    assert.deepEqual(fake.workers.last.given.slice(2), [a.run.item.id, b.run.item.id])
    assert.equal(fake.workers.all.length, 1)
  })

  test('stays alone once it was suspect, also when it is lost again through no fault of its own', async () => {
    const fake = createFakeModel({ limits: { concurrency: 4 } }).start()
    const { run } = fake.submit()
    const { id } = run.item
    fake.workers.last.say({ type: 'lost', id, suspect: true, death: 'crash' })
    await settled()
    fake.workers.last.say({ type: 'lost', id, suspect: false, death: 'timeout' })
    await settled()
    assert.equal(run.running, true)
    assert.equal(fake.submit().run.running, false)
  })

  test('that must run alone lets others run on the other worker, while one is emptied for it', async () => {
    const fake = createFakeModel({ limits: { replicas: 2, concurrency: 2 } }).start()
    const [a, b, c] = [fake.submit(), fake.submit(), fake.submit()]
    const crowded = fake.workers.all.find(({ given }) => given.length === 2)
    const quiet = fake.workers.all.find(({ given }) => given.length === 1)
    assert.ok(crowded && quiet)
    const [suspect] = [a, b, c].filter(({ run }) => crowded.given.includes(run.item.id))
    assert.ok(suspect)
    crowded.say({ type: 'lost', id: suspect.run.item.id, suspect: true, death: 'crash' })
    await settled()
    assert.equal(suspect.run.running, false, 'no worker is empty')
    const other = fake.submit()
    assert.equal(other.run.running, true)
    assert.equal(suspect.run.running, false)
  })

  test('that is cancelled while it waits to run alone leaves the place to the others', async () => {
    const fake = createFakeModel({ limits: { concurrency: 2 } }).start()
    const [suspect, neighbour] = [fake.submit(), fake.submit()]
    fake.workers.last.say({ type: 'lost', id: suspect.run.item.id, suspect: true, death: 'crash' })
    await settled()
    const waiting = fake.submit()
    assert.deepEqual([suspect.run.running, neighbour.run.running, waiting.run.running], [false, true, false])
    fake.model.cancel(suspect.run, createHostError('CANCELLED', 'The prediction was cancelled.'))
    assert.equal(waiting.run.running, true)
  })

  test('twice, as a suspect, is poison: named, remembered, and refused before it reaches a worker', async () => {
    const fake = createFakeModel().start()
    const { prediction, run } = fake.submit({ text: 'poison' })
    for (let deaths = 0; deaths < 2; deaths++) {
      assert.equal(run.running, true)
      fake.workers.last.exit()
      await settled()
      if (fake.workers.last.exited) await fake.clock.pass(1_000)
      fake.workers.last.becomeReady(fake.spec)
      await settled()
    }
    await assert.rejects(prediction.result(), { code: 'POISONOUS_INPUT', retryAfterSeconds: 600 })
    const before = fake.workers.last.given.length
    await fake.clock.pass(60_000)
    const again = fake.submit({ text: 'poison' })
    await assert.rejects(again.prediction.result(), { code: 'POISONOUS_INPUT' })
    assert.equal(fake.workers.last.given.length, before)
  })

  test('after its output had begun is told to its caller', async () => {
    const fake = createFakeModel().start()
    const { prediction, run } = fake.submit()
    fake.workers.last.say({ type: 'output', id: run.item.id, outputs: { text: 'half' } })
    fake.workers.last.exit()
    await assert.rejects(prediction.result(), (error) => error instanceof HostError && error.code === 'WORKER_LOST' && Number(error.retryAfterSeconds) >= 1)
  })

  test('is not run again when its model says so', async () => {
    const fake = createFakeModel({ spec: { replay: false } }).start()
    const { prediction } = fake.submit()
    fake.workers.last.exit()
    await assert.rejects(prediction.result(), { code: 'WORKER_LOST' })
  })

  test('is not run again for ever', async () => {
    const fake = createFakeModel().start()
    const { prediction, run } = fake.submit()
    for (let losses = 0; losses < 6; losses++) {
      assert.equal(run.running, true)
      fake.workers.last.say({ type: 'lost', id: run.item.id, suspect: false, death: 'timeout' })
      await settled()
    }
    await assert.rejects(prediction.result(), { code: 'WORKER_LOST' })
  })
})

describe('a prediction that its worker gave back', () => {
  test('goes first, and has told nothing of it', async () => {
    const fake = createFakeModel().start()
    const [back, waiting] = [fake.submit(), fake.submit()]
    fake.workers.last.say({ type: 'returned', id: back.run.item.id })
    await settled()
    assert.deepEqual([back.run.running, waiting.run.running], [true, false])
    fake.finish(back)
    assert.deepEqual(await eventTypes(back.prediction), ['output', 'done'])
  })
})

describe('credit', () => {
  test('is given every few facts', () => {
    const fake = createFakeModel().start()
    const { id } = fake.submit().run.item
    for (let i = 0; i < 40; i++) fake.workers.last.say({ type: 'progress', id, fraction: 0, text: '' })
    assert.deepEqual(fake.workers.last.told('credit').map(({ events }) => events), [16, 16])
  })

  test('is given earlier for large facts, since they fill the window alone', () => {
    const fake = createFakeModel().start()
    const { id } = fake.submit().run.item
    for (let i = 0; i < 3; i++) fake.workers.last.say({ type: 'output', id, outputs: { text: 'x'.repeat(600_000) } })
    fake.workers.last.say({ type: 'append', id, output: 'text', text: 'x'.repeat(600_000) })
    assert.equal(fake.workers.last.told('credit').reduce((sum, { events }) => sum + events, 0), 4)
  })

  test('owed to a lost worker is not given to the next', async () => {
    const fake = createFakeModel().start()
    const { id } = fake.submit().run.item
    for (let i = 0; i < 15; i++) fake.workers.last.say({ type: 'progress', id, fraction: 0, text: '' })
    fake.workers.last.exit()
    await settled()
    fake.workers.last.becomeReady(fake.spec)
    fake.workers.last.say({ type: 'progress', id, fraction: 0, text: '' })
    assert.deepEqual(fake.workers.last.told('credit'), [])
  })
})
