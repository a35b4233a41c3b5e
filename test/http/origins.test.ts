import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** Unlike `fetch`, sends any Host and Origin. */
async function ask(url: string, headers: Record<string, string> = {}, method = 'GET', body = ''): Promise<Answer> {
  const client = request(url, { method, headers, agent: false }).end(body)
  const [response] = await once(client, 'response')
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode, headers: response.headers, body: text }
}

function codeOf({ body }: Answer): unknown {
  return JSON.parse(body).code
}

describe('with default settings', () => {
  let host: TestHost
  before(async () => {
    host = await startTestHost({ models: ['echo'] })
  })
  after(() => host?.[Symbol.asyncDispose]())
  const JSON_TYPE = { 'content-type': 'application/json' }

  it('serves loopback names only', async () => {
    for (const name of ['localhost', 'LOCALHOST', '127.0.0.1', '127.1.2.3', 'demo.localhost', '[::1]', 'localhost.']) {
      assert.equal((await ask(`${host.url}/health`, { host: `${name}:${host.port}` })).status, 200, name)
    }
    for (const name of ['evil.example.org', '127.0.0.1.nip.io', '0.0.0.0', '192.168.0.1', 'localhost.evil.org', '[::ffff:10.0.0.1]', 'a b']) {
      const answer = await ask(`${host.url}/health`, { host: name, 'x-forwarded-host': 'localhost' })
      assert.deepEqual([answer.status, codeOf(answer)], [421, 'WRONG_HOST'], name)
      assert.match(JSON.parse(answer.body).detail, /allowedHosts/)
    }
  })

  it('takes unsafe requests without Origin, or of its own', async () => {
    assert.equal((await ask(`${host.url}/echo/predict`, JSON_TYPE, 'POST', '{"text":"a"}')).status, 200)
    assert.equal((await ask(`${host.url}/echo/predict`, { ...JSON_TYPE, origin: host.url }, 'POST', '{"text":"a"}')).status, 200)
  })

  it('knows its own origin behind a trusted proxy', async () => {
    const forwarded = { 'x-forwarded-host': 'demo.example.org', 'x-forwarded-proto': 'https' }
    assert.equal((await ask(`${host.url}/echo/predict`, { ...JSON_TYPE, ...forwarded, origin: 'https://demo.example.org' }, 'POST', '{"text":"a"}')).status, 200)
    assert.equal((await ask(`${host.url}/echo/predict`, { ...JSON_TYPE, ...forwarded, origin: 'https://evil.example.org' }, 'POST', '{"text":"a"}')).status, 403)
  })

  it('refuses unsafe requests of foreign pages, everywhere', async () => {
    for (const origin of ['https://evil.example.org', 'null', `http://127.0.0.1:${host.port + 1}`, `http://localhost.evil.org:${host.port}`]) {
      for (const path of ['/echo/predict', '/echo/gradio_api/queue/join', '/echo/gradio_api/upload', '/admin/echo/restart']) {
        const answer = await ask(host.url + path, { ...JSON_TYPE, origin }, 'POST', '{}')
        assert.equal(answer.status, 403, `${origin} ${path}`)
        assert.equal(answer.headers['access-control-allow-origin'], undefined)
        const body = JSON.parse(answer.body)
        if (path.includes('gradio_api')) assert.deepEqual(Object.keys(body), ['detail'])
        else assert.equal(body.code, 'FORBIDDEN')
      }
    }
  })

  it('lets foreign pages read nothing', async () => {
    const answer = await ask(`${host.url}/models`, { origin: 'https://evil.example.org' })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['access-control-allow-origin'], undefined)
    assert.match(String(answer.headers['vary']), /origin/i)
    const preflight = await ask(`${host.url}/echo/predict`, { origin: 'https://evil.example.org', 'access-control-request-method': 'POST' }, 'OPTIONS')
    assert.equal(preflight.status, 403)
    assert.equal(preflight.headers['access-control-allow-origin'], undefined)
  })

  it('restarts for callers on this machine, and no foreign page or far caller', async () => {
    const restart = (headers: Record<string, string>): Promise<Answer> => ask(`${host.url}/admin/echo/restart`, headers, 'POST')
    assert.equal((await restart({})).status, 202)
    assert.equal((await restart({ origin: host.url })).status, 202)
    assert.equal((await restart({ 'x-forwarded-for': '127.0.0.1' })).status, 202)
    for (const headers of [{ 'x-forwarded-for': '203.0.113.9' }, { 'x-forwarded-for': '127.0.0.1, 203.0.113.9' }, { 'x-real-ip': '203.0.113.9' }, { forwarded: 'for=203.0.113.9' }]) {
      const answer = await restart(headers)
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'FORBIDDEN'], JSON.stringify(headers))
    }
    assert.equal((await ask(`${host.url}/admin/nosuch/restart`, {}, 'POST')).status, 404)
    assert.equal((await ask(`${host.url}/admin/echo/restart`)).status, 405)
    assert.equal((await ask(`${host.url}/echo/predict`, JSON_TYPE, 'POST', '{"text":"a"}')).status, 200)
  })
})

