/** What misbehaving models do to the host and to their neighbours: real processes, real signals. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually, metric, Neighbour, predict, ready, statusOf } from './helpers/call.ts'
import { startTestHost, type TestHost } from './helpers/start-test-host.ts'

const BROKEN = fileURLToPath(new URL('fixtures/broken/', import.meta.url))

/** Runs the fault beside good predictions on another model, which must not notice. */
async function besideEcho(host: TestHost, fault: () => Promise<void>): Promise<void> {
  await ready(host.url, 'echo')
  const neighbour = new Neighbour(host.url, 'echo')
  await fault()
  const { answered, wrong } = await neighbour.stop()
  assert.ok(answered > 0)
  assert.deepEqual(wrong, [])
}

describe('a prediction that does not end', () => {
  test('an infinite loop gets 504, and its thread is replaced', async () => {
    await using host = await startTestHost({ models: ['echo', 'loop'] })
    await ready(host.url, 'loop')
    await besideEcho(host, async () => {
      const looping = await predict(host.url, 'loop', { text: 'x', loop: true })
      assert.equal(looping.status, 504)
      assert.equal(looping.body['code'], 'DEADLINE_EXCEEDED')
      const next = await predict(host.url, 'loop', { text: 'next' })
      assert.deepEqual(next.body, { text: 'next' })
    })
    assert.equal(await metric(host.url, 'footlights_worker_restarts_total{model="loop",reason="timeout"}'), 1)
  })

  test('a promise that never settles gets 504, and the next one is answered', async () => {
    await using host = await startTestHost({ models: ['echo', 'never'] })
    await ready(host.url, 'never')
    await besideEcho(host, async () => {
      const stuck = await predict(host.url, 'never', { text: 'x', never: true })
      assert.equal(stuck.status, 504)
      assert.deepEqual((await predict(host.url, 'never', { text: 'next' })).body, { text: 'next' })
    })
  })

  test('a deadline that passes within native code costs the process, not the neighbours', async () => {
    await using host = await startTestHost({ models: ['echo', 'native'], config: { limits: { native: { timeoutMs: 700 } } } })
    await ready(host.url, 'native')
    await besideEcho(host, async () => {
      const [long, behind] = await Promise.all([predict(host.url, 'native', { steps: 50_000_000 }), predict(host.url, 'native', { steps: 1 })])
      assert.equal(long.status, 504)
      assert.equal(behind.status, 200)
    })
    const { replicas } = await ready(host.url, 'native')
    assert.ok(replicas[0]?.lastExit == null || replicas[0].lastExit.reason === 'timeout', JSON.stringify(replicas[0]))
  })
})

describe('a prediction that ends what it runs in', () => {
  test('a full heap fails the one that filled it, and its neighbours in the thread are run again', async () => {
    await using host = await startTestHost({ models: ['echo', 'heap-hog'] })
    await ready(host.url, 'heap-hog')
    await besideEcho(host, async () => {
      const [hog, ...others] = await Promise.all([
        predict(host.url, 'heap-hog', { text: 'hog', hog: true }),
        ...['a', 'b', 'c'].map((text) => predict(host.url, 'heap-hog', { text })),
      ])
      assert.equal(hog?.status, 500)
      assert.equal(hog?.body['code'], 'OUT_OF_MEMORY')
      assert.deepEqual(others.map(({ status }) => status), [200, 200, 200])
    })
  })

  for (const how of ['exit', 'kill', 'abort', 'throw later']) {
    test(`an input that ends its worker by '${how}' is tried twice, named, and refused while remembered`, async () => {
      await using host = await startTestHost({ models: ['echo', 'exits'] })
      await ready(host.url, 'exits')
      await besideEcho(host, async () => {
        const poison = await predict(host.url, 'exits', { text: 'x', how })
        assert.equal(poison.status, 503)
        assert.equal(poison.body['code'], 'POISONOUS_INPUT')
        assert.ok(Number(poison.headers.get('retry-after')) > 0)
        assert.deepEqual((await predict(host.url, 'exits', { text: 'good' })).body, { text: 'good' })
      })
      const restarts = 'footlights_worker_restarts_total{model="exits",reason="crash"}'
      const before = await metric(host.url, restarts)
      assert.equal(before, 2)
      const again = await predict(host.url, 'exits', { text: 'x', how })
      assert.equal(again.body['code'], 'POISONOUS_INPUT')
      assert.equal(await metric(host.url, restarts), before)
    })
  }
})

