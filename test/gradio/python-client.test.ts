import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { pythonVenv, runScript } from '../helpers/python-venv.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'

const venv = await pythonVenv()

describe("Gradio's Python client", venv.skip === undefined ? {} : { skip: venv.skip }, () => {
  let host: TestHost
  let seen: Record<string, unknown>
  /** What one part of the script saw. */
  const part = (name: string): Record<string, unknown> => Object(seen[name])

  before(async () => {
    assert.ok(venv.python)
    host = await startTestHost({ models: ['gradio-greet', 'gradio-stream', 'gradio-shrink', 'gradio-wait', 'gradio-fail', 'gradio-files', 'gradio-queue', 'gradio-kitchen'] })
    seen = Object(await runScript(venv.python, 'client.py', host.url))
  })
  after(() => host?.[Symbol.asyncDispose]())

  it('predicts by position, by name, by index, and with defaults', () => {
    const calls = part('calls')
    assert.deepEqual(calls['positional'], ['HELLO, ADA! HELLO, ADA!', 23])
    assert.deepEqual(calls['named'], ['Hello, Ada! Hello, Ada!', 23])
    assert.deepEqual(calls['defaults'], ['Hello, Ada!', 11])
    assert.deepEqual(calls['by index'], ['Hello, Ada!', 11])
  })

  it('refuses by itself what /info says cannot be', () => {
    const { missing, unknown } = part('calls')
    assert.match(String(Object(missing).text), /name/)
    assert.match(String(Object(unknown).text), /nom/)
  })

  it('connects with credentials that nobody asked for', () => {
    assert.deepEqual(part('calls')['with auth'], ['Hello, Ada!', 11])
  })

  it('prints the endpoint', () => {
    assert.match(String(part('calls')['api']), /predict\(name, loud, times, api_name="\/predict"\) -> \(greeting, length\)/)
  })

  it('takes 20 submits at once, 30 threads, and calls one after the other', () => {
    assert.deepEqual(part('calls')['at once'], Array.from({ length: 20 }, (_, index) => `Hello, n${index}!`))
    assert.deepEqual(seen['thirty_threads'], Array.from({ length: 60 }, (_, index) => `Hello, t${index}!`))
    assert.deepEqual(part('calls')['one after the other'], [10, 10, 10, 10, 10])
  })

  it('carries every component through', () => {
    const { defaults, given } = part('kitchen')
    assert.ok(Array.isArray(defaults) && Array.isArray(given))
    assert.deepEqual(defaults.slice(0, 8), ['text', 1, 0.3, false, [], 'b', 'a', []])
    assert.deepEqual(defaults.slice(8, 14), [null, null, null, null, null, null])
    assert.deepEqual(defaults[14], { label: 'cat', confidences: [{ label: 'cat', confidence: 0.5 }] })
    assert.deepEqual(defaults[19], { headers: ['a', 'b'], data: [[1, 2]], metadata: null })
    assert.deepEqual([given[0], given[21]], ['other', [{ role: 'user', metadata: null, content: [{ text: 'Hi', type: 'text' }], options: null }]])
  })

  it('streams, and puts differences together', () => {
    const { iterated, result, shrink } = part('streams')
    assert.deepEqual(iterated, [['a', 1], ['a b', 2], ['a b c', 3]])
    assert.deepEqual(result, ['a b c', 3])
    assert.ok(Array.isArray(shrink))
    assert.deepEqual(shrink.map(([data]) => data), [[[1, 2, 3, 4], { keep: true, drop: 1 }], [[1], { keep: true, add: [1] }], [[], 'text', null], { path: '/etc/passwd', '': 0 }])
  })

  it('shows why a call failed', () => {
    const failures = seen['failures']
    assert.ok(Array.isArray(failures))
    const texts = failures.map(({ text }) => String(text))
    assert.ok(failures.every(({ type }) => type === 'AppError'))
    assert.deepEqual(texts.slice(0, 2), ['Please give me a better picture.', 'Please give me a better picture.'])
    assert.match(texts[2] ?? '', /^The model failed/)
    assert.equal(texts[3], 'how: must be one of "said", "thrown", "late"')
  })

  it('knows its place in the queue, and hears that the queue is full', () => {
    const queue = part('queue')
    assert.deepEqual(queue['status'], ['IN_QUEUE', 0, 1])
    assert.match(String(Object(queue['full']).text), /429|[Qq]ueue/)
    assert.deepEqual([queue['cancelled'], Object(queue['running']).type, queue['waiting']], [true, 'CancelledError', 'done'])
  })

  it('cancels one of two jobs and keeps the other', () => {
    assert.deepEqual(seen['cancelling'], Array.from({ length: 5 }, () => ['CancelledError', 'kept']))
  })

  it('sends files and fetches them', () => {
    const files = part('files')
    assert.deepEqual([files['text'], files['again'], files['picture']], ['FROM DISK', 'FROM DISK', null])
    assert.match(String(files['name']), /^loud-.+\.txt$/)
    assert.deepEqual(files['keys'], ['is_stream', 'meta', 'mime_type', 'orig_name', 'path', 'size', 'url'])
    assert.equal(Object(files['foreign']).text, 'paper: must be a file: what an upload returned, or a URL, with meta._type "gradio.FileData"')
  })
})
