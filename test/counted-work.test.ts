/** What one prediction costs in messages, copies and writes. Counted, not timed: it may shrink, and grows only on purpose. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Prediction, type PredictionEvent } from '../server/prediction.ts'
import { PredictionRun, type RunOwner } from '../server/prediction-run.ts'
import { streamPrediction } from '../server/rest/event-stream.ts'
import type { PredictionFact, Values } from '../workers/contract.ts'
import { CreditedSink, WINDOW_FACTS } from '../workers/credited-sink.ts'
import { Runner } from '../workers/runner.ts'
import { join } from './gradio/wire.ts'
import { countedWrites } from './helpers/counted-writes.ts'
import { itemOf } from './helpers/fake-worker.ts'
import { startTestHost } from './helpers/start-test-host.ts'

const TOKENS = 10_000

interface Crossing {
  facts: PredictionFact[]
  credits: number
  events: PredictionEvent[]
}

/** Runs a model as its thread does and follows it as the front does; between them lies a turn of the event loop in each direction. */
async function cross(model: string, inputs: Values): Promise<Crossing> {
  const runner = await Runner.load(fileURLToPath(new URL(`fixtures/models/${model}/model.ts`, import.meta.url)), tmpdir(), () => {})
  const crossing: Crossing = { facts: [], credits: 0, events: [] }
  const sink = new CreditedSink(1, true, (fact) => {
    crossing.facts.push(fact)
    setImmediate(() => run.fact(fact))
  })
  const owner: RunOwner = {
    outputSpecs: runner.spec.outputs,
    credit: (_run, facts) => {
      crossing.credits++
      setImmediate(() => sink.credit(facts))
    },
    queueAgain: () => {}, poisoned: () => 0, replayed: () => {}, ended: () => {}, released: () => {}, retryAfterSeconds: () => 1, now: () => 0,
  }
  const prediction = new Prediction(model, 'request')
  const item = itemOf(1, { inputs, events: true })
  const run = new PredictionRun(prediction, item, owner, { mayReplay: true, given: inputs, revision: 1 })
  const reading = (async () => {
    for await (const event of prediction.events({ appends: true })) crossing.events.push(event)
  })()
  const [end] = await runner.run([item], new AbortController().signal, [sink])
  assert.deepEqual(end, { outputs: undefined })
  setImmediate(() => run.done(undefined, 1))
  await reading
  return crossing
}

function textOf(events: readonly PredictionEvent[]): string {
  let text = ''
  for (const event of events) {
    if (event.type === 'output') text = String(event.outputs['text'])
    if (event.type === 'append') text += event.text
  }
  return text
}

/** A clock by which each look at it takes 1 µs, so that what a moment holds does not depend on the machine. */
function microsecondPerLook(context: TestContext): void {
  let ms = 0
  context.mock.method(performance, 'now', () => (ms += 0.001))
}

describe('a growing text of 10,000 tokens', () => {
  test('crosses once, character by character, in few messages, and is compared as seldom', async (context) => {
    microsecondPerLook(context)
    const { facts, credits, events } = await cross('growing', { words: TOKENS })
    const text = textOf(events)
    assert.equal(text, Array.from({ length: TOKENS }, (_, word) => `word${word} `).join(''))
    const crossed = facts.reduce((sum, fact) => sum + (fact.type === 'append' ? fact.text.length : fact.type === 'output' ? String(fact.outputs['text']).length : 0), 0)
    assert.equal(crossed, text.length)
    assert.ok(facts.length <= 3 * WINDOW_FACTS, `${facts.length} facts`)
    assert.ok(credits <= Math.ceil(facts.length / 16), `${credits} credits for ${facts.length} facts`)
    // Each append is one comparison of all that was told before it.
    let length = 0
    let compared = 0
    for (const fact of facts) {
      compared += length
      if (fact.type === 'append') length += fact.text.length
    }
    assert.ok(compared <= 40 * text.length, `${compared} characters compared for a text of ${text.length}`)
  })

  test('costs four times as much for four times as many', async (context) => {
    microsecondPerLook(context)
    const [short, long] = [await cross('growing', { words: TOKENS }), await cross('growing', { words: 4 * TOKENS })]
    assert.ok(long.facts.length <= 4 * short.facts.length, `${long.facts.length} facts after ${short.facts.length}`)
  })
})

test('10,000 separate outputs are 10,000 messages and a credit for every sixteen', async () => {
  const { facts, credits, events } = await cross('flood', { count: TOKENS - 1, characters: 10 })
  assert.equal(facts.length, TOKENS)
  assert.equal(events.filter(({ type }) => type === 'output').length, TOKENS)
  assert.equal(credits, TOKENS / 16)
})

describe('a stream of events', () => {
  test('is written once for each turn in which something happened', async () => {
    const turns = 50
    const writes = await writesOf(async (prediction) => {
      prediction.output({ text: '' })
      for (let turn = 0; turn < turns; turn++) {
        for (let token = 0; token < 100; token++) prediction.appended('text', 'token ')
        await new Promise(setImmediate)
      }
      prediction.succeed(undefined)
    })
    assert.ok(writes <= turns + 1, `${writes} writes`)
  })

  test('of a short prediction is one write, headers and all', async () => {
    assert.equal(await writesOf(async (prediction) => {
      prediction.started()
      prediction.succeed({ text: 'a' })
    }), 1)
  })
})

/** What a prediction writes to the connection of the caller who follows it. */
async function writesOf(happen: (prediction: Prediction) => Promise<void>): Promise<number> {
  const prediction = new Prediction('echo', 'request')
  let writes: string[] = []
  const server = createServer((_req, res) => {
    writes = countedWrites(res.socket)
    void streamPrediction(res, prediction, { after: undefined, appends: true, render: (outputs) => outputs })
    void happen(prediction)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const response = await fetch(`http://127.0.0.1:${address.port}`)
  assert.match(await response.text(), /event: done/)
  await new Promise((resolve) => server.close(resolve))
  return writes.length
}

test("a call by Gradio's protocol is told in one packet when its stream comes after its end, and the close of the stream is the next", async () => {
  await using host = await startTestHost({ models: ['gradio-greet'] })
  const app = `${host.url}/gradio-greet`
  const id = await join(app, { data: ['Ada', false, 1] })
  await host.logged((line) => line['predictionId'] === id)
  const chunks = await chunksOf(`${app}/gradio_api/queue/data?session_hash=session`)
  assert.equal(chunks.length, 2)
  for (const msg of ['HTTP/1.1 200', 'estimation', 'process_starts', 'process_completed']) assert.ok(chunks[0]?.includes(msg), msg)
  assert.match(chunks[1] ?? '', /close_stream/)
})

/** What arrives on the connection of one request, piece by piece, until its answer has ended. */
async function chunksOf(url: string): Promise<string[]> {
  const chunks: string[] = []
  const asking = request(url, { agent: false })
  asking.once('socket', (socket) => socket.prependListener('data', (chunk: Buffer) => chunks.push(String(chunk))))
  asking.end()
  const [answer]: IncomingMessage[] = await once(asking, 'response')
  assert.ok(answer)
  answer.resume()
  await once(answer, 'end')
  return chunks
}