describe('with settings', () => {
  let host: TestHost
  before(async () => {
    host = await startTestHost({
      models: ['echo'], config: { allowedHosts: ['demo.example.org', '127.0.0.1'], allowedOrigins: ['https://friend.example.org'], rootPath: '/demos', trustProxy: false }, env: { FOOTLIGHTS_ADMIN_TOKEN: 'a-secret' },
    })
  })
  after(() => host?.[Symbol.asyncDispose]())

  it('serves the allowed hosts only', async () => {
    assert.equal((await ask(`${host.url}/health`, { host: 'Demo.Example.org' })).status, 200)
    assert.equal((await ask(`${host.url}/health`, { host: 'localhost' })).status, 421)
  })

  it('grants CORS to the allowed origins', async () => {
    const origin = 'https://friend.example.org'
    const answer = await ask(`${host.url}/echo/predict`, { origin, 'content-type': 'application/json' }, 'POST', '{"text":"a"}')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['access-control-allow-origin'], origin)
    assert.match(String(answer.headers['access-control-expose-headers']), /x-prediction-id/)
    const preflight = await ask(`${host.url}/echo/gradio_api/queue/join`, { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-gradio-user' }, 'OPTIONS')
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-origin'], origin)
    assert.equal(preflight.headers['access-control-allow-headers'], 'content-type,x-gradio-user')
    assert.match(String(preflight.headers['access-control-allow-methods']), /POST/)
    assert.equal((await ask(`${host.url}/echo/predict`, { origin: 'https://friend.example.org.evil.org' }, 'POST')).status, 403)
  })

  it('grants CORS for errors, too', async () => {
    const answer = await ask(`${host.url}/nosuch/predict`, { origin: 'https://friend.example.org' }, 'POST')
    assert.deepEqual([answer.status, answer.headers['access-control-allow-origin']], [404, 'https://friend.example.org'])
  })

  it('wants the admin token from everyone', async () => {
    const restart = (headers: Record<string, string>): Promise<Answer> => ask(`${host.url}/admin/echo/restart`, headers, 'POST')
    const refusedHeaders: Record<string, string>[] = [{}, { authorization: 'Bearer wrong' }, { authorization: 'Bearer a-secret2' }, { authorization: 'Basic a-secret' }, { authorization: 'a-secret' }]
    for (const headers of refusedHeaders) {
      const answer = await restart(headers)
      assert.deepEqual([answer.status, codeOf(answer)], [401, 'UNAUTHORIZED'], JSON.stringify(headers))
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
    }
    assert.equal((await restart({ authorization: 'Bearer a-secret', 'x-forwarded-for': '203.0.113.9' })).status, 202)
    assert.equal((await restart({ authorization: 'bearer a-secret' })).status, 202)
  })

  it('puts the root path before its addresses, and believes no proxy', async () => {
    const answer = await ask(`${host.url}/echo?a=1`, { 'x-forwarded-host': 'evil.example.org' })
    assert.deepEqual([answer.status, answer.headers['location']], [308, '/demos/echo/?a=1'])
    const { servers } = JSON.parse((await ask(`${host.url}/openapi.json`, { 'x-forwarded-host': 'evil.example.org', 'x-forwarded-proto': 'https' })).body)
    assert.deepEqual(servers, [{ url: `${host.url}/demos` }])
  })
})
