import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { eventually, predict, ready } from '../helpers/call.ts'
import { startTestHost, type TestHost } from '../helpers/start-test-host.ts'
import { jsonOf } from './json-of.ts'

async function exitsOf(host: TestHost, headers: Record<string, string> = {}) {
  const { models } = await jsonOf(await fetch(`${host.url}/status`, { headers: { accept: 'application/json', ...headers } }))
  return models[0].exits
}

async function withPoisoned(env: NodeJS.ProcessEnv, check: (host: TestHost) => Promise<void>): Promise<void> {
  await using host = await startTestHost({ models: ['exits'], env })
  await ready(host.url, 'exits')
  assert.equal((await predict(host.url, 'exits', { text: 'x', how: 'kill' })).body['code'], 'POISONOUS_INPUT')
  await check(host)
}

describe('the exits of workers', () => {
  it('stand in /status with their causes, and what was written last only for an operator, without paths', async () => {
    await withPoisoned({}, async (host) => {
      const exits = await exitsOf(host)
      assert.deepEqual(exits.map(({ reason, cause, signal }: Record<string, unknown>) => [reason, cause, signal]), [['crash', 'signal', 'SIGKILL'], ['crash', 'poison', 'SIGKILL']])
      const [first] = exits
      assert.deepEqual(first.lastLines, ['the weights in weights.bin are broken'])
      assert.ok(first.uptimeSeconds > 0 && first.pid > 0 && first.planned === false)
      for (const headers of [{ 'x-forwarded-for': '203.0.113.9' }, { origin: 'https://evil.example.org' }]) {
        for (const exit of await exitsOf(host, headers)) assert.equal('lastLines' in exit, false, JSON.stringify(headers))
      }
    })
  })

  it('show what was written last to nobody without the token, where there is one', async () => {
    await withPoisoned({ FOOTLIGHTS_ADMIN_TOKEN: 'a-secret' }, async (host) => {
      for (const exit of await exitsOf(host)) assert.equal('lastLines' in exit, false)
      const [first] = await exitsOf(host, { authorization: 'Bearer a-secret', 'x-forwarded-for': '203.0.113.9' })
      assert.equal(first.lastLines.length, 1)
    })
  })

  it('are one line each in the log, with everything', async () => {
    await withPoisoned({}, async (host) => {
      const line = await host.logged(({ message, cause }) => message === 'a worker ended' && cause === 'poison')
      assert.deepEqual([line['level'], line['model'], line['worker'], line['reason'], line['signal']], ['warn', 'exits', 0, 'crash', 'SIGKILL'])
      assert.deepEqual(line['lastLines'], ['the weights in /srv/private/weights.bin are broken', '    at load (/srv/private/model.ts:3:1)'])
      for (const field of ['uptimeSeconds', 'rssBytes', 'workerPid']) assert.equal(typeof line[field], 'number', field)
    })
  })

  it('of threads alone are told, too, with what they wrote or threw last', async () => {
    await using host = await startTestHost({ models: ['exits'] })
    await ready(host.url, 'exits')
    for (const how of ['exit', 'throw later']) assert.equal((await predict(host.url, 'exits', { text: 'x', how })).body['code'], 'POISONOUS_INPUT')
    const exits = await eventually(() => exitsOf(host), ({ length }) => length === 4)
    assert.deepEqual(exits.map(({ reason, cause, thread, code, planned }: Record<string, unknown>) => [reason, cause, thread, code, planned]), [
      ['crash', 'code', true, 3, false], ['crash', 'poison', true, 3, false], ['crash', 'code', true, 1, false], ['crash', 'poison', true, 1, false],
    ])
    assert.equal(exits[0].lastLines.at(-1), 'the weights could not be read, leaving')
    assert.match(exits[2].lastLines.at(-1), /thrown from a timer/)
    const line = await host.logged(({ message, cause }) => message === 'a thread ended' && cause === 'poison')
    assert.deepEqual([line['level'], line['model'], line['worker'], line['code']], ['warn', 'exits', 0, 3])
    const { replicas } = await ready(host.url, 'exits')
    assert.deepEqual([replicas[0]?.restarts, replicas[0]?.lastExit], [0, null])
  })
})
