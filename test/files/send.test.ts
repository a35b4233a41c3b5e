import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import express from 'express'
import { mimeTypeOfName } from '../../server/files/names.ts'
import { sendFile } from '../../server/files/send.ts'
import type { FileRef } from '../../workers/components.ts'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

interface FileServer extends AsyncDisposable {
  get(name: string, headers?: Record<string, string>, method?: string): Promise<Answer>
  ref: (name: string) => FileRef
  port: number
}

const ID = 'ab'.repeat(16)

/** Serves whatever `files` holds, each in the folder `ID`. */
async function serve(files: Record<string, string | Buffer>, downloadName?: string): Promise<FileServer> {
  const root = await mkdtemp(join(tmpdir(), 'footlights-send-'))
  const folder = join(root, '.hidden state', 'uploads', ID)
  await mkdir(folder, { recursive: true })
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const ref = (name: string): FileRef => ({ path: join(folder, name), name, size: files[name]?.length ?? 0, mimeType: mimeTypeOfName(name) })
  const app = express().disable('etag')
  app.use(async (req, res) => {
    res.set('x-request-id', 'r1')
    await sendFile(req, res, ref(basename(decodeURIComponent(req.path))), downloadName === undefined ? {} : { downloadName })
  })
  app.use(((error, _req, res, _next) => {
    res.status(error.status ?? 500).json({ failed: true })
  }) satisfies express.ErrorRequestHandler)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return {
    ref,
    port: address.port,
    get: (name, headers = {}, method = 'GET') => ask(address.port, `/${encodeURIComponent(name)}`, headers, method),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await rm(root, { recursive: true })
    },
  }
}

async function ask(port: number, path: string, headers: Record<string, string>, method: string): Promise<Answer> {
  const asked = request({ port, path, headers, method, host: '127.0.0.1', agent: false }).end()
  const [response] = await once(asked, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString('latin1') }
}

