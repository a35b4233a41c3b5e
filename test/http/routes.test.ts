import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { jsonOf } from './json-of.ts'

let host: TestHost

before(async () => {
  host = await startTestHost({ models: ['echo', 'http-kinds', 'http-slow'] })
  await fetch(`${host.url}/http-kinds/spec`)
  await fetch(`${host.url}/echo/predict`, { method: 'POST', body: '{"text":"a"}', headers: { 'content-type': 'application/json' } })
})

after(() => host?.[Symbol.asyncDispose]())

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(host.url + path, { redirect: 'manual', ...init })
}

describe('GET /models', () => {
  it('lists every model with what a gallery shows', async () => {
    const { models } = await jsonOf(await get('/models'))
    assert.deepEqual(models.map(({ name }: { name: string }) => name), ['echo', 'http-kinds', 'http-slow'])
    const [echo] = models
    assert.deepEqual([echo.title, echo.state, echo.inputs, echo.outputs, echo.queueDepth], ['Echo', 'ready', ['textbox'], ['textbox'], 0])
    assert.equal(typeof echo.usualSeconds, 'number')
    assert('startupEtaSeconds' in echo)
  })
})

describe('GET /<model>/spec', () => {
  it('has every option of the components', async () => {
    const spec = await jsonOf(await get('/http-kinds/spec'))
    assert.deepEqual(Object.keys(spec.inputs), ['text', 'count', 'level', 'flag', 'colours', 'size', 'pick', 'picks', 'data', 'table', 'chat'])
    assert.deepEqual(spec.inputs.count, { kind: 'number', label: 'Count', minimum: 0, maximum: 10, precision: 0, value: 3 })
    assert.deepEqual(spec.examples, [{ text: 'hello' }])
    assert.equal(spec.limits.timeoutMs, 60_000)
    assert.equal('rssMb' in spec.limits, false)
    assert.doesNotMatch(JSON.stringify(spec), /fixtures/)
  })
})

describe('pages', () => {
  it('come with a policy that lets only our own scripts run', async () => {
    for (const path of ['/', '/echo/', '/docs']) {
      const response = await get(path, { headers: { accept: 'text/html' } })
      assert.match(response.headers.get('content-type') ?? '', /^text\/html/, path)
      assert.match(response.headers.get('content-security-policy') ?? '', /script-src 'self'(;|$)/, path)
      assert(response.headers.has('referrer-policy'), path)
      await response.body?.cancel()
    }
  })

  it('are below a slash', async () => {
    const response = await get('/echo?theme=dark')
    assert.deepEqual([response.status, response.headers.get('location')], [308, '/echo/?theme=dark'])
  })
})

