/** A plain prediction is answered below Express, and any with a query through it: both must answer the same. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { metric, ready, statusOf } from '../helpers/call.ts'
import { startTestHost, type TestHost } from '../helpers/start-test-host.ts'
import { exchange } from './raw-exchange.ts'

let host: TestHost

before(async () => {
  host = await startTestHost({ models: ['echo', 'slow', 'http-says', 'http-defaults'] })
  await Promise.all(['echo', 'slow', 'http-says', 'http-defaults'].map((model) => ready(host.url, model)))
})

after(() => host?.[Symbol.asyncDispose]())

const LARGE = 'abc "quoted" \n ünïcödé 🎭 '.repeat(4_000)
const LARGE_PLAIN = 'abcdefgh'.repeat(12_500)

interface Ask {
  model?: string
  body: string | Buffer
  headers?: Record<string, string>
}

const json = (value: unknown): string => JSON.stringify(value)

const ASKS: Readonly<Record<string, Ask>> = {
  'a good one': { body: json({ text: 'hello' }) },
  'accents': { body: json({ text: 'ünïcödé 🎭 \u2028' }) },
  'defaults filled in': { model: 'http-defaults', body: '{}' },
  'nothing at all': { model: 'http-defaults', body: '' },
  'a large text with much to escape': { body: json({ text: LARGE }) },
  'a large text with nothing to escape': { body: json({ text: LARGE_PLAIN }) },
  'a large one after a byte order mark': { body: `\ufeff${json({ text: LARGE_PLAIN })}` },
  'a large one beside what has a default': { model: 'slow', body: json({ text: LARGE_PLAIN, ms: 0 }) },
  'a large one of which something is left out': { model: 'http-defaults', body: json({ greeting: LARGE_PLAIN }) },
  'gzip': { body: gzipSync(json({ text: LARGE })), headers: { 'content-encoding': 'gzip' } },
  'a deadline that is kept': { body: json({ text: 'x' }), headers: { 'x-timeout-ms': '60000' } },
  'a deadline that is not': { model: 'slow', body: json({ ms: 60_000 }), headers: { 'x-timeout-ms': '200' } },
  'a deadline that is none': { body: json({ text: 'x' }), headers: { 'x-timeout-ms': 'soon' } },
  'an input too long': { body: json({ text: 'x'.repeat(200_001) }) },
  'an input that is none': { body: json({ text: 'x', stranger: 1 }) },
  'no JSON': { body: '{"text":' },
  'a prototype in large': { body: `{"text":${json(LARGE_PLAIN)},"__proto__":{}}` },
  'an author who speaks to the caller': { model: 'http-says', body: json({ ending: 'user' }) },
  'an author who fails': { model: 'http-says', body: json({ ending: 'error' }) },
  'an output that can not be sent': { model: 'http-says', body: json({ ending: 'shape' }) },
  'a model that is not there': { model: 'nobody', body: '{}' },
  'a trace': { body: json({ text: 'x' }), headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } },
  'an id of the caller': { body: json({ text: 'x' }), headers: { 'x-request-id': 'mine-1.0' } },
  'an id that is not harmless': { body: json({ text: 'x' }), headers: { 'x-request-id': 'a b' } },
}

const OF_EACH_ANSWER: ReadonlySet<string> = new Set(['date', 'x-request-id', 'x-prediction-id'])

async function ask({ model = 'echo', body, headers = {} }: Ask, query: string): Promise<unknown> {
  const response = await fetch(`${host.url}/${model}/predict${query}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
  const text = await response.text()
  const requestId = response.headers.get('x-request-id') ?? ''
  assert.equal(requestId === headers['x-request-id'], headers['x-request-id'] === 'mine-1.0')
  const told = [...response.headers].filter(([name]) => !OF_EACH_ANSWER.has(name)).sort()
  return { status: response.status, headers: told, names: [...response.headers.keys()].sort(), text: text.replace(requestId, 'ID') }
}

describe('a plain prediction', () => {
  for (const [name, each] of Object.entries(ASKS)) {
    test(`${name}: the same as through Express`, async () => {
      assert.deepEqual(await ask(each, ''), await ask(each, '?through=express'))
    })
  }

  test('a wrong host is refused', async () => {
    const { status, body } = await exchange(host.port, { method: 'POST', path: '/echo/predict', headers: { 'content-type': 'application/json', host: 'evil.example' }, body: '{}' })
    assert.deepEqual([status, body['code']], [421, 'WRONG_HOST'])
  })

  test('counts under the same route', async () => {
    const series = 'footlights_http_request_duration_seconds_count{route="/:model/predict",method="POST",code="200"}'
    const counted = await metric(host.url, series)
    await ask({ body: json({ text: 'x' }) }, '')
    await ask({ body: json({ text: 'x' }) }, '?through=express')
    assert.equal(await metric(host.url, series), counted + 2)
  })
})

describe('a large prediction', () => {
  const askLarge = (text: string): Promise<Response> => fetch(`${host.url}/slow/predict`, { method: 'POST', body: json({ text, ms: 700 }), headers: { 'content-type': 'application/json' } })

  test('is run again whole when its worker is lost', async () => {
    const asked = askLarge(LARGE)
    let pid: number | null = null
    for (;;) {
      const { queue, replicas } = await statusOf(host.url, 'slow')
      pid = replicas[0]?.pid ?? null
      if (queue.running === 1 && pid !== null) break
    }
    process.kill(pid, 'SIGKILL')
    const response = await asked
    assert.deepEqual([response.status, await response.json()], [200, { text: LARGE }])
  })

  test('can be read again by its id', async () => {
    const response = await askLarge(LARGE_PLAIN)
    const id = response.headers.get('x-prediction-id') ?? ''
    await response.arrayBuffer()
    for (let each = 0; each < 2; each++) {
      const again = await fetch(`${host.url}/slow/predictions/${id}`, { headers: { accept: 'application/json' } })
      assert.deepEqual(await again.json(), { id, state: 'succeeded', outputs: { text: LARGE_PLAIN } })
    }
  })

  test('reaches a caller who reads slowly, also when many others have come and been forgotten meanwhile', async () => {
    const text = 'x'.repeat(190_000)
    const slow = await Promise.all(Array.from({ length: 20 }, () => fetch(`${host.url}/echo/predict`, { method: 'POST', body: json({ text }), headers: { 'content-type': 'application/json' } })))
    for (let each = 0; each < 200; each++) await ask({ body: json({ text: LARGE_PLAIN }) }, '')
    for (const response of slow) assert.deepEqual(await response.json(), { text })
  })
})
