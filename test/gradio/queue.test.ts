import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { join, listen, listenToEnd, names, of, post } from './wire.ts'
import type { Message } from './wire.ts'

let host: TestHost
const app = (name: string): string => `${host.url}/gradio-${name}`
const detail = async (response: Response): Promise<unknown> => {
  const body: unknown = await response.json()
  assert.ok(typeof body === 'object' && body !== null && 'detail' in body)
  return body.detail
}

describe("Gradio's queue", () => {
  before(async () => {
    host = await startTestHost({ models: ['gradio-greet', 'gradio-stream', 'gradio-wait', 'gradio-fail', 'gradio-queue', 'gradio-shrink'] })
  })
  after(() => host[Symbol.asyncDispose]())

  it('tells a call from start to end and closes the stream', async () => {
    const id = await join(app('greet'), { data: ['Ada', false, 1] })
    const messages = await listenToEnd(app('greet'))
    assert.deepEqual([...new Set(names(messages))], ['estimation', 'process_starts', 'process_completed', 'close_stream'])
    assert.ok(messages.slice(0, -1).every((message) => message.event_id === id))
    assert.equal(messages.at(-2)?.['success'], true)
    assert.deepEqual(dataOf(messages.at(-2)), ['Hello, Ada!', 11])
  })

  it('sends intermediate results of a generator as differences, and the last one whole', async () => {
    await join(app('stream'), { data: ['a b c', 20] })
    const messages = (await listenToEnd(app('stream'))).filter(({ msg }) => msg === 'process_generating' || msg === 'process_completed')
    assert.deepEqual(messages.map(dataOf), [
      ['a', 1],
      [[['append', [], ' b']], [['replace', [], 2]]],
      [[['append', [], ' c']], [['replace', [], 3]]],
      ['a b c', 3],
    ])
  })

  it('sends no intermediate results of other models', async () => {
    await join(app('wait'), { data: [1, 'x'] })
    assert.ok(!names(await listenToEnd(app('wait'))).includes('process_generating'))
  })

  it('tells progress and notices', async () => {
    await join(app('wait'), { data: [1, 'x'] })
    const messages = await listenToEnd(app('wait'))
    const progress = messages.find(({ msg }) => msg === 'progress')
    assert.deepEqual(progress?.['progress_data'], [{ index: null, length: null, unit: 'steps', progress: 0.5, desc: 'half way' }])
    const log = messages.find(({ msg }) => msg === 'log')
    assert.deepEqual([log?.['log'], log?.['level'], log?.['title']], ['Waiting', 'warning', 'Warning'])
  })

  it('tells the place in the queue, counted from 0', async () => {
    const data = [60_000]
    const events = [await join(app('queue'), { data, session: 'rank' }), await join(app('queue'), { data, session: 'rank' })]
    const places: unknown[] = []
    for await (const { msg, event_id: id, rank, queue_size: size } of listen(app('queue'), 'rank')) {
      if (msg === 'estimation') places.push([id, rank, size])
      if (places.length === 2) break
    }
    assert.deepEqual(new Set(places), new Set([[events[0], 0, 1], [events[1], 0, 1]]))
    for (const event of events) await post(app('queue'), '/gradio_api/cancel', { session_hash: 'rank', fn_index: 0, event_id: event })
  })

  it('tells all events of a session on one stream, each with one end', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, (_, index) => join(app('greet'), { data: [`n${index}`], session: 'many' })))
    const messages = await listenToEnd(app('greet'), 'many')
    for (const [index, id] of ids.entries()) {
      const ends = of(messages, id).filter(({ msg }) => msg === 'process_completed')
      assert.equal(ends.length, 1)
      assert.deepEqual(dataOf(ends[0]), [`Hello, n${index}!`, `Hello, n${index}!`.length])
    }
    assert.deepEqual(names(messages.slice(-1)), ['close_stream'])
  })

  it('tells refused inputs as an error of the event, by name', async () => {
    const data: unknown[] = ['x'.repeat(201), 'maybe', 9]
    const id = await join(app('greet'), { data, session: 'refused' })
    const [message] = await listenToEnd(app('greet'), 'refused')
    assert.equal(message?.event_id, id)
    const failure = failureOf(message)
    assert.deepEqual(Object.keys(failure).sort(), ['duration', 'error', 'title', 'visible'])
    assert.match(String(failure['error']), /^name: .+\nloud: .+\ntimes: must be at most 5$/)
  })

  it('takes the default of an input that is left out, and ignores what is too many', async () => {
    await join(app('greet'), { data: ['Ada', null], session: 'defaults' })
    await join(app('greet'), { data: ['Ada', true, 1, 'too', 'many'], session: 'defaults' })
    const ends = (await listenToEnd(app('greet'), 'defaults')).filter(({ msg }) => msg === 'process_completed')
    assert.deepEqual(ends.map((message) => dataOf(message)[0]).sort(), ['HELLO, ADA!', 'Hello, Ada!'])
  })

  it('says which input is missing', async () => {
    await join(app('greet'), { data: [], session: 'missing' })
    const [message] = await listenToEnd(app('greet'), 'missing')
    assert.equal(failureOf(message)['error'], 'name: is required')
  })

  it("shows the author's words, and hides the cause of other errors", async () => {
    for (const how of ['said', 'thrown', 'late']) await join(app('fail'), { data: [how], session: how })
    const [said, thrown, late] = await Promise.all(['said', 'thrown', 'late'].map((how) => listenToEnd(app('fail'), how)))
    assert.equal(failureOf(said?.at(-2))['error'], 'Please give me a better picture.')
    assert.match(String(failureOf(thrown?.at(-2))['error']), /^The model failed on this input\. .+ Request id: [\w.-]+\.$/)
    assert.doesNotMatch(JSON.stringify(thrown), /secret|\/srv/)
    assert.ok(late !== undefined && names(late).includes('process_generating'))
    assert.equal(failureOf(late.at(-2))['error'], 'Please give me a better picture.')
  })

  it('answers 429 with Retry-After when the queue is full', async () => {
    const session = 'full'
    const accepted: string[] = []
    let refused: Response | undefined
    while (refused === undefined) {
      const response = await post(app('queue'), '/gradio_api/queue/join', { data: [60_000], fn_index: 0, session_hash: session })
      if (response.status === 200) accepted.push(String(Object.values(Object(await response.json()))[0]))
      else refused = response
      assert.ok(accepted.length <= 2)
    }
    assert.equal(refused.status, 429)
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
    assert.equal(typeof (await detail(refused)), 'string')
    for (const id of accepted) await post(app('queue'), '/gradio_api/cancel', { session_hash: session, fn_index: 0, event_id: id })
  })

  it('says that it does not know a session, and ends', async () => {
    const [message, ...others] = await listenToEnd(app('greet'), 'unheard-of')
    assert.equal(others.length, 0)
    assert.deepEqual([message?.msg, message?.event_id, message?.['session_not_found']], ['unexpected_error', null, true])
  })

  it('knows no session of another model', async () => {
    await join(app('greet'), { data: ['Ada'], session: 'mine' })
    assert.deepEqual(names(await listenToEnd(app('stream'), 'mine')), ['unexpected_error'])
  })

  it('closes at once what has nothing more to tell', async () => {
    await join(app('greet'), { data: ['Ada'], session: 'read' })
    await listenToEnd(app('greet'), 'read')
    assert.deepEqual(names(await listenToEnd(app('greet'), 'read')), ['close_stream'])
  })

  it('lets the newest reader win', async () => {
    const id = await join(app('wait'), { data: [400, 'x'], session: 'twice' })
    const first = listenToEnd(app('wait'), 'twice')
    const opened = listen(app('wait'), 'twice')
    const second: Message[] = []
    for await (const message of opened) second.push(message)
    assert.equal(names(await first).at(-1), 'close_stream')
    assert.ok(!names(await first).includes('process_completed'))
    assert.deepEqual(names(of(second, id)).at(-1), 'process_completed')
  })

  it('repeats an end that its reader may not have read', async () => {
    const id = await join(app('greet'), { data: ['Ada'], session: 'unread' })
    const leaving = new AbortController()
    try {
      for await (const { msg } of listen(app('greet'), 'unread', leaving.signal)) if (msg === 'process_completed') leaving.abort()
    } catch (error) {
      assert.ok(leaving.signal.aborted, String(error))
    }
    const messages = await listenToEnd(app('greet'), 'unread')
    assert.deepEqual(messages.map((message) => [message.msg, message.event_id]), [['process_completed', id], ['close_stream', null]])
  })

  it('keeps the stream of a client that goes on calling', async () => {
    const ids = [await join(app('greet'), { data: ['Ada'], session: 'on' })]
    const ends: (string | null)[] = []
    for await (const message of listen(app('greet'), 'on')) {
      if (message.msg !== 'process_completed') continue
      ends.push(message.event_id)
      if (ids.length < 3) ids.push(await join(app('greet'), { data: ['Ada'], session: 'on' }))
    }
    assert.deepEqual(ends, ids)
  })

  it('goes on for a reader that comes again, replacing what it may have missed', async () => {
    const id = await join(app('stream'), { data: ['a b c d', 150], session: 'again' })
    const leaving = new AbortController()
    try {
      for await (const { msg } of listen(app('stream'), 'again', leaving.signal)) if (msg === 'process_generating') leaving.abort()
    } catch (error) {
      assert.ok(leaving.signal.aborted, String(error))
    }
    const messages = of(await listenToEnd(app('stream'), 'again'), id)
    const [first] = messages.filter(({ msg }) => msg === 'process_generating').map(dataOf)
    assert.ok(Array.isArray(first) && Array.isArray(first[0]))
    assert.deepEqual([first[0][0]?.[0], first[0][0]?.[1]], ['replace', []])
    assert.deepEqual(dataOf(messages.at(-1)), ['a b c d', 4])
  })

  it('stops the work of a session that nobody reads for reattachMs', async () => {
    const id = await join(app('wait'), { data: [60_000, 'left'], session: 'left' })
    const { outcome } = await host.logged((line) => line['predictionId'] === id)
    assert.equal(outcome, 'cancelled')
    const messages = await listenToEnd(app('wait'), 'left')
    assert.equal(messages.at(-2)?.['success'], false)
  })

  describe('cancelling', () => {
    const cancel = async (session: string, id: string, model = 'wait'): Promise<void> => {
      const response = await post(app(model), '/gradio_api/cancel', { session_hash: session, fn_index: 0, event_id: id })
      assert.deepEqual([response.status, await response.json()], [200, { success: true }])
    }

    it('ends only the event that is named, with nulls for a library', async () => {
      const ids = [await join(app('wait'), { data: [60_000, 'a'], session: 'c1' }), await join(app('wait'), { data: [20, 'b'], session: 'c1' })]
      const told = listenToEnd(app('wait'), 'c1')
      await cancel('c1', ids[0] ?? '')
      await cancel('c1', ids[0] ?? '')
      const ends = (await told).filter(({ msg }) => msg === 'process_completed')
      assert.deepEqual(ends.map((end) => [end.event_id, end['success'], dataOf(end)]).sort(), [[ids[0], true, [null]], [ids[1], true, ['b']]].sort())
    })

    it('ends a cancelled event as soon as its client has reset', async () => {
      const id = await join(app('wait'), { data: [60_000, ''], session: 'c2' })
      const told = listenToEnd(app('wait'), 'c2')
      await cancel('c2', id)
      assert.deepEqual(await (await post(app('wait'), '/gradio_api/reset', { event_id: id })).json(), { success: true })
      assert.equal(names(await told).at(-2), 'process_completed')
    })

    it("gives Gradio's page an empty output", async () => {
      const id = await join(app('wait'), { data: [60_000, ''], session: 'c3', headers: { 'x-gradio-user': 'app' } })
      const told = listenToEnd(app('wait'), 'c3')
      await cancel('c3', id)
      const end = (await told).at(-2)
      assert.deepEqual([end?.['output'], end?.['success']], [{}, true])
    })

    it('is no business of other sessions, events and models', async () => {
      const id = await join(app('wait'), { data: [300, 'kept'], session: 'c4' })
      const told = listenToEnd(app('wait'), 'c4')
      await cancel('other', id)
      await cancel('c4', '0'.repeat(32))
      await cancel('c4', id, 'greet')
      assert.deepEqual(dataOf((await told).at(-2)), ['kept'])
    })

    it('frees the place of one that waits', async () => {
      const ids: string[] = []
      for (let index = 0; index < 3; index++) ids.push(await join(app('wait'), { data: [index === 2 ? 1 : 60_000, String(index)], session: 'c5' }))
      const told = listenToEnd(app('wait'), 'c5')
      await cancel('c5', ids[1] ?? '')
      await cancel('c5', ids[0] ?? '')
      const ends = (await told).filter(({ msg }) => msg === 'process_completed')
      assert.deepEqual(dataOf(ends.find((end) => end.event_id === ids[2])), ['2'])
    })

    it('changes nothing about what has ended', async () => {
      const id = await join(app('wait'), { data: [1, 'done'], session: 'c6' })
      await host.logged((line) => line['predictionId'] === id)
      await cancel('c6', id)
      assert.deepEqual(dataOf((await listenToEnd(app('wait'), 'c6')).at(-2)), ['done'])
    })
  })

  describe('bodies that it refuses', () => {
    const cases: [name: string, body: unknown, status: number, text: RegExp][] = [
      ['no JSON', '{', 400, /JSON/],
      ['no object', [], 400, /object/],
      ['no function', { data: [], session_hash: 's' }, 400, /^No function index provided\.$/],
      ['an unknown function', { data: [], fn_index: 3, session_hash: 's' }, 404, /function/],
      ['a function that is no number', { data: [], fn_index: 'x', session_hash: 's' }, 400, /function/],
      ['no session', { data: [], fn_index: 0 }, 400, /^Session hash not found\.$/],
      ['a session that is no text', { data: [], fn_index: 0, session_hash: 5 }, 400, /session/],
      ['an endless session', { data: [], fn_index: 0, session_hash: 's'.repeat(5_000) }, 400, /session/],
      ['no data', { fn_index: 0, session_hash: 's' }, 400, /data/],
      ['data that is no array', { data: { a: 1 }, fn_index: 0, session_hash: 's' }, 400, /data/],
      ['a key for a prototype', '{"data":[],"fn_index":0,"session_hash":"s","__proto__":{}}', 400, /key/],
      ['deep nesting', `{"data":${'['.repeat(200)}${']'.repeat(200)},"fn_index":0,"session_hash":"s"}`, 400, /nested/],
    ]
    for (const [name, body, status, text] of cases) {
      it(name, async () => {
        const response = await post(app('greet'), '/gradio_api/queue/join', body)
        assert.equal(response.status, status)
        assert.match(String(await detail(response)), text)
      })
    }

    it('a form', async () => {
      const response = await post(app('greet'), '/gradio_api/queue/join', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' })
      assert.equal(response.status, 415)
      assert.equal(typeof (await detail(response)), 'string')
    })
  })
})

function dataOf(message: Message | undefined): unknown[] {
  const output = message?.['output']
  assert.ok(typeof output === 'object' && output !== null && 'data' in output && Array.isArray(output.data), JSON.stringify(message))
  return output.data
}

function failureOf(message: Message | undefined): Record<string, unknown> {
  assert.deepEqual([message?.msg, message?.['success']], ['process_completed', false], JSON.stringify(message))
  const output = message?.['output']
  assert.ok(typeof output === 'object' && output !== null)
  return { ...output }
}