describe('what no route takes', () => {
  const cases: [method: string, path: string, status: number, code: string, allow?: string][] = [
    ['GET', '/nosuch/', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/nosuch', 404, 'MODEL_NOT_FOUND'],
    ['POST', '/nosuch/predict', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/nosuch/predict', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/nosuch/spec', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/nosuch/openapi.json', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/Echo/', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/no/such/thing/at/all', 404, 'NOT_FOUND'],
    ['GET', '/echo/nothing', 404, 'NOT_FOUND'],
    ['GET', '/favicon.ico', 404, 'NOT_FOUND'],
    ['GET', '/.env', 404, 'NOT_FOUND'],
    ['GET', '/static/', 404, 'NOT_FOUND'],
    ['GET', '/upload', 404, 'NOT_FOUND'],
    ['GET', '/admin/', 404, 'NOT_FOUND'],
    ['GET', '/__proto__/', 404, 'MODEL_NOT_FOUND'],
    ['POST', '/constructor/predict', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/echo/predict', 405, 'METHOD_NOT_ALLOWED', 'POST'],
    ['PUT', '/echo/predict', 405, 'METHOD_NOT_ALLOWED', 'POST'],
    ['POST', '/models', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
    ['DELETE', '/status', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
    ['POST', '/health', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
    ['PATCH', '/echo/predictions/x', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD, DELETE'],
    ['POST', '/echo/', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
    ['GET', '/admin/echo/restart', 405, 'METHOD_NOT_ALLOWED', 'POST'],
    ['GET', '/%ff/', 400, 'MALFORMED_BODY'],
    ['GET', '/echo/%', 400, 'MALFORMED_BODY'],
    ['GET', '/echo/predictions/%c0%af', 400, 'MALFORMED_BODY'],
  ]
  for (const [method, path, status, code, allow] of cases) {
    it(`is ${status} ${code} for ${method} ${path}`, async () => {
      const response = await get(path, { method })
      const problem = await jsonOf(response)
      assert.deepEqual([response.status, problem.code], [status, code])
      assert.equal(response.headers.get('content-type'), 'application/problem+json')
      assert.equal(problem.requestId, response.headers.get('x-request-id'))
      if (allow !== undefined) assert.equal(response.headers.get('allow'), `${allow}, OPTIONS`)
    })
  }

  it('answers OPTIONS with what is allowed', async () => {
    const response = await get('/echo/predict', { method: 'OPTIONS' })
    assert.deepEqual([response.status, response.headers.get('allow')], [204, 'POST, OPTIONS'])
  })

  it('answers HEAD like GET, without a body', async () => {
    for (const path of ['/', '/models', '/echo/', '/echo/spec', '/openapi.json', '/health', '/status', '/docs', '/metrics', '/nosuch/']) {
      const [head, full] = await Promise.all([get(path, { method: 'HEAD' }), get(path)])
      assert.equal(head.status, full.status, path)
      assert.equal(head.headers.get('content-type'), full.headers.get('content-type'), path)
      assert.equal(await head.text(), '', path)
      await full.body?.cancel()
    }
  })
})

describe('health', () => {
  it('is live while the process answers', async () => {
    for (const path of ['/health', '/health/live', '/health/']) {
      const response = await get(path)
      assert.equal(response.status, 200)
      assert.equal((await jsonOf(response)).status, 'live')
    }
  })

  it('is ready when every model can take work, and says what it waits for', async () => {
    await using other = await startTestHost({ models: ['echo'] })
    const first = await fetch(`${other.url}/health/ready`)
    if (first.status === 503) {
      assert.match(first.headers.get('retry-after') ?? '', /^\d+$/)
      assert.deepEqual((await jsonOf(first)).reasons, [{ model: 'echo', state: 'starting' }])
    }
    await fetch(`${other.url}/echo/predict`, { method: 'POST', body: '{"text":"a"}', headers: { 'content-type': 'application/json' } })
    const then = await fetch(`${other.url}/health/ready`)
    assert.deepEqual([then.status, (await jsonOf(then)).reasons], [200, []])
  })
})

describe('GET /health/serving', () => {
  it('tells for each model when work last came out', async () => {
    const response = await get('/health/serving')
    assert.equal(response.status, 200)
    const { status, models } = await jsonOf(response)
    assert.equal(status, 'serving')
    const [echo, other] = models
    assert.deepEqual([echo.model, echo.serving, echo.lastFinishedAt], ['echo', true, echo.lastSuccessAt])
    assert.ok(Date.now() - Date.parse(echo.lastSuccessAt) < 60_000)
    assert.deepEqual([other.serving, other.lastSuccessAt, other.lastFinishedAt], [true, null, null], 'nothing was asked of it')
  })
})

describe('GET /status', () => {
  it('has the shape of the contract', async () => {
    const status = await jsonOf(await get('/status'))
    assert.match(status.version, /^\d+\.\d+\.\d+/)
    assert.equal(typeof status.uptimeSeconds, 'number')
    if (process.platform === 'linux') {
      assert(status.memory.availableBytes > 0 && status.memory.availableBytes <= status.memory.limitBytes)
      assert.equal(typeof status.memory.short, 'boolean')
    } else {
      assert.equal(status.memory, null)
    }
    const [echo] = status.models
    assert.deepEqual([echo.name, echo.state], ['echo', 'ready'])
    assert.deepEqual(Object.keys(echo.queue).sort(), ['depth', 'held', 'limit', 'running'])
    assert.deepEqual(Object.keys(echo.latency).sort(), ['p50', 'p95'])
    assert.equal(echo.outcomes.succeeded, 1)
    assert.deepEqual([echo.serving, typeof echo.lastSuccessAt, typeof echo.lastFinishedAt, echo.exits], [true, 'string', 'string', []])
    const [replica] = echo.replicas
    for (const key of ['worker', 'pid', 'state', 'rssBytes', 'rssLimitBytes', 'rssSlopeBytesPerMinute', 'inFlight', 'restarts', 'startedAt', 'lastExit']) assert(key in replica, key)
    assert.equal(replica.state, 'ready')
    assert((await host.children()).includes(replica.pid))
    for (const event of status.events) assert.deepEqual(Object.keys(event).sort(), ['at', 'model', 'what', 'why', 'worker'])
  })

  it('shows why a model does not start, and nothing of the disk', async () => {
    await using other = await startTestHost({ models: ['http-broken'] })
    await other.logged((line) => line['model'] === 'http-broken' && line['what'] === 'backoff')
    const text = await (await fetch(`${other.url}/status`)).text()
    const [model] = JSON.parse(text).models
    assert.equal(model.state, 'unavailable')
    assert.match(model.cause, /no weights here/)
    assert.doesNotMatch(text, /\/fixtures\/|footlights-test-|model\.ts:\d|\bat \//)
    const refused = await fetch(`${other.url}/http-broken/predict`, { method: 'POST' })
    assert.equal(refused.status, 503)
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
    assert.match((await jsonOf(refused)).code, /^(NOT_READY|QUARANTINED)$/)
  })
})

describe('GET /metrics', () => {
  it('measures requests by route, method and code, never by path', async () => {
    await get('/echo/nothing-like-that')
    await get('/models')
    const response = await get('/metrics')
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/)
    const text = await response.text()
    assert.match(text, /footlights_http_request_duration_seconds_count\{route="\/:model\/predict",method="POST",code="200"\} 1\n/)
    assert.match(text, /footlights_http_request_duration_seconds_count\{route="\/models",method="GET",code="200"\}/)
    assert.match(text, /footlights_http_request_duration_seconds_count\{route="none",method="GET",code="404"\}/)
    assert.doesNotMatch(text, /nothing-like-that|\/echo/)
  })
})
