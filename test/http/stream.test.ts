import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { jsonOf } from './json-of.ts'
import { allEvents, readEvents } from './read-events.ts'
import type { SentEvent } from './read-events.ts'

let host: TestHost

before(async () => {
  host = await startTestHost({ models: ['echo', 'http-slow', 'http-says', 'http-stream'], config: { limits: { 'http-slow': { queueSize: 50 } } } })
})

after(() => host?.[Symbol.asyncDispose]())

function stream(path: string, inputs: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(host.url + path, { method: 'POST', body: JSON.stringify(inputs), headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers } })
}

function reattach(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(host.url + path, { headers: { accept: 'text/event-stream', ...headers } })
}

async function stateOf(path: string): Promise<Record<string, unknown>> {
  const response = await fetch(host.url + path)
  assert.equal(response.status, 200)
  return await jsonOf(response)
}

/** How long there is something to wait for is chance: the first prediction meets a model that starts. */
function withoutWaiting(events: SentEvent[]): SentEvent[] {
  return events.filter(({ type }) => type !== 'queued' && type !== 'held')
}

function types(events: SentEvent[]): string[] {
  return events.map(({ type }) => type)
}

function pathOf(response: Response): string {
  return `${new URL(response.url).pathname.replace(/predict$/, 'predictions')}/${response.headers.get('x-prediction-id')}`
}

function cancel(response: Response): Promise<Response> {
  return fetch(host.url + pathOf(response), { method: 'DELETE' })
}

async function nextOf(events: AsyncGenerator<SentEvent>, type: string): Promise<SentEvent> {
  for (;;) {
    const { value, done } = await events.next()
    assert(done !== true, `the stream ended before ${type}`)
    if (value.type === type) return value
  }
}

/** Leaves as a caller does whose connection breaks. */
async function startAndLeave(inputs: unknown): Promise<{ path: string; last: SentEvent }> {
  const leaving = new AbortController()
  const response = await fetch(`${host.url}/http-stream/predict`, {
    method: 'POST', body: JSON.stringify(inputs), headers: { 'content-type': 'application/json', accept: 'text/event-stream' }, signal: leaving.signal,
  })
  const last = await nextOf(readEvents(response), 'output')
  leaving.abort()
  return { path: `/http-stream/predictions/${response.headers.get('x-prediction-id')}`, last }
}

describe('predict with Accept: text/event-stream', () => {
  it('tells all that happens, in order, with ids that grow', async () => {
    const response = await stream('/http-stream/predict', { words: 2 })
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.equal(response.headers.get('x-accel-buffering'), 'no')
    assert.match(response.headers.get('x-prediction-id') ?? '', /^[0-9a-f]{32}$/)
    const events = await allEvents(response)
    const [started, notice, progress] = withoutWaiting(events)
    assert.deepEqual(started?.data, {})
    assert.deepEqual(notice?.data, { level: 'info', text: 'Here they come' })
    assert.deepEqual(progress?.data, { fraction: 0.5, text: 'word 1' })
    assert.deepEqual(events.findLast(({ type }) => type === 'output')?.data, { text: 'word1 word2 ' })
    const { waitSeconds, runSeconds, ...others } = events.at(-1)?.data ?? {}
    assert.equal(events.at(-1)?.type, 'done')
    assert.deepEqual([typeof waitSeconds, typeof runSeconds, others], ['number', 'number', {}])
    assert.deepEqual(events.map(({ id }) => id), events.map(({ id }) => id).toSorted((a, b) => a - b))
    assert.equal(new Set(events.map(({ id }) => id)).size, events.length)
  })

  it('is a stream of one output for a model that returns one value', async () => {
    const events = await allEvents(await stream('/echo/predict', { text: 'line\n\nbreak\r\u2028end' }))
    const told = withoutWaiting(events)
    assert.deepEqual(types(told), ['started', 'output', 'done'])
    assert.deepEqual(told[1]?.data, { text: 'line\n\nbreak\r\u2028end' })
  })

  it('sends grown text as append events when asked to', async () => {
    const events = await allEvents(await stream('/http-stream/predict?stream=delta', { words: 50 }))
    const outputs = events.filter(({ type }) => type === 'output')
    const appends = events.filter(({ type }) => type === 'append')
    assert.equal(outputs.length, 1)
    assert(appends.length > 0)
    const text = String(outputs[0]?.data['text']) + appends.map(({ data }) => data['text']).join('')
    assert.equal(text, Array.from({ length: 50 }, (_, index) => `word${index + 1} `).join(''))
    for (const { data } of appends) assert.deepEqual(Object.keys(data).sort(), ['output', 'text'])
  })

  it('ends with the problem when the model fails', async () => {
    const response = await stream('/http-says/predict', { ending: 'user' }, { 'x-request-id': 'asked' })
    const { type, data } = (await allEvents(response)).at(-1) ?? {}
    assert.equal(type, 'error')
    assert.deepEqual({ ...data, title: undefined, type: undefined }, { type: undefined, title: undefined, status: 422, detail: 'Only cats, please', code: 'MODEL_SAID', requestId: 'asked' })
  })

  it('answers with a status what is refused before the prediction exists', async () => {
    const response = await stream('/echo/predict', { text: 1 })
    assert.equal(response.status, 400)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
  })

  it('tells the place in the queue', async () => {
    // More than a worker takes ahead.
    const responses = await Promise.all(Array.from({ length: 45 }, () => stream('/http-slow/predict', { ms: 60_000 })))
    const last = responses.at(-1)
    assert(last !== undefined)
    const { data } = await nextOf(readEvents(last), 'queued')
    assert(typeof data['position'] === 'number' && data['position'] >= 1 && data['position'] < 45)
    assert(data['etaSeconds'] === null || typeof data['etaSeconds'] === 'number')
    await Promise.all(responses.map(cancel))
  })
})

