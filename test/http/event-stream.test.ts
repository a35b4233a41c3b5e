import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'

import { Prediction } from '../../server/prediction.ts'
import { streamPrediction } from '../../server/rest/event-stream.ts'

interface Streamed extends AsyncDisposable {
  response: ServerResponse
  answer: IncomingMessage
  /** Ends when the route is done with the response. */
  streamed: Promise<void>
}

/** The prediction's stream over a real connection; the answer is not read yet. */
async function open(prediction: Prediction): Promise<Streamed> {
  const begun = Promise.withResolvers<{ response: ServerResponse; streamed: Promise<void> }>()
  const server = createServer((_req, res) => {
    begun.resolve({ response: res, streamed: streamPrediction(res, prediction, { after: undefined, appends: false, render: (outputs) => outputs }) })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  const request = get({ port: address.port, host: '127.0.0.1', agent: false })
  request.on('error', () => {})
  const [answer]: IncomingMessage[] = await once(request, 'response')
  assert(answer !== undefined)
  answer.on('error', () => {})
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { ...(await begun.promise), answer, [Symbol.asyncDispose]: close }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return text
}

describe('streamPrediction', () => {
  it('writes a comment every 15 s, so that nobody on the way gives up', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const prediction = new Prediction('echo', 'request')
    await using stream = await open(prediction)
    t.mock.timers.tick(14_999)
    assert.equal(stream.answer.read(), null)
    t.mock.timers.tick(1)
    await once(stream.answer, 'readable')
    assert.match(String(stream.answer.read()), /^:[^\n]*\n\n$/)
    prediction.succeed({ text: 'a' })
    assert.match(await textOf(stream.answer), /^event: output\nid: 1\ndata: \{"text":"a"\}\n\nevent: done\nid: 2\n/)
  })

  it('does not collect outputs for a reader that does not read; the last one is never lost', async () => {
    const prediction = new Prediction('echo', 'request')
    await using stream = await open(prediction)
    const text = 'x'.repeat(100_000)
    for (let index = 0; index < 2_000; index++) {
      prediction.output({ text, index })
      if (index % 50 === 0) await new Promise(setImmediate)
    }
    prediction.succeed(undefined)
    assert(stream.response.writableLength < 1_000_000, `${stream.response.writableLength} bytes wait`)
    const whole = await textOf(stream.answer)
    await stream.streamed
    const outputs = [...whole.matchAll(/^event: output\nid: \d+\ndata: (.*)$/gm)].map(([, data = '']) => JSON.parse(data))
    assert(outputs.length < 2_000)
    assert.equal(outputs.at(-1)?.index, 1_999)
    assert.match(whole, /event: done\n[^\n]+\n[^\n]+\n\n$/)
  })

  it('stops being a reader as soon as the caller leaves, though nothing happens', async () => {
    const readers: number[] = []
    const gone = Promise.withResolvers<void>()
    const prediction = new Prediction('echo', 'request', (count) => {
      readers.push(count)
      if (count === 0) gone.resolve()
    })
    await using stream = await open(prediction)
    stream.answer.destroy()
    await gone.promise
    await stream.streamed
    assert.deepEqual(readers, [1, 0])
  })

  it('escapes what some readers take for the end of a line', async () => {
    const prediction = new Prediction('echo', 'request')
    prediction.succeed({ text: 'a\u2028b\u0085c\rd' })
    await using stream = await open(prediction)
    assert.match(await textOf(stream.answer), /data: \{"text":"a\\u2028b\\u0085c\\rd"\}\n/)
  })
})
