import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import { Client, handle_file } from '@gradio/client'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { collect, fileData } from './javascript-client.ts'

interface Endpoint {
  parameters: { label: string; parameter_name?: string; component: string }[]
  returns: { label: string }[]
}

let host: TestHost
const connect = (name: string): Promise<Client> => Client.connect(`${host.url}/gradio-${name}/`, { events: ['data', 'status', 'log'] })

describe("Gradio's JavaScript client", () => {
  before(async () => {
    host = await startTestHost({ models: ['gradio-greet', 'gradio-stream', 'gradio-shrink', 'gradio-wait', 'gradio-fail', 'gradio-files', 'gradio-queue', 'gradio-kitchen'] })
  })
  after(() => host[Symbol.asyncDispose]())

  it('predicts by position, by name, by index, and with defaults', async () => {
    const client = await connect('greet')
    assert.deepEqual((await client.predict('/predict', ['Ada', true, 2])).data, ['HELLO, ADA! HELLO, ADA!', 23])
    assert.deepEqual((await client.predict('/predict', { name: 'Ada', times: 2 })).data, ['Hello, Ada! Hello, Ada!', 23])
    assert.deepEqual((await client.predict('/predict', { name: 'Ada' })).data, ['Hello, Ada!', 11])
    assert.deepEqual((await client.predict(0, ['Ada'])).data, ['Hello, Ada!', 11])
    await assert.rejects(async () => client.predict('/predict', { times: 2 }), /required parameter: name/)
  })

  it('connects with a URL that has no final slash, and with credentials that nobody asked for', async () => {
    const client = await Client.connect(`${host.url}/gradio-greet`, { auth: ['user', 'password'] })
    assert.deepEqual((await client.predict('/predict', ['Ada'])).data, ['Hello, Ada!', 11])
  })

  it('lists parameters and returns', async () => {
    const info = await (await connect('greet')).view_api()
    const endpoint: Endpoint | undefined = info.named_endpoints['/predict']
    assert.deepEqual(endpoint?.parameters.map(({ label, parameter_name: name, component }) => [label, name, component]), [
      ['Your name', 'name', 'Textbox'],
      ['Loud', 'loud', 'Checkbox'],
      ['Times', 'times', 'Slider'],
    ])
    assert.deepEqual(endpoint?.returns.map(({ label }) => label), ['Greeting', 'Length'])
  })

  it('carries every component through', async () => {
    const client = await connect('kitchen')
    const { data } = await client.predict('/predict', { text: 'other', classes: { label: 'b', confidences: [{ label: 'b', confidence: 0.9 }, { label: 'a', confidence: 0.1 }] } })
    assert.ok(Array.isArray(data))
    assert.deepEqual([data[0], data[14]], ['other', { label: 'b', confidences: [{ label: 'b', confidence: 0.9 }, { label: 'a', confidence: 0.1 }] }])
  })

  it('streams', async () => {
    const told = await collect((await connect('stream')).submit('/predict', { text: 'a b c', pauseMs: 20 }))
    assert.deepEqual(told.data, [['a', 1], ['a b', 2], ['a b c', 3], ['a b c', 3]])
    assert.deepEqual(told.stages.at(-1), 'complete')
  })

  it('puts differences together, also of nested arrays that shrink', async () => {
    const told = await collect((await connect('shrink')).submit('/predict', []))
    assert.deepEqual(told.data.map((data) => data[0]), [
      [[1, 2, 3, 4], { keep: true, drop: 1 }],
      [[1], { keep: true, add: [1] }],
      [[], 'text', null],
      { path: '/etc/passwd', '': 0 },
      { path: '/etc/passwd', '': 0 },
    ])
    assert.deepEqual(told.data.map((data) => Object(data[1]).data), [[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1], [4]], [], [[true], [1], [null]], [[true], [1], [null]]])
  })

  it('hears progress, notices and its place in the queue', async () => {
    const client = await connect('queue')
    const [first, second] = [client.submit('/predict', [60_000]), client.submit('/predict', [0])]
    for await (const event of second) if (event.type === 'status' && event.position === 0) break
    await first.cancel()
    const told = await collect((await connect('wait')).submit('/predict', [20, 'x']))
    assert.deepEqual(told.logs, [['Waiting', 'warning']])
    assert.deepEqual(told.progress, [0.5])
  })

  it('shows why a call failed', async () => {
    const client = await connect('fail')
    const messages: string[] = []
    for (const how of ['said', 'late', 'thrown', 'nonsense']) messages.push((await collect(client.submit('/predict', [how]))).error ?? '')
    assert.deepEqual(messages.slice(0, 2), ['Please give me a better picture.', 'Please give me a better picture.'])
    assert.match(messages[2] ?? '', /^The model failed .* Request id/)
    assert.equal(messages[3], 'how: must be one of "said", "thrown", "late"')
  })

  it('cancels one of two jobs and keeps the other', async () => {
    const client = await connect('wait')
    const [cancelled, kept] = [client.submit('/predict', [60_000, 'cancelled']), client.submit('/predict', [50, 'kept'])]
    const ends = Promise.all([collect(cancelled), collect(kept)])
    for await (const line of started(client)) if (line) break
    await cancelled.cancel()
    const [first, second] = await ends
    assert.deepEqual([first.data, first.error], [[[null]], null])
    assert.deepEqual(second.data, [['kept']])
    assert.deepEqual((await client.predict('/predict', [1, 'later'])).data, ['later'])
  })

  it('takes 20 submits at once, and calls one after the other on one client', async () => {
    const client = await connect('greet')
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => client.predict('/predict', [`n${index}`])))
    assert.deepEqual(results.map((told: { data: unknown }) => Object(told.data)[0]), Array.from({ length: 20 }, (_, index) => `Hello, n${index}!`))
    for (let index = 0; index < 50; index++) await client.predict('/predict', ['again'])
  })

  it('hears that the queue is full, and goes on afterwards', async () => {
    const client = await connect('queue')
    const jobs = Array.from({ length: 3 }, () => client.submit('/predict', [60_000]))
    const ends = jobs.map(collect)
    const { error } = await Promise.race(ends)
    assert.match(error ?? '', /queue/i)
    for (const job of jobs) await job.cancel()
    await Promise.all(ends)
    assert.deepEqual((await client.predict('/predict', [0])).data, ['done'])
  })

  it('sends files and fetches them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'footlights-files-'))
    try {
      const path = join(folder, 'my ünï file #1%.txt')
      await writeFile(path, 'from disk')
      const client = await connect('files')
      for (const [given, text] of [[handle_file(path), 'FROM DISK'], [new File(['a file'], 'a.txt'), 'A FILE'], [new Blob(['a blob']), 'A BLOB']] as const) {
        const { data } = await client.predict('/predict', [given])
        const { url } = fileData(data, 0)
        assert.equal(await (await fetch(url)).text(), text)
        const again = await client.predict('/predict', [fileData(data, 0)])
        assert.equal(await (await fetch(fileData(again.data, 0).url)).text(), text)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('is told in words that its file could not be had', async () => {
    const client = await connect('files')
    const told = await collect(client.submit('/predict', [{ path: '/etc/passwd', meta: { _type: 'gradio.FileData' } }]))
    assert.equal(told.error, 'paper: is not a file that was uploaded here')
  })
})

/** Yields true once something of this model runs. */
async function* started(_client: Client): AsyncGenerator<boolean> {
  for (;;) {
    const status = Object(await (await fetch(`${host.url}/status`)).json())
    yield status.models.some(({ name, queue }: { name: string; queue: { running: number } }) => name === 'gradio-wait' && queue.running > 0)
  }
}