describe('sendFile', () => {
  for (const [name, type] of [
    ['a.png', 'image/png'], ['a.jpg', 'image/jpeg'], ['a.gif', 'image/gif'], ['a.webp', 'image/webp'], ['a.mp3', 'audio/mpeg'], ['a.wav', 'audio/wav'],
    ['a.mp4', 'video/mp4'], ['a.webm', 'video/webm'], ['a.txt', 'text/plain; charset=utf-8'], ['a.json', 'application/json'],
  ] as const) {
    it(`shows ${name} in place`, async () => {
      await using server = await serve({ [name]: 'content' })
      const { status, headers, body } = await server.get(name)
      assert.deepEqual([status, body], [200, 'content'])
      assert.deepEqual([headers['content-type'], headers['content-disposition'], headers['content-length']], [type, `inline; filename="${name}"`, '7'])
      assert.deepEqual([headers['x-content-type-options'], headers['accept-ranges'], headers['etag']], ['nosniff', 'bytes', `"${ID}"`])
      assert.equal(headers['cache-control'], 'private, max-age=31536000, immutable')
      assert.ok(!Number.isNaN(Date.parse(headers['last-modified'] ?? '')))
      assert.equal(headers['x-request-id'], 'r1')
    })
  }

  for (const name of ['a.html', 'a.htm', 'a.svg', 'a.xhtml', 'a.xml', 'a.js', 'a.mjs', 'a.css', 'a.pdf', 'a.zip', 'a.exe', 'a.wasm', 'a.swf', 'a.mht', 'a', 'a.csv', 'a.md']) {
    it(`lets ${name} be saved only, as plain bytes`, async () => {
      await using server = await serve({ [name]: '<script>alert(1)</script>' })
      const { status, headers } = await server.get(name)
      assert.equal(status, 200)
      assert.deepEqual([headers['content-type'], headers['content-disposition'], headers['x-content-type-options']], ['application/octet-stream', `attachment; filename="${name}"`, 'nosniff'])
      assert.match(String(headers['content-security-policy']), /sandbox/)
    })
  }

  const ranges: [range: string, status: number, body: string, contentRange: string | undefined][] = [
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=5-', 206, '56789', 'bytes 5-9/10'],
    ['bytes=9-', 206, '9', 'bytes 9-9/10'],
    ['bytes=0-', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['bytes=0-99999999999999999999', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-10', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=-11', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=-99999', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=0-4,5-9', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=10-20', 416, '', 'bytes */10'],
    ['bytes=99999999999999999999-', 416, '', 'bytes */10'],
    ['bytes=0-1,8-9', 200, '0123456789', undefined],
    ['bytes=abc', 200, '0123456789', undefined],
    ['bytes=', 200, '0123456789', undefined],
    ['bytes=1-x', 200, '0123456789', undefined],
    ['bytes', 200, '0123456789', undefined],
    ['lines=0-1', 200, '0123456789', undefined],
    [`bytes=${'0-0,'.repeat(1_000)}5-5`, 200, '0123456789', undefined],
  ]
  for (const [range, status, body, contentRange] of ranges) {
    it(`answers Range ${range.slice(0, 30)} with ${status}`, async () => {
      await using server = await serve({ 'a.txt': '0123456789' })
      const answer = await server.get('a.txt', { range })
      assert.deepEqual([answer.status, answer.body, answer.headers['content-range']], [status, body, contentRange])
      assert.equal(answer.headers['content-length'] ?? '0', String(body.length))
    })
  }

  it('says nothing of the file with a 416', async () => {
    await using server = await serve({ 'a.txt': '0123456789' })
    const { headers } = await server.get('a.txt', { range: 'bytes=10-', cookie: 'secret=1' })
    for (const name of ['content-disposition', 'content-type', 'etag', 'last-modified', 'cookie', 'set-cookie']) assert.equal(headers[name], undefined, name)
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['x-request-id'], 'r1')
  })

  it('answers an empty file', async () => {
    await using server = await serve({ 'a.txt': '' })
    assert.deepEqual(await server.get('a.txt').then(({ status, body }) => [status, body]), [200, ''])
    for (const range of ['bytes=0-', 'bytes=-5']) assert.equal((await server.get('a.txt', { range })).status, 416)
  })

  it('answers HEAD with the headers alone, ranges too', async () => {
    await using server = await serve({ 'a.txt': '0123456789' })
    const whole = await server.get('a.txt', {}, 'HEAD')
    assert.deepEqual([whole.status, whole.body, whole.headers['content-length']], [200, '', '10'])
    const part = await server.get('a.txt', { range: 'bytes=2-4' }, 'HEAD')
    assert.deepEqual([part.status, part.body, part.headers['content-range']], [206, '', 'bytes 2-4/10'])
  })

  it('answers 304 to who has the file already', async () => {
    await using server = await serve({ 'a.txt': '0123456789' })
    const { headers } = await server.get('a.txt')
    const known = await server.get('a.txt', { 'if-none-match': headers.etag ?? '' })
    assert.deepEqual([known.status, known.body], [304, ''])
    assert.equal((await server.get('a.txt', { 'if-modified-since': String(headers['last-modified']) })).status, 304)
    assert.equal((await server.get('a.txt', { 'if-none-match': '"other"' })).status, 200)
    assert.equal((await server.get('a.txt', { 'if-match': '"other"' })).status, 412)
  })

  it('sends the whole to who asks for a range of another file', async () => {
    await using server = await serve({ 'a.txt': '0123456789' })
    const { headers } = await server.get('a.txt')
    assert.equal((await server.get('a.txt', { range: 'bytes=0-1', 'if-range': headers.etag ?? '' })).status, 206)
    assert.equal((await server.get('a.txt', { range: 'bytes=0-1', 'if-range': '"other"' })).status, 200)
  })

  it('sends a large file whole', async () => {
    const content = Buffer.alloc(3_000_000, 'abcdefg')
    await using server = await serve({ 'a.png': content })
    assert.equal((await server.get('a.png')).body, content.toString('latin1'))
  })

  it('names a saved copy in any script, and nothing beside it', async () => {
    const names: [given: string, header: string][] = [
      ['写真 1.zip', `attachment; filename="1.zip"; filename*=UTF-8''%E5%86%99%E7%9C%9F%201.zip`],
      [`a"b\r\nx: y'(1).zip`, `attachment; filename="a_b_x_y_1.zip"; filename*=UTF-8''a%22b__x%3A%20y%27%281%29.zip`],
      ['../../x.zip', `attachment; filename="x.zip"; filename*=UTF-8''.._.._x.zip`],
      ['\ud800.zip', `attachment; filename="file.zip"; filename*=UTF-8''%EF%BF%BD.zip`],
    ]
    for (const [given, header] of names) {
      await using server = await serve({ 'a.zip': 'x' }, given)
      assert.equal((await server.get('a.zip')).headers['content-disposition'], header)
    }
  })

  it('throws what becomes a 404 when the file is gone', async () => {
    await using server = await serve({ 'a.txt': 'x' })
    await rm(server.ref('a.txt').path)
    const { status, headers } = await server.get('a.txt')
    assert.equal(status, 404)
    for (const name of ['etag', 'content-disposition']) assert.equal(headers[name], undefined)
    assert.equal(headers['cache-control'], undefined)
  })

  it('takes it when the client leaves in the middle', async () => {
    await using server = await serve({ 'a.png': Buffer.alloc(20_000_000), 'b.txt': 'still here' })
    const asked = request({ port: server.port, path: '/a.png', host: '127.0.0.1', agent: false }).end()
    asked.on('error', () => {})
    const [response] = await once(asked, 'response')
    response.on('error', () => {})
    await once(response, 'data')
    response.destroy()
    await once(asked, 'close')
    assert.equal((await server.get('b.txt')).body, 'still here')
  })
})
