import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { jsonOf } from './json-of.ts'

let host: TestHost

before(async () => {
  host = await startTestHost({ models: ['echo', 'http-kinds', 'http-slow', 'http-says', 'http-defaults', 'http-stream'] })
})

after(() => host?.[Symbol.asyncDispose]())

function predict(model: string, inputs: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${host.url}/${model}/predict`, { method: 'POST', body: JSON.stringify(inputs), headers: { 'content-type': 'application/json', ...headers } })
}

async function assertProblem(response: Response, status: number, code: string): Promise<Record<string, unknown>> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  const problem = await jsonOf(response)
  assert.deepEqual({ status: response.status, code: problem.code }, { status, code }, JSON.stringify(problem))
  assert.equal(problem.status, status)
  assert.equal(problem.requestId, response.headers.get('x-request-id'))
  for (const key of ['type', 'title', 'detail']) assert.equal(typeof problem[key], 'string', key)
  return problem
}

describe('POST /<model>/predict', () => {
  it('answers named inputs with named outputs', async () => {
    const response = await predict('echo', { text: 'hello' })
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
    assert.match(response.headers.get('x-prediction-id') ?? '', /^[0-9a-f]{32}$/)
    assert.deepEqual(await jsonOf(response), { text: 'hello' })
  })

  it('runs a model whose inputs all have defaults without a body', async () => {
    const response = await fetch(`${host.url}/http-defaults/predict`, { method: 'POST' })
    assert.equal(response.status, 200)
    assert.deepEqual(await jsonOf(response), { text: 'Hello Hello' })
  })

  it('fills in defaults and keeps every kind of value', async () => {
    const inputs = { text: 'a', count: 2, level: 0.25, flag: true, colours: ['red'], size: 'large', pick: 'two', picks: ['a', 'c'], data: { deep: [null, 'x'] }, table: { headers: ['x', 'y'], data: [[1, 'b']] }, chat: [{ role: 'user', content: 'hi' }] }
    assert.deepEqual(await jsonOf(await predict('http-kinds', inputs)), { got: inputs })
    const { got } = await jsonOf(await predict('http-kinds', { text: '' }))
    assert.deepEqual(got, { text: '', count: 3, level: 0.5, flag: false, colours: [], size: 'small', pick: 'one', picks: [], data: null, table: null, chat: null })
  })

  it('names every refused input', async () => {
    const problem = await assertProblem(await predict('http-kinds', { text: 1, count: 11, stranger: true }), 400, 'INVALID_INPUT')
    assert(Array.isArray(problem['errors']))
    assert.deepEqual(problem['errors'].map(({ path }) => path).sort(), ['count', 'stranger', 'text'])
    for (const { message } of problem['errors']) assert.equal(typeof message, 'string')
  })

  it('shows the text of a UserError, and of no other error', async () => {
    assert.equal((await assertProblem(await predict('http-says', { ending: 'user' }), 422, 'MODEL_SAID'))['detail'], 'Only cats, please')
    for (const [ending, code] of [['error', 'MODEL_FAILED'], ['shape', 'INVALID_OUTPUT']] as const) {
      const problem = await assertProblem(await predict('http-says', { ending }), 500, code)
      assert.doesNotMatch(JSON.stringify(problem), /secret|model\.ts|\/fixtures\//)
    }
  })

  it('takes multipart text fields by the kind of their component', async () => {
    const form = new FormData()
    const fields = { text: '12', count: '7', level: '0.75', flag: 'on', colours: '["red","blue"]', size: 'large', pick: 'two', data: '{"a":[1]}', table: '{"headers":["x","y"],"data":[[1,2]]}' }
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    form.append('picks', 'a')
    form.append('picks', 'b')
    form.append('chat', '')
    const response = await fetch(`${host.url}/http-kinds/predict`, { method: 'POST', body: form })
    assert.equal(response.status, 200)
    const { got } = await jsonOf(response)
    assert.deepEqual(got, {
      text: '12', count: 7, level: 0.75, flag: true, colours: ['red', 'blue'], size: 'large', pick: 'two', picks: ['a', 'b'], data: { a: [1] }, table: { headers: ['x', 'y'], data: [[1, 2]] }, chat: null,
    })
  })

  it('refuses multipart values that are no values of their component', async () => {
    const form = new FormData()
    form.append('text', 'a')
    form.append('count', 'many')
    const problem = await assertProblem(await fetch(`${host.url}/http-kinds/predict`, { method: 'POST', body: form }), 400, 'INVALID_INPUT')
    assert.deepEqual(problem['errors'], [{ path: 'count', message: 'must be a number' }])
  })

  it('keeps a sane request id, and replaces any other', async () => {
    assert.equal((await predict('echo', { text: 'a' }, { 'x-request-id': 'my.id_1-2' })).headers.get('x-request-id'), 'my.id_1-2')
    for (const id of ['a b', 'x'.repeat(129), '<script>', '']) {
      const given = (await predict('echo', { text: 'a' }, { 'x-request-id': id })).headers.get('x-request-id')
      assert.match(given ?? '', /^[A-Za-z0-9._-]{1,128}$/)
      assert.notEqual(given, id)
    }
  })

  it('gives the model the request id', async () => {
    assert.deepEqual(await jsonOf(await predict('http-slow', { ms: 0 }, { 'x-request-id': 'seen' })), { text: 'waited 0 for seen' })
  })

  it('answers 406 when the caller takes neither JSON nor events', async () => {
    await assertProblem(await predict('echo', { text: 'a' }, { accept: 'text/html' }), 406, 'NOT_ACCEPTABLE')
    await assertProblem(await predict('echo', { text: 'a' }, { accept: 'application/json;q=0' }), 406, 'NOT_ACCEPTABLE')
    for (const accept of ['*/*', 'application/*', 'text/html, application/json;q=0.5', 'text/event-stream;q=0.1, application/json']) {
      const response = await predict('echo', { text: 'a' }, { accept })
      assert.deepEqual(await jsonOf(response), { text: 'a' }, accept)
    }
  })

  it('answers 504 when the deadline passes while the model runs', async () => {
    const started = performance.now()
    await assertProblem(await predict('http-slow', { ms: 30_000 }, { 'x-timeout-ms': '300' }), 504, 'DEADLINE_EXCEEDED')
    assert(performance.now() - started < 20_000)
  })

  it('refuses deadlines that are none', async () => {
    for (const timeout of ['0', '-1', '1.5', 'soon', '', '86400001', '1e3', '99999999999']) {
      const problem = await assertProblem(await predict('echo', { text: 'a' }, { 'x-timeout-ms': timeout }), 400, 'INVALID_INPUT')
      assert.deepEqual(problem['errors'], [{ path: 'x-timeout-ms', message: 'must be a whole number of milliseconds from 1 to 86400000' }])
    }
  })

  it('says Retry-After when the queue is full', async () => {
    const leaving = new AbortController()
    // More than the worker takes and the queue holds: the first to be answered is the first that is refused.
    const asked = Array.from({ length: 60 }, () => fetch(`${host.url}/http-slow/predict`, { method: 'POST', body: '{"ms":60000}', headers: { 'content-type': 'application/json' }, signal: leaving.signal }))
    const refused = await Promise.any(asked)
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
    await assertProblem(refused, 429, 'QUEUE_FULL')
    leaving.abort()
    await Promise.allSettled(asked)
    assert.equal((await retried(() => predict('http-slow', { ms: 0 }))).status, 200)
  })

  it('cancels the prediction of a caller who leaves', async () => {
    const client = request(`${host.url}/http-slow/predict`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-request-id': 'leaves-early' }, agent: false })
    client.on('error', () => {})
    client.end('{"ms":60000}')
    await host.logged((line) => line['text'] === 'waiting' && line['requestId'] === 'leaves-early')
    client.destroy()
    await host.logged((line) => line['text'] === 'stopped waiting' && line['requestId'] === 'leaves-early')
    const ended = await host.logged((line) => line.message === 'prediction' && line['requestId'] === 'leaves-early')
    assert.equal(ended['outcome'], 'cancelled')
  })

  it('does not submit the prediction of a caller who left while sending', async () => {
    const client = request(`${host.url}/echo/predict`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': '100', 'x-request-id': 'never-whole' }, agent: false })
    client.on('error', () => {})
    client.write('{"text":')
    await once(client, 'socket')
    client.destroy()
    assert.equal((await predict('echo', { text: 'a' })).status, 200)
    assert.equal(host.logs.some((line) => line.message === 'prediction' && line['requestId'] === 'never-whole'), false)
  })

  it('passes on the trace context of the caller', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    await predict('echo', { text: 'a' }, { traceparent: `00-${trace}-b7ad6b7169203331-01`, 'x-request-id': 'traced' })
    const line = await host.logged(({ message, requestId }) => message === 'prediction' && requestId === 'traced')
    assert.equal(line['traceId'], trace)
  })
})

/** The slots of callers who left become free only when the model has let go. */
async function retried(attempt: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const response = await attempt()
    if (response.status !== 429) return response
    await response.body?.cancel()
  }
}
