import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { blocks, call, join, post, result } from './wire.ts'

let host: TestHost
const app = (name: string): string => `${host.url}/gradio-${name}`

describe("Gradio's calls by plain HTTP", () => {
  before(async () => {
    host = await startTestHost({ models: ['gradio-greet', 'gradio-stream', 'gradio-wait', 'gradio-fail', 'gradio-queue', 'gradio-kitchen'] })
  })
  after(() => host[Symbol.asyncDispose]())

  it('gives the id in one line as the first key, and then the result', async () => {
    const response = await post(app('greet'), '/gradio_api/call/predict', { data: ['Ada', true] })
    assert.match(await response.clone().text(), /^\{"event_id":"[0-9a-f]{32}"\}$/)
    const id = (await response.text()).split('"')[3] ?? ''
    assert.deepEqual(await result(app('greet'), id), [['complete', ['HELLO, ADA!', 11]]])
  })

  it('gives the result again, late, repeatedly and under any endpoint name', async () => {
    const id = await call(app('greet'), { data: ['Ada'] })
    await host.logged((line) => line['predictionId'] === id)
    const first = await result(app('greet'), id)
    assert.deepEqual(await result(app('greet'), id), first)
    assert.deepEqual(await result(app('greet'), id, 'whatever'), first)
  })

  it('sends whole intermediate results of a generator', async () => {
    const id = await call(app('stream'), { data: ['a b c', 50] })
    const events = await result(app('stream'), id)
    assert.deepEqual(events.at(-1), ['complete', ['a b c', 3]])
    const generating = events.filter(([name]) => name === 'generating').map(([, data]) => data)
    assert.ok(generating.length >= 1)
    for (const data of generating) assert.ok(Array.isArray(data) && typeof data[0] === 'string' && 'a b c'.startsWith(data[0]), JSON.stringify(data))
  })

  it('tells failures as an error event', async () => {
    const said = await call(app('fail'), { data: ['said'] })
    assert.deepEqual(await result(app('fail'), said), [['error', { error: 'Please give me a better picture.', duration: 10, visible: true, title: 'Error' }]])
    const refused = await call(app('greet'), { data: [null, null, 99] })
    const [[name, failure] = []] = await result(app('greet'), refused)
    assert.equal(name, 'error')
    assert.match(JSON.stringify(failure), /name: is required\\ntimes: must be at most 5/)
  })

  it('answers an unknown id with an error event and ends', async () => {
    assert.deepEqual(await result(app('greet'), '0'.repeat(32)), [['error', '404: Not Found']])
  })

  it('knows no call of another model', async () => {
    const id = await call(app('greet'), { data: ['Ada'] })
    assert.deepEqual(await result(app('stream'), id), [['error', '404: Not Found']])
  })

  it('ends a call of its own session by cancel, and only that', async () => {
    const [mine, other] = [await call(app('queue'), { data: [60_000], session_hash: 'mine' }), await call(app('queue'), { data: [60_000] })]
    await post(app('queue'), '/gradio_api/cancel', { session_hash: 'mine', fn_index: 0, event_id: other })
    await post(app('queue'), '/gradio_api/cancel', { session_hash: 'mine', fn_index: 0, event_id: mine })
    const [[name, failure] = []] = await result(app('queue'), mine)
    assert.deepEqual([name, failure], ['error', { error: 'The prediction was cancelled.', duration: 10, visible: true, title: 'Error' }])
    await post(app('queue'), '/gradio_api/cancel', { session_hash: other, fn_index: 0, event_id: other })
    assert.equal((await result(app('queue'), other))[0]?.[0], 'error')
  })

  it('goes on while nobody has come yet, and stops when its reader has left', async () => {
    const id = await call(app('wait'), { data: [60_000, 'x'] })
    const leaving = new AbortController()
    const response = await fetch(`${app('wait')}/gradio_api/call/predict/${id}`, { signal: leaving.signal })
    assert.equal(response.status, 200)
    leaving.abort()
    const { outcome } = await host.logged((line) => line['predictionId'] === id)
    assert.equal(outcome, 'cancelled')
  })

  it('takes named arguments', async () => {
    const response = await post(app('greet'), '/gradio_api/call/v2/predict', { name: 'Ada', times: 2 })
    const id = (await response.text()).split('"')[3] ?? ''
    const events: string[] = []
    for await (const block of blocks(await fetch(`${app('greet')}/gradio_api/call/v2/predict/${id}`))) events.push(block)
    assert.deepEqual(events, ['event: complete\ndata: ["Hello, Ada! Hello, Ada!",23]'])
  })

  it('refuses unknown and missing named arguments', async () => {
    for (const [body, text] of [[{ name: 'Ada', nom: 1 }, /"nom".*name, loud, times/], [{}, /name is missing/]] as const) {
      const response = await post(app('greet'), '/gradio_api/call/v2/predict', body)
      assert.equal(response.status, 400)
      assert.match(JSON.stringify(await response.json()).replaceAll('\\', ''), text)
    }
  })

  it('keeps the unprefixed paths of older guides', async () => {
    const response = await post(app('greet'), '/call/predict', { data: ['Ada'] })
    const id = (await response.text()).split('"')[3] ?? ''
    const text = await (await fetch(`${app('greet')}/call/predict/${id}`)).text()
    assert.equal(text, 'event: complete\ndata: ["Hello, Ada!",11]\n\n')
  })

  it('answers run at once', async () => {
    for (const path of ['/gradio_api/run/predict', '/gradio_api/run/predict/', '/gradio_api/api/predict']) {
      const response = await post(app('greet'), path, { data: ['Ada'] })
      assert.equal(response.status, 200)
      const { data, is_generating: isGenerating } = Object(await response.json())
      assert.deepEqual([data, isGenerating], [['Hello, Ada!', 11], false])
    }
    assert.deepEqual(Object(await (await post(app('stream'), '/gradio_api/run/other', { data: ['a b', 0], fn_index: 0 })).json()).data, ['a b', 2])
  })

  it('answers a failed run with the failure and never with 422', async () => {
    const response = await post(app('fail'), '/gradio_api/run/predict', { data: ['said'] })
    const { error, detail } = Object(await response.json())
    assert.deepEqual([response.status, error, detail], [500, 'Please give me a better picture.', 'Please give me a better picture.'])
    assert.equal((await post(app('fail'), '/gradio_api/run/predict', { data: ['nonsense'] })).status, 400)
  })

  it('answers what is not there in its own form', async () => {
    const cases: [method: string, path: string, status: number][] = [
      ['POST', '/gradio-greet/gradio_api/call/nothing', 404],
      ['POST', '/gradio-greet/gradio_api/run/nothing', 404],
      ['GET', '/gradio-greet/gradio_api/nothing', 404],
      ['GET', '/gradio-greet/gradio_api', 404],
      ['GET', '/gradio-greet/gradio_api/deep_link?session_hash=x', 404],
      ['POST', '/gradio-greet/gradio_api/component_server/', 404],
      ['GET', '/nobody/config', 404],
      ['GET', '/nobody/gradio_api/info', 404],
      ['POST', '/nobody/gradio_api/queue/join', 404],
      ['GET', '/gradio-greet/gradio_api/queue/join', 405],
      ['POST', '/gradio-greet/gradio_api/info', 405],
      ['HEAD', '/gradio-greet/gradio_api/queue/data?session_hash=x', 405],
      ['GET', '/gradio-greet/monitoring', 403],
      ['GET', '/gradio-greet/gradio_api/file=%zz', 400],
    ]
    for (const [method, path, status] of cases) {
      const response = await fetch(host.url + path, { method, headers: { 'content-type': 'application/json' }, ...(method === 'POST' && { body: '{"data":[]}' }) })
      assert.equal(response.status, status, `${method} ${path}`)
      if (method === 'HEAD') continue
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/, path)
      assert.equal(typeof Object(await response.json()).detail, 'string', path)
      if (status === 405) assert.ok(response.headers.get('allow'))
    }
  })

  it('answers the small questions', async () => {
    const get = async (path: string): Promise<unknown> => (await fetch(`${app('greet')}${path}`)).json()
    const { app_id: id } = Object(await get('/config'))
    assert.deepEqual(await get('/gradio_api/app_id'), { app_id: id })
    assert.deepEqual(await get('/gradio_api/user'), null)
    assert.deepEqual(await get('/gradio_api/token'), { token: null, user: null })
    assert.deepEqual(await get('/gradio_api/login_check/'), null)
    assert.deepEqual([await get('/gradio_api/startup-events'), await get('/gradio_api/startup-events')], [true, false])
    assert.deepEqual(Object(await get('/gradio_api/queue/status')).msg, 'estimation')
    assert.ok('predict' in Object(await get('/monitoring/summary')).functions)
    const login = await fetch(`${app('greet')}/login`, { method: 'POST', body: new URLSearchParams({ username: 'a', password: 'b' }) })
    assert.deepEqual([login.status, await login.json()], [200, { success: true }])
    assert.match((await fetch(`${app('greet')}/theme.css?v=1`)).headers.get('content-type') ?? '', /^text\/css/)
  })

  it('says that it is alive for as long as one listens', async () => {
    const leaving = new AbortController()
    const response = await fetch(`${app('greet')}/gradio_api/heartbeat/abc`, { signal: leaving.signal })
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    for await (const block of blocks(response)) {
      assert.equal(block, 'data: ALIVE')
      break
    }
    leaving.abort()
  })

  it('finishes what it accepted when the host stops, and lets no heartbeat hold it', async () => {
    await using stopping = await startTestHost({ models: ['gradio-wait'], config: { drainMs: 20_000 } })
    const url = `${stopping.url}/gradio-wait`
    const id = await call(url, { data: [1_000, 'last'] })
    const heartbeat = await fetch(`${url}/gradio_api/heartbeat/abc`)
    const events = result(url, id)
    await stopping.logged((line) => line['what'] === 'ready')
    const stopped = stopping.stop()
    assert.deepEqual((await events).at(-1), ['complete', ['last']])
    await heartbeat.text()
    assert.deepEqual(await stopped, { code: 0, signal: null })
  })

  it('tells the end and closes the stream while the host stops', async () => {
    await using stopping = await startTestHost({ models: ['gradio-wait'], config: { drainMs: 20_000 } })
    const url = `${stopping.url}/gradio-wait`
    await join(url, { data: [1_500, ''], session: 'a' })
    const told = fetch(`${url}/gradio_api/queue/data?session_hash=a`)
    const response = await told
    const stopped = stopping.stop()
    await stopping.logged((line) => line.message === 'stopping')
    const text = await response.text()
    assert.match(text, /process_completed/)
    assert.match(text, /close_stream","event_id":null\}\n\n$/)
    assert.equal((await stopped).code, 0)
  })
})