describe('a worker that is lost', () => {
  test('predictions of a worker stopped by SIGSTOP are answered by its replacement', async () => {
    await using host = await startTestHost({ models: ['echo', 'slow'] })
    const { replicas } = await ready(host.url, 'slow')
    const frozen = replicas[0]?.pid ?? 0
    await besideEcho(host, async () => {
      process.kill(frozen, 'SIGSTOP')
      const answers = await Promise.all(['a', 'b'].map((text) => predict(host.url, 'slow', { text, ms: 1 })))
      assert.deepEqual(answers.map(({ body }) => body['text']), ['a', 'b'])
    })
    assert.throws(() => process.kill(frozen, 0), { code: 'ESRCH' })
    const after = await ready(host.url, 'slow')
    assert.equal(after.replicas[0]?.lastExit?.reason, 'hang')
  })

  for (const replicas of [1, 2]) {
    test(`SIGKILL under load with ${replicas} worker(s) fails no request`, async () => {
      await using host = await startTestHost({ models: ['slow'], config: { limits: { slow: { replicas, concurrency: 4 } } } })
      const before = await ready(host.url, 'slow')
      const calls = Array.from({ length: 60 }, (_, index) => predict(host.url, 'slow', { text: String(index), ms: 100 }))
      await calls[0]
      process.kill(before.replicas[0]?.pid ?? 0, 'SIGKILL')
      const answers = await Promise.all(calls)
      assert.deepEqual(answers.map(({ body }) => body['text']), answers.map((_, index) => String(index)))
      assert.equal(await metric(host.url, 'footlights_worker_restarts_total{model="slow",reason="crash"}'), 1)
    })
  }

  test('a stream that had begun is not run twice: it ends with WORKER_LOST', async () => {
    await using host = await startTestHost({ models: ['stream'] })
    await ready(host.url, 'stream')
    const response = await fetch(`${host.url}/stream/predict`, {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'text/event-stream' }, body: JSON.stringify({ count: 2, die: true, pauseMs: 20 }),
    })
    const text = await response.text()
    assert.match(text, /event: output/)
    assert.match(text, /event: error\nid: \d+\ndata: .*"code":"WORKER_LOST"/)
  })

  test('a leak outside the heap is cured by replacement, and no prediction fails', async () => {
    await using host = await startTestHost({ models: ['leak'] })
    await ready(host.url, 'leak')
    for (let call = 0; call < 300; call++) {
      const { status } = await predict(host.url, 'leak', { text: String(call) })
      assert.equal(status, 200)
    }
    assert.ok((await metric(host.url, 'footlights_worker_restarts_total{model="leak",reason="rss"}')) >= 1)
    const { replicas } = await ready(host.url, 'leak')
    assert.equal(replicas.length, 1)
  })

  test('a worker that has used up its budget of requests is replaced without a gap', async () => {
    await using host = await startTestHost({ models: ['echo'], config: { limits: { echo: { maxRequests: 20 } } } })
    const before = await ready(host.url, 'echo')
    for (let call = 0; call < 30; call++) assert.equal((await predict(host.url, 'echo', { text: 'x' })).status, 200)
    await eventually(() => statusOf(host.url, 'echo'), ({ replicas }) => replicas.length === 1 && replicas[0]?.pid !== before.replicas[0]?.pid)
    assert.ok((await metric(host.url, 'footlights_worker_restarts_total{model="echo",reason="recycle"}')) >= 1)
  })
})

describe('a model that does not start', () => {
  const causes: [model: string, cause: RegExp][] = [
    ['syntax-error', /SyntaxError.*model\.ts:\d+/],
    ['throwing-setup', /the weights are not there/],
    ['hanging-setup', /did not finish within 500 ms/],
    ['no-export', /no default export/],
  ]
  for (const [model, cause] of causes) {
    test(`${model}: the others are served, and the cause is shown`, async () => {
      await using host = await startTestHost({ models: ['echo', join(BROKEN, model)], config: { limits: { [model]: { holdMs: 300 } } } })
      await besideEcho(host, async () => {
        const status = await eventually(() => statusOf(host.url, model), ({ state }) => state === 'unavailable')
        assert.match(status.cause ?? '', cause)
        const refused = await predict(host.url, model, { text: 'x' })
        assert.equal(refused.status, 503)
        assert.ok(['NOT_READY', 'QUARANTINED'].includes(String(refused.body['code'])))
        assert.ok(Number(refused.headers.get('retry-after')) > 0)
      })
    })
  }

  test('it is quarantined after three failed starts, tried again when its files change, and then serves', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'footlights-mended-'))
    try {
      const model = join(folder, 'mended')
      await mkdir(model)
      await writeFile(join(model, 'model.ts'), 'export default 1\n')
      await using host = await startTestHost({ models: [model] })
      await eventually(() => statusOf(host.url, 'mended'), ({ replicas }) => replicas[0]?.state === 'quarantined')
      assert.equal((await predict(host.url, 'mended', {})).body['code'], 'QUARANTINED')
      await writeFile(join(model, 'model.ts'), `import { defineModel, textbox } from 'footlights'
export default defineModel({ inputs: { text: textbox() }, outputs: { text: textbox() }, predict: ({ text }) => ({ text }) })\n`)
      await ready(host.url, 'mended')
      assert.deepEqual((await predict(host.url, 'mended', { text: 'now' })).body, { text: 'now' })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('requests wait while it starts', async () => {
    await using host = await startTestHost({ models: [join(BROKEN, 'slow-start')] })
    const { status, body } = await predict(host.url, 'slow-start', { text: 'patient' })
    assert.equal(status, 200)
    assert.deepEqual(body, { text: 'patient' })
  })
})
