import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { BAD_INPUTS, MAX_MB } from './bad-input-cases.ts'
import { jsonOf } from './json-of.ts'
import { exchange } from './raw-exchange.ts'

const MAX_GROWTH_BYTES = 64 * 1024 * 1024

let host: TestHost

before(async () => {
  host = await startTestHost({ models: ['echo', 'http-kinds', 'http-files'], config: { maxBodyMb: MAX_MB, maxUploadMb: MAX_MB } })
  await assertServes()
})

after(() => host?.[Symbol.asyncDispose]())

async function assertServes(): Promise<void> {
  for (const [model, inputs] of [['echo', { text: 'good' }], ['http-kinds', { text: 'good' }], ['http-files', { papers: [{ data: 'aGk=', mimeType: 'text/plain' }] }]] as const) {
    const response = await fetch(`${host.url}/${model}/predict`, { method: 'POST', body: JSON.stringify(inputs), headers: { 'content-type': 'application/json' } })
    assert.equal(response.status, 200, await response.text())
  }
}

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${host.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
}

/** Sends headers and the beginning of a body, and then nothing. */
async function sendSlowly(): Promise<Socket> {
  const socket = connect(host.port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write('POST /echo/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"text":')
  return socket
}

async function answerOn(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) {
    text += chunk
    if (text.includes('}')) break
  }
  socket.destroy()
  return text
}

describe('bad input', () => {
  it('has at least 60 cases', () => {
    assert(BAD_INPUTS.length >= 60, String(BAD_INPUTS.length))
    assert.equal(new Set(BAD_INPUTS.map(({ name }) => name)).size, BAD_INPUTS.length)
  })

  for (const { name, status, code, request } of BAD_INPUTS) {
    it(`is answered ${status} ${code}: ${name}`, async () => {
      const answer = await exchange(host.port, request)
      assert.deepEqual([answer.status, answer.body['code'] ?? ''], [status, code], JSON.stringify(answer.body))
      if (code === '') return
      assert.equal(answer.contentType, 'application/problem+json')
      assert.match(String(answer.body['requestId']), /^[A-Za-z0-9._-]{1,128}$/)
      assert.doesNotMatch(JSON.stringify(answer.body), /node_modules|footlights-test-|\.ts\b|Error:|:\d+:\d+|file:\/\//)
    })
  }

  it('is answered 416: a range beyond the file', async () => {
    const response = await fetch(`${host.url}/http-files/predict`, { method: 'POST', body: '{"papers":[{"data":"aGk=","mimeType":"text/plain"}]}', headers: { 'content-type': 'application/json' } })
    const { copy } = await jsonOf(response)
    for (const [range, status] of [['bytes=5-', 416], ['bytes=2-2', 416], ['bytes=1-0', 416], ['bytes=a-b', 200], ['lines=0-1', 200]] as const) {
      assert.equal((await fetch(copy.url, { headers: { range } })).status, status, range)
    }
  })

  it('is answered 408 when the body stalls, and holds up nobody meanwhile', async () => {
    const slow = await Promise.all(Array.from({ length: 20 }, sendSlowly))
    await assertServes()
    for (const answer of await Promise.all(slow.map(answerOn))) {
      assert.match(answer, /^HTTP\/1\.1 408 /)
      assert.match(answer, /"code":"MALFORMED_BODY"/)
    }
  })

  it('leaves the process as it was', async () => {
    const all = (): Promise<unknown> => Promise.all(BAD_INPUTS.map(({ request }) => exchange(host.port, request)))
    // What a first round allocates for good is no leak.
    await all()
    const before = await residentBytes()
    for (let round = 0; round < 3; round++) await all()
    await assertServes()
    const growth = (await residentBytes()) - before
    assert(growth < MAX_GROWTH_BYTES, `the front grew by ${Math.round(growth / 1024 / 1024)} MiB`)
    assert.equal('admin' in {}, false)
    const { models } = await jsonOf(await fetch(`${host.url}/status`))
    for (const { name, replicas } of models) assert.equal(replicas[0].restarts, 0, name)
    assert.equal(host.logs.filter(({ level }) => level === 'error' || level === 'fatal').length, 0)
  })
})
