import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { jsonOf } from './json-of.ts'

let host: TestHost

before(async () => {
  host = await startTestHost({ models: ['echo', 'http-kinds', 'http-files', 'http-defaults'] })
})

after(() => host?.[Symbol.asyncDispose]())

async function document(path: string): Promise<Record<string, any>> {
  const response = await fetch(host.url + path)
  assert.equal(response.status, 200)
  return await jsonOf(response)
}

async function assertValid(openapi: Record<string, unknown>): Promise<void> {
  const { valid, errors } = await new Validator().validate(structuredClone(openapi))
  assert(valid, JSON.stringify(errors, null, 1))
}

describe('GET /<model>/openapi.json', () => {
  it('is valid OpenAPI 3.1 for every kind of component', async () => {
    for (const model of ['echo', 'http-kinds', 'http-files', 'http-defaults']) {
      const openapi = await document(`/${model}/openapi.json`)
      assert.equal(openapi['openapi'], '3.1.0')
      await assertValid(openapi)
    }
  })

  it('says what each input takes, and which are required', async () => {
    const openapi = await document('/http-kinds/openapi.json')
    const { requestBody, responses } = openapi['paths']['/http-kinds/predict'].post
    const { schema, example } = requestBody.content['application/json']
    assert.deepEqual(schema.required, ['text'])
    assert.equal(schema.additionalProperties, false)
    assert.equal(schema.properties.text.maxLength, 10)
    assert.equal(schema.properties.count.maximum, 10)
    assert.deepEqual(Object.keys(schema.properties), Object.keys(example))
    for (const status of ['200', '202', '400', '413', '415', '422', '429', '500', '503', '504', 'default']) assert(status in responses, status)
    const answered = await fetch(`${host.url}/http-kinds/predict`, { method: 'POST', body: JSON.stringify(example), headers: { 'content-type': 'application/json' } })
    assert.equal(answered.status, 200, await answered.text())
  })

  it('offers multipart where there are files', async () => {
    const openapi = await document('/http-files/openapi.json')
    const { content } = openapi['paths']['/http-files/predict'].post.requestBody
    assert.deepEqual(Object.keys(content), ['application/json', 'multipart/form-data'])
    assert.equal(content['multipart/form-data'].schema.properties.papers.type, 'array')
  })
})

describe('GET /openapi.json', () => {
  it('is valid, and has all models and the routes of the host', async () => {
    // Waits for each model's description.
    for (const model of ['echo', 'http-kinds', 'http-files', 'http-defaults']) await document(`/${model}/spec`)
    const openapi = await document('/openapi.json')
    await assertValid(openapi)
    for (const path of ['/echo/predict', '/http-files/predict', '/echo/predictions/{id}', '/models', '/status', '/health/ready']) assert(path in openapi['paths'], path)
    assert.deepEqual(openapi['servers'], [{ url: host.url }])
  })
})

describe('GET /docs', () => {
  it('is a page whose parts all come from this host, under a policy without eval', async () => {
    const page = await fetch(`${host.url}/docs`)
    const policy = page.headers.get('content-security-policy') ?? ''
    assert.match(policy, /script-src 'self'(;|$)/)
    assert.doesNotMatch(policy, /unsafe-eval/)
    const html = await page.text()
    assert.doesNotMatch(html, /https?:|<script>[^<]/)
    const parts = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => new URL(path, `${host.url}/docs`))
    assert(parts.length >= 3)
    for (const part of parts) {
      const response = await fetch(part)
      assert.equal(response.status, 200, part.pathname)
      assert((await response.arrayBuffer()).byteLength > 50)
    }
    assert.match(await (await fetch(`${host.url}/docs/assets/start.js`)).text(), /openapi\.json/)
  })

  it('serves no other file of the reader', async () => {
    for (const path of ['/docs/assets/package.json', '/docs/assets/index.html', '/docs/assets/..%2fpackage.json', '/docs/assets/', '/docs/assets']) {
      assert.equal((await fetch(host.url + path)).status, 404, path)
    }
  })
})
