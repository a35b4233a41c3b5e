import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { describe, it } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'

import { HostError } from '../../workers/errors.ts'
import { jsonDepth, parseJson, readJsonObject } from '../../server/body.ts'

const MAX_BYTES = 10_000

type Outcome = { value: unknown } | { code: string }

/** Sends a body to a real server and says what reading it gave. */
async function read(body: Buffer | string, headers: IncomingHttpHeaders = { 'content-type': 'application/json' }): Promise<Outcome> {
  const outcome = Promise.withResolvers<Outcome>()
  const server = createServer((req, res) => {
    readJsonObject(req, MAX_BYTES).then(
      (value) => outcome.resolve({ value }),
      (error: unknown) => outcome.resolve({ code: error instanceof HostError ? error.code : String(error) }),
    )
    void outcome.promise.then(() => res.end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  const client = request({ port: address.port, host: '127.0.0.1', method: 'POST', headers, agent: false })
  client.on('error', () => {})
  client.end(body)
  try {
    return await outcome.promise
  } finally {
    client.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
}

describe('readJsonObject', () => {
  it('reads an object', async () => {
    assert.deepEqual(await read('{"text":"grüße","n":[1,{"a":null}]}'), { value: { text: 'grüße', n: [1, { a: null }] } })
  })

  it('takes an empty body for an empty object, whatever its type', async () => {
    assert.deepEqual(await read('', {}), { value: {} })
    assert.deepEqual(await read('', { 'content-type': 'text/plain', 'content-length': '0' }), { value: {} })
    assert.deepEqual(await read('', { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }), { value: {} })
  })

  it('skips a byte order mark', async () => {
    assert.deepEqual(await read('\uFEFF{"a":1}'), { value: { a: 1 } })
  })

  it('inflates gzip, deflate and br', async () => {
    const text = JSON.stringify({ text: 'x'.repeat(500) })
    const packed = { gzip: gzipSync(text), deflate: deflateSync(text), br: brotliCompressSync(text) }
    for (const [encoding, body] of Object.entries(packed)) {
      assert.deepEqual(await read(body, { 'content-type': 'application/json', 'content-encoding': encoding }), { value: { text: 'x'.repeat(500) } }, encoding)
    }
  })

  it('takes JSON by any of its content types', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'application/vnd.api+json', 'Application/JSON']) {
      assert.deepEqual(await read('{}', { 'content-type': type }), { value: {} }, type)
    }
  })

  const refused: [name: string, code: string, body: Buffer | string, headers?: IncomingHttpHeaders][] = [
    ['text that is no JSON', 'MALFORMED_BODY', '{"text":'],
    ['white space alone', 'MALFORMED_BODY', '   '],
    ['an array', 'MALFORMED_BODY', '[]'],
    ['null', 'MALFORMED_BODY', 'null'],
    ['invalid UTF-8', 'MALFORMED_BODY', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', 'MALFORMED_BODY', Buffer.from('{"a":1}', 'utf16le')],
    ['101 levels', 'MALFORMED_BODY', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`],
    ['100,000 open brackets', 'MALFORMED_BODY', '['.repeat(9_000)],
    ['__proto__', 'MALFORMED_BODY', '{"a":{"__proto__":{"b":1}}}'],
    ['__proto__, escaped', 'MALFORMED_BODY', '{"a":[{"\\u005f_proto__":1}]}'],
    ['constructor.prototype', 'MALFORMED_BODY', '{"constructor":{"prototype":{"a":1}}}'],
    ['a body over the bound', 'TOO_LARGE', JSON.stringify({ text: 'x'.repeat(MAX_BYTES) })],
    ['a chunked body over the bound', 'TOO_LARGE', JSON.stringify({ text: 'x'.repeat(MAX_BYTES) }), { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }],
    ['a small body that inflates over the bound', 'TOO_LARGE', gzipSync(JSON.stringify({ text: 'x'.repeat(1_000_000) })), { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    ['gzip that is none', 'MALFORMED_BODY', '{"a":1}', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    ['an unknown content encoding', 'UNSUPPORTED_TYPE', '{"a":1}', { 'content-type': 'application/json', 'content-encoding': 'lzma' }],
    ['an encoding named like a property', 'UNSUPPORTED_TYPE', '{"a":1}', { 'content-type': 'application/json', 'content-encoding': 'constructor' }],
    ['text/plain', 'UNSUPPORTED_TYPE', '{"a":1}', { 'content-type': 'text/plain' }],
    ['a form', 'UNSUPPORTED_TYPE', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no content type', 'UNSUPPORTED_TYPE', '{"a":1}', {}],
    ['another charset', 'UNSUPPORTED_TYPE', '{"a":1}', { 'content-type': 'application/json; charset=utf-16' }],
  ]
  for (const [name, code, body, headers] of refused) {
    it(`refuses ${name}`, async () => {
      assert.deepEqual(await read(body, headers), { code })
    })
  }

  it('takes what only looks like a prototype key', async () => {
    assert.deepEqual(await read('{"text":"__proto__","constructor":"a builder"}'), { value: { text: '__proto__', constructor: 'a builder' } })
  })

  it('takes 100 levels', async () => {
    const outcome = await read(`{"a":${'['.repeat(99)}${']'.repeat(99)}}`)
    assert('value' in outcome)
  })
})

describe('jsonDepth', () => {
  it('counts brackets outside of texts only', () => {
    assert.equal(jsonDepth('{"a":[1,{"b":"]}[[[["}]}'), 3)
    assert.equal(jsonDepth('"\\"[[["'), 0)
    assert.equal(jsonDepth('"\\\\"[["x'), 2)
    assert.equal(jsonDepth('[][][]'), 1)
  })

  it('takes linear time for texts made of backslashes and quotes', () => {
    for (const piece of ['\\', '\\"', '"', '\\\\"']) assert.equal(jsonDepth(piece.repeat(500_000)), 0)
  })
})

describe('parseJson', () => {
  it('leaves the prototype alone', () => {
    assert.throws(() => parseJson(Buffer.from('{"__proto__":{"polluted":true}}')), { code: 'MALFORMED_BODY' })
    assert.equal('polluted' in {}, false)
  })
})
