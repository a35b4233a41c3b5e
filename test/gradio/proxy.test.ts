import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { Server } from 'node:http'
import { after, before, describe, it } from 'node:test'

import { Client } from '@gradio/client'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { fileData } from './javascript-client.ts'

/** Passes everything below `/demos` on to the host, as a reverse proxy in front of it does. */
async function startProxy(target: TestHost): Promise<{ server: Server; url: string }> {
  const server = createServer((req, res) => {
    if (!req.url?.startsWith('/demos/')) {
      res.writeHead(404).end()
      return
    }
    const headers = { ...req.headers, host: `127.0.0.1:${target.port}`, 'x-forwarded-host': req.headers.host, 'x-forwarded-proto': 'http' }
    const passed = request({ port: target.port, host: '127.0.0.1', method: req.method, path: req.url.slice('/demos'.length), headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(res)
    })
    passed.on('error', () => res.destroy())
    res.on('close', () => passed.destroy())
    req.pipe(passed)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { server, url: `http://127.0.0.1:${address.port}/demos` }
}

describe('Gradio behind a proxy', () => {
  let host: TestHost
  let proxy: { server: Server; url: string }

  before(async () => {
    host = await startTestHost({ models: ['gradio-greet', 'gradio-files'], config: { rootPath: '/demos', allowedHosts: ['127.0.0.1', 'example.org'] } })
    proxy = await startProxy(host)
  })
  after(async () => {
    proxy.server.closeAllConnections()
    proxy.server.close()
    await host[Symbol.asyncDispose]()
  })

  const root = async (headers: Record<string, string>, target = host): Promise<string> => Object(await (await fetch(`${target.url}/gradio-greet/config`, { headers })).json()).root

  it('serves the JavaScript client through the proxy, files included', async () => {
    const client = await Client.connect(`${proxy.url}/gradio-files/`)
    assert.equal(client.config?.root, `${proxy.url}/gradio-files`)
    const { data } = await client.predict('/predict', [new File(['through'], 'a.txt')])
    const { url } = fileData(data, 0)
    assert.ok(url.startsWith(`${proxy.url}/gradio-files/gradio_api/file=results/`))
    assert.equal(await (await fetch(url)).text(), 'THROUGH')
  })

  it('computes the root for each request', async () => {
    assert.equal(await root({}), `${host.url}/demos/gradio-greet`)
    assert.equal(await root({ 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'https' }), 'https://example.org/demos/gradio-greet')
    assert.equal(await root({ 'x-forwarded-host': 'example.org:8443, 10.0.0.1', 'x-forwarded-proto': 'https, http' }), 'https://example.org:8443/demos/gradio-greet')
    assert.equal(await root({}), `${host.url}/demos/gradio-greet`)
  })

  it('tells no cache to keep what holds a root', async () => {
    for (const path of ['/config', '/gradio_api/info']) assert.equal((await fetch(`${host.url}/gradio-greet${path}`)).headers.get('cache-control'), 'no-store')
  })

  it('believes no forwarded header of a caller that is not trusted', async () => {
    await using strict = await startTestHost({ models: ['gradio-greet'], config: { trustProxy: false } })
    assert.equal(await root({ 'x-forwarded-host': 'example.org', 'x-forwarded-proto': 'https' }, strict), `${strict.url}/gradio-greet`)
  })

  it('follows the rule for origins', async () => {
    const body = JSON.stringify({ data: ['Ada'], fn_index: 0, session_hash: 's' })
    const join = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${host.url}/gradio-greet/gradio_api/queue/join`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
    const foreign = await join({ origin: 'https://evil.example' })
    assert.deepEqual([foreign.status, foreign.headers.get('access-control-allow-origin')], [403, null])
    assert.equal((await join({})).status, 200)
    assert.equal((await join({ origin: host.url })).status, 200)
  })
})
