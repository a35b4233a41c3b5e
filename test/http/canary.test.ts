import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

import { eventually, metric, ready } from '../helpers/call.ts'
import { startTestHost, type TestHost } from '../helpers/start-test-host.ts'
import { jsonOf } from './json-of.ts'

const SHIPPED = fileURLToPath(new URL('../../models/', import.meta.url))

describe('POST /admin/<model>/canary', () => {
  let host: TestHost
  before(async () => {
    host = await startTestHost({ models: ['echo', 'batch', 'loop', join(SHIPPED, 'photo')], config: { limits: { echo: { replicas: 2 } } } })
    for (const model of ['echo', 'batch', 'loop', 'photo']) await ready(host.url, model)
  })
  after(() => host?.[Symbol.asyncDispose]())

  function ask(model: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${host.url}/admin/${model}/canary`, { method: 'POST', headers })
  }

  it('runs the first example on every worker, and counts it as no prediction', async () => {
    const answer = await ask('echo')
    assert.equal(answer.status, 200)
    const { model, replicas } = await jsonOf(answer)
    assert.equal(model, 'echo')
    assert.deepEqual(replicas.map(({ worker, ok }: Record<string, unknown>) => [worker, ok]), [[0, true], [1, true]])
    const pids = await host.children()
    for (const { pid, seconds } of replicas) assert.ok(pids.includes(pid) && seconds > 0)
    assert.equal(await metric(host.url, 'footlights_predictions_total{model="echo",outcome="succeeded"}'), 0)
  })

  it('is a batch of one where predictions run together', async () => {
    const { replicas } = await jsonOf(await ask('batch'))
    assert.deepEqual(replicas.map(({ ok }: Record<string, unknown>) => ok), [true])
    assert.equal(await metric(host.url, 'footlights_batch_size_count{model="batch"}'), 0)
  })

  it('leaves none of its results behind', async () => {
    // The warm-up's are there.
    const results = (): Promise<string[]> => readdir(join(host.stateDir, 'results'))
    const before = await results()
    const { replicas } = await jsonOf(await ask('photo'))
    assert.deepEqual(replicas.map(({ ok }: Record<string, unknown>) => ok), [true])
    assert.deepEqual(await eventually(results, (left) => left.length === before.length), before)
  })

  it('says so where there is nothing to run', async () => {
    const { replicas, reason } = await jsonOf(await ask('loop'))
    assert.deepEqual(replicas.map(({ ok, error }: Record<string, unknown>) => [ok, error]), [[null, reason]])
    assert.match(reason, /no example/)
  })

  it('is for operators only', async () => {
    assert.equal((await ask('echo', { 'x-forwarded-for': '203.0.113.9' })).status, 403)
    assert.equal((await ask('nosuch')).status, 404)
    assert.equal((await fetch(`${host.url}/admin/echo/canary`)).status, 405)
  })
})
