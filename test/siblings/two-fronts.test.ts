import assert from 'node:assert/strict'
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { after, before, describe, it } from 'node:test'

import { eventually, getJson, predict, ready } from '../helpers/call.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { allEvents, readEvents } from '../http/read-events.ts'
import { call, join, listenToEnd, of, post, result } from '../gradio/wire.ts'

const MODELS = ['http-slow', 'http-stream', 'http-says', 'http-files', 'gradio-wait', 'gradio-stream']
const SPOOFED = { 'x-footlights-origin': 'https://elsewhere.example.org' }
const notHere = process.platform === 'win32' ? 'no Unix sockets' : false

interface Fronts extends AsyncDisposable {
  older: TestHost
  younger: TestHost
  stateDir: string
}

/** Two hosts with one state folder, as a reload has them for a moment. */
async function startTwo(models: readonly string[] = MODELS): Promise<Fronts> {
  const stateDir = await mkdtemp(joinPath(tmpdir(), 'footlights-two-'))
  const older = await startTestHost({ models, stateDir })
  const younger = await startTestHost({ models, stateDir })
  for (const host of [older, younger]) for (const model of models) await ready(host.url, model)
  return {
    older, younger, stateDir,
    async [Symbol.asyncDispose]() {
      await younger[Symbol.asyncDispose]()
      await older[Symbol.asyncDispose]()
      await rm(stateDir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** Begins a prediction in the background. @returns its path. */
async function begin(host: TestHost, model: string, inputs: unknown): Promise<string> {
  const response = await fetch(`${host.url}/${model}/predict`, {
    method: 'POST', headers: { 'content-type': 'application/json', prefer: 'respond-async' }, body: JSON.stringify(inputs),
  })
  assert.equal(response.status, 202)
  await response.body?.cancel()
  return response.headers.get('location') ?? ''
}

const ended = (host: TestHost, path: string): Promise<Record<string, unknown>> =>
  eventually(() => getJson(host.url, path), ({ state }) => state === 'succeeded' || state === 'failed' || state === 'cancelled')

async function socketOf(stateDir: string, { pid }: TestHost): Promise<string> {
  return JSON.parse(await readFile(joinPath(stateDir, 'run', `${pid}.json`), 'utf8')).socket
}

describe('two hosts with one state folder', { skip: notHere }, () => {
  let fronts: Fronts
  before(async () => {
    fronts = await startTwo()
  })
  after(() => fronts[Symbol.asyncDispose]())

  it('answer for each other\'s predictions, both ways', async () => {
    const { older, younger } = fronts
    for (const [mine, other] of [[older, younger], [younger, older]] as const) {
      const path = await begin(mine, 'http-slow', { ms: 1 })
      const view = await ended(other, path)
      assert.match(String(Object(view['outputs']).text), /^waited 1 /)
      const response = await fetch(other.url + path, { headers: { 'x-request-id': 'my-own' } })
      assert.deepEqual([response.status, response.headers.get('x-request-id'), response.headers.get('cache-control')], [200, 'my-own', 'no-store'])
      assert.equal(response.headers.get('x-prediction-id'), path.split('/').at(-1))
      await response.body?.cancel()
    }
  })

  it('stream the events of each other\'s predictions as they come, from where the reader was', async () => {
    const { older, younger } = fronts
    const path = await begin(older, 'http-stream', { words: 4, pauseMs: 300 })
    const seen: string[] = []
    const arrivals: number[] = []
    for await (const event of readEvents(await fetch(younger.url + path, { headers: { accept: 'text/event-stream', 'last-event-id': '1' } }))) {
      seen.push(event.type)
      if (event.type === 'output') arrivals.push(performance.now())
    }
    assert.deepEqual([seen.at(-1), arrivals.length], ['done', 4])
    assert.ok((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0) > 500, 'the outputs came one by one')
  })

  it('cancel each other\'s predictions', async () => {
    const { older, younger } = fronts
    const path = await begin(older, 'http-slow', { ms: 60_000 })
    assert.equal((await fetch(younger.url + path, { method: 'DELETE' })).status, 202)
    assert.equal((await ended(older, path))['state'], 'cancelled')
  })

  it('notice at once when a reader leaves who came through the other', async () => {
    const { older, younger } = fronts
    const first = await fetch(`${older.url}/http-stream/predict`, {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'text/event-stream' }, body: JSON.stringify({ words: 1_000, pauseMs: 50 }),
    })
    const path = `/http-stream/predictions/${first.headers.get('x-prediction-id')}`
    const leave = new AbortController()
    const second = await fetch(younger.url + path, { headers: { accept: 'text/event-stream' }, signal: leave.signal })
    await first.body?.cancel()
    await new Promise((resolve) => setTimeout(resolve, 700))
    assert.equal((await getJson(older.url, path))['state'], 'running', 'the reader through the other host keeps it')
    leave.abort()
    await second.text().catch(() => '')
    assert.equal((await ended(older, path))['state'], 'cancelled')
  })

  it('show files under the address at which the caller sees the host, and believe nobody else about it', async () => {
    const { older, younger } = fronts
    const paper = { data: Buffer.from('text').toString('base64'), mimeType: 'text/plain' }
    const path = await begin(older, 'http-files', { papers: [paper] })
    await ended(older, path)
    for (const host of [older, younger]) {
      const view = await (await fetch(host.url + path, { headers: SPOOFED })).text()
      const urls = [...view.matchAll(/"url":"([^"]+)"/g)].map(([, url]) => url ?? '')
      assert.ok(urls.length > 0 && urls.every((url) => url.startsWith(host.url)), view)
      assert.equal((await fetch(urls[0] ?? '')).status, 200)
    }
  })

  it('say "not found" when neither has it, and do not ask in circles', async () => {
    for (const host of [fronts.older, fronts.younger]) {
      const response = await fetch(`${host.url}/http-slow/predictions/${'0'.repeat(32)}`, { headers: SPOOFED })
      assert.deepEqual([response.status, Object(await response.json()).code], [404, 'NOT_FOUND'])
      const deleted = await fetch(`${host.url}/http-slow/predictions/nothing`, { method: 'DELETE' })
      assert.equal(deleted.status, 404)
      const [unknown] = await listenToEnd(`${host.url}/gradio-wait`, 'nobody')
      assert.deepEqual([unknown?.msg, unknown?.['session_not_found']], ['unexpected_error', true])
      assert.deepEqual(await result(`${host.url}/gradio-wait`, '0'.repeat(32)), [['error', '404: Not Found']])
    }
  })

  it('keep their sockets to their own user, and know nothing of it on the port', async () => {
    const { older, stateDir } = fronts
    assert.equal((await lstat(await socketOf(stateDir, older))).mode & 0o777, 0o600)
    assert.equal((await fetch(`${older.url}/-/claim`, { method: 'POST', body: '{}' })).status, 404)
    assert.equal((await fetch(`${older.url}/-/bequest`, { method: 'POST', body: '' })).status, 404)
  })

  it('tell a call that comes to one on the stream that is open at the other', async () => {
    const { older, younger } = fronts
    const [there, here] = [`${older.url}/gradio-wait`, `${younger.url}/gradio-wait`]
    const first = await join(there, { data: [400, 'first'], session: 'moving' })
    const telling = listenToEnd(there, 'moving')
    const second = await join(here, { data: [1, 'second'], session: 'moving' })
    const messages = await telling
    assert.deepEqual([first, second].map((id) => of(messages, id).at(-1)?.msg), ['process_completed', 'process_completed'])
    assert.equal(messages.at(-1)?.msg, 'close_stream')
  })

  it('let a session go once it has nothing to tell', async () => {
    const { older, younger } = fronts
    const here = `${younger.url}/gradio-wait`
    const first = await join(`${older.url}/gradio-wait`, { data: [1, 'a'], session: 'released' })
    assert.equal(of(await listenToEnd(here, 'released'), first).at(-1)?.msg, 'process_completed')
    const second = await join(here, { data: [1, 'b'], session: 'released' })
    const messages = await listenToEnd(here, 'released')
    assert.deepEqual([of(messages, first), of(messages, second).at(-1)?.msg], [[], 'process_completed'])
  })

  it('never tear a new session apart whose calls and stream come to both at once', async () => {
    const apps = [fronts.older, fronts.younger].map(({ url }) => `${url}/gradio-wait`)
    for (let round = 0; round < 5; round++) {
      const session = `torn-${round}`
      const ids = await Promise.all(Array.from({ length: 6 }, (_, index) => join(apps[(index + round) % 2] ?? '', { data: [1, String(index)], session })))
      const messages = await listenToEnd(apps[round % 2] ?? '', session)
      for (const id of ids) assert.equal(of(messages, id).at(-1)?.msg, 'process_completed')
    }
  })

  it('cancel and follow Gradio\'s events of each other', async () => {
    const { older, younger } = fronts
    const id = await join(`${older.url}/gradio-wait`, { data: [60_000, 'long'], session: 'cancelled' })
    const telling = listenToEnd(`${older.url}/gradio-wait`, 'cancelled')
    for (const path of ['cancel', 'reset']) {
      const response = await post(`${younger.url}/gradio-wait`, `/gradio_api/${path}`, { fn_index: 0, session_hash: 'cancelled', event_id: id })
      assert.deepEqual(await response.json(), { success: true })
    }
    assert.equal(of(await telling, id).at(-1)?.msg, 'process_completed')
    const called = await call(`${older.url}/gradio-wait`, { data: [1, 'called'] })
    assert.deepEqual(await result(`${younger.url}/gradio-wait`, called), [['complete', ['called']]])
  })
})

describe('a host that ends beside another', { skip: notHere }, () => {
  it('leaves its results to it, for the rest of their time', async () => {
    await using fronts = await startTwo()
    const { older, younger } = fronts
    const good = await begin(older, 'http-stream', { words: 3, pauseMs: 0 })
    const bad = await begin(older, 'http-says', {})
    const running = await begin(older, 'http-slow', { ms: 500 })
    const before = [await ended(older, good), await ended(older, bad)]
    const events = await allEvents(await fetch(older.url + good, { headers: { accept: 'text/event-stream' } }))
    const lost = await predict(older.url, 'http-slow', { ms: 1 })
    await older.stop()
    assert.deepEqual([await getJson(younger.url, good), await getJson(younger.url, bad)], before)
    assert.equal((await getJson(younger.url, running))['state'], 'succeeded')
    assert.deepEqual((await getJson(younger.url, `/http-slow/predictions/${lost.headers.get('x-prediction-id')}`))['outputs'], lost.body)
    const again = await allEvents(await fetch(younger.url + good, { headers: { accept: 'text/event-stream' } }))
    assert.deepEqual(again.map(({ type, id }) => [type, id]), events.slice(-2).map(({ type, id }) => [type, id]))
    const rest = await allEvents(await fetch(younger.url + good, { headers: { accept: 'text/event-stream', 'last-event-id': String(events.at(-2)?.id) } }))
    assert.deepEqual(rest.map(({ type }) => type), ['done'])
    assert.equal((await fetch(younger.url + good, { method: 'DELETE' })).status, 202)
  })

  it('leaves it what Gradio\'s clients have yet to hear', async () => {
    await using fronts = await startTwo(['gradio-wait', 'gradio-stream'])
    const { older, younger } = fronts
    const [there, here] = [older, younger].map(({ url }) => `${url}/gradio-wait`)
    assert.ok(there !== undefined && here !== undefined)
    const joined = await join(there, { data: [1, 'joined'], session: 'untold' })
    const streamed = await join(`${older.url}/gradio-stream`, { data: ['a b c', 0], session: 'untold' })
    const refused = await join(there, { data: ['no number', 'x'], session: 'untold' })
    const called = await call(there, { data: [1, 'called'] })
    await older.stop()
    const messages = await listenToEnd(here, 'untold')
    assert.deepEqual(Object(of(messages, joined).at(-1)?.['output']).data, ['joined'])
    assert.deepEqual([of(messages, refused).at(-1)?.msg, of(messages, refused).at(-1)?.['success']], ['process_completed', false])
    assert.equal(messages.at(-1)?.msg, 'close_stream')
    const stream = await listenToEnd(`${younger.url}/gradio-stream`, 'untold')
    assert.deepEqual(Object(of(stream, streamed).at(-1)?.['output']).data, ['a b c', 3])
    assert.deepEqual(await result(here, called), [['complete', ['called']]])
  })

  it('takes its socket away, and a dead host\'s is taken away by the next', async () => {
    await using fronts = await startTwo(['http-slow'])
    const { older, younger, stateDir } = fronts
    const path = await begin(younger, 'http-slow', { ms: 1 })
    await ended(younger, path)
    await younger.stop('SIGKILL')
    assert.equal((await fetch(older.url + path)).status, 404, 'a dead host does not answer')
    const sockets = async (): Promise<string[]> => (await readdir(joinPath(stateDir, 'run'))).filter((name) => name.endsWith('.sock')).sort()
    assert.deepEqual(await sockets(), [older.pid, younger.pid].map((pid) => `${pid}.sock`).sort())
    await using third = await startTestHost({ models: ['http-slow'], stateDir })
    assert.deepEqual(await sockets(), [older.pid, third.pid].map((pid) => `${pid}.sock`).sort())
    await older.stop()
    await third.stop()
    assert.deepEqual(await readdir(joinPath(stateDir, 'run')), [])
  })

  it('does not hold others up when it stands still', async () => {
    await using fronts = await startTwo(['http-slow', 'gradio-wait'])
    const { older, younger } = fronts
    older.child.kill('SIGSTOP')
    try {
      const began = performance.now()
      assert.equal((await fetch(`${younger.url}/http-slow/predictions/unknown`)).status, 404)
      const id = await join(`${younger.url}/gradio-wait`, { data: [1, 'mine'], session: 'mine' })
      assert.equal(of(await listenToEnd(`${younger.url}/gradio-wait`, 'mine'), id).at(-1)?.msg, 'process_completed')
      assert.ok(performance.now() - began < 8_000)
    } finally {
      older.child.kill('SIGCONT')
    }
  })

  it('has its socket elsewhere when the state folder\'s path is too long for one', async () => {
    const stateDir = joinPath(await mkdtemp(joinPath(tmpdir(), 'footlights-long-')), 'x'.repeat(100), 'state')
    await using older = await startTestHost({ models: ['http-slow'], stateDir })
    await using younger = await startTestHost({ models: ['http-slow'], stateDir })
    const socket = await socketOf(stateDir, older)
    assert.ok(Buffer.byteLength(socket) <= 103 && !socket.startsWith(stateDir), socket)
    assert.equal((await lstat(joinPath(socket, '..'))).mode & 0o777, 0o700)
    const path = await begin(older, 'http-slow', { ms: 1 })
    assert.equal((await ended(younger, path))['state'], 'succeeded')
    await older.stop()
    await assert.rejects(lstat(joinPath(socket, '..')))
    await younger.stop()
    await rm(joinPath(stateDir, '..', '..'), { recursive: true })
  })
})