describe('GET /<model>/predictions/<id>', () => {
  it('goes on for a caller whose connection broke', async () => {
    const { path, last } = await startAndLeave({ words: 4, pauseMs: 50 })
    const events = await allEvents(await reattach(path))
    assert.equal(events[0]?.type, 'output')
    assert((events[0]?.id ?? 0) >= last.id)
    assert.equal(events.at(-1)?.type, 'done')
    assert.deepEqual(events.findLast(({ type }) => type === 'output')?.data, { text: 'word1 word2 word3 word4 ' })
    assert.equal((await stateOf(path))['state'], 'succeeded')
  })

  it('goes on after the last event that the caller has seen', async () => {
    const { path, last } = await startAndLeave({ words: 3, pauseMs: 20 })
    const events = await allEvents(await reattach(path, { 'last-event-id': String(last.id) }))
    assert.equal(events[0]?.id, last.id + 1)
    const lastOnly = await allEvents(await reattach(`${path}?after=${(events.at(-1)?.id ?? 0) - 1}`))
    assert.deepEqual(types(lastOnly), ['done'])
  })

  it('cancels a prediction to which nobody came back', async () => {
    const { path } = await startAndLeave({ words: 2, pauseMs: 60_000 })
    const id = path.split('/').at(-1)
    const ended = await host.logged((line) => line.message === 'prediction' && line['predictionId'] === id)
    assert.equal(ended['outcome'], 'cancelled')
    const { state, error, outputs } = await stateOf(path)
    assert.equal(state, 'cancelled')
    assert.deepEqual(outputs, { text: 'word1 ' })
    assert(typeof error === 'object' && error !== null && 'code' in error)
    assert.equal(error.code, 'CANCELLED')
  })

  it('says 404 for an unknown id, one of another model, and an unknown model', async () => {
    const { headers } = await stream('/echo/predict', { text: 'a' })
    const id = headers.get('x-prediction-id')
    for (const [path, code] of [[`/echo/predictions/${'0'.repeat(32)}`, 'NOT_FOUND'], [`/http-says/predictions/${id}`, 'NOT_FOUND'], [`/nosuch/predictions/${id}`, 'MODEL_NOT_FOUND']] as const) {
      for (const method of ['GET', 'DELETE']) {
        const response = await fetch(host.url + path, { method })
        assert.deepEqual([response.status, (await jsonOf(response)).code], [404, code], `${method} ${path}`)
      }
    }
  })
})

describe('DELETE /<model>/predictions/<id>', () => {
  it('ends a running stream with CANCELLED, and may be repeated', async () => {
    const response = await stream('/http-stream/predict', { words: 2, pauseMs: 60_000 })
    const events = readEvents(response)
    await nextOf(events, 'output')
    const path = `${host.url}/http-stream/predictions/${response.headers.get('x-prediction-id')}`
    for (let times = 0; times < 2; times++) assert.equal((await fetch(path, { method: 'DELETE' })).status, 202)
    const { data } = await nextOf(events, 'error')
    assert.equal(data['code'], 'CANCELLED')
    assert.equal((await events.next()).done, true)
    assert.equal((await fetch(path, { method: 'DELETE' })).status, 202)
  })

  it('ends a queued prediction, and those before it go on', async () => {
    const first = await stream('/http-slow/predict', { ms: 60_000 })
    const firstEvents = readEvents(first)
    await nextOf(firstEvents, 'started')
    const second = await stream('/http-slow/predict', { ms: 0 })
    assert.equal((await cancel(second)).status, 202)
    assert.equal((await nextOf(readEvents(second), 'error')).data['code'], 'CANCELLED')
    assert.equal((await stateOf(pathOf(first)))['state'], 'running')
    await cancel(first)
  })
})

describe('Prefer: respond-async', () => {
  it('answers 202 with the place to ask, and goes on without a reader', async () => {
    const response = await fetch(`${host.url}/http-stream/predict`, {
      method: 'POST', body: '{"words":3,"pauseMs":300}', headers: { 'content-type': 'application/json', prefer: 'wait=5, respond-async' },
    })
    assert.equal(response.status, 202)
    const { id, state } = await jsonOf(response)
    assert.equal(response.headers.get('location'), `/http-stream/predictions/${id}`)
    assert.equal(response.headers.get('x-prediction-id'), id)
    assert(['queued', 'held', 'running'].includes(state), state)
    // 600 ms of work with `reattachMs` of 300: it would be cancelled if readers counted.
    await host.logged((line) => line.message === 'prediction' && line['predictionId'] === id)
    assert.deepEqual(await stateOf(`/http-stream/predictions/${id}`), { id, state: 'succeeded', outputs: { text: 'word1 word2 word3 ' } })
    assert.equal((await allEvents(await reattach(`/http-stream/predictions/${id}`))).at(-1)?.type, 'done')
  })

  it('is ended by DELETE', async () => {
    const response = await fetch(`${host.url}/http-stream/predict`, { method: 'POST', body: '{"words":2,"pauseMs":60000}', headers: { 'content-type': 'application/json', prefer: 'respond-async' } })
    const { id } = await jsonOf(response)
    const path = `/http-stream/predictions/${id}`
    const events = readEvents(await reattach(path))
    await nextOf(events, 'output')
    await fetch(host.url + path, { method: 'DELETE' })
    await nextOf(events, 'error')
    assert.equal((await stateOf(path))['state'], 'cancelled')
  })
})
