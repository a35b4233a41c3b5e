import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'

/** One black pixel. */
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==', 'base64')

let host: TestHost

before(async () => {
  host = await startTestHost({ models: ['http-files'], config: { allowPrivateUrls: true, maxUploadMb: 1 } })
})

after(() => host?.[Symbol.asyncDispose]())

interface Seen {
  seen: { name: string; size: number; mimeType: string; bytes: number; isAbsolute: boolean }[]
  copy: { url: string; name: string; size: number; mimeType: string } | null
}

function send(body: FormData | object, headers: Record<string, string> = {}): Promise<Response> {
  const isForm = body instanceof FormData
  return fetch(`${host.url}/http-files/predict`, { method: 'POST', body: isForm ? body : JSON.stringify(body), headers: isForm ? headers : { 'content-type': 'application/json', ...headers } })
}

async function seenBy(response: Response): Promise<Seen> {
  assert.equal(response.status, 200, await response.clone().text())
  const seen: Seen = JSON.parse(await response.text())
  return seen
}

interface Refusal {
  status: number
  code: string
  errors: { path: string; message: string }[]
}

async function refusal(response: Response): Promise<Refusal> {
  const problem: Refusal = JSON.parse(await response.text())
  assert.equal(response.status, problem.status)
  return problem
}

function codeIn(body: string): unknown {
  return JSON.parse(body).code
}

function uploads(): Promise<string[]> {
  return readdir(join(host.stateDir, 'uploads'))
}

describe('files as inputs', () => {
  it('takes a multipart field with the name of the input', async () => {
    const form = new FormData()
    form.append('picture', new Blob([PNG], { type: 'image/png' }), 'my picture.png')
    form.append('papers', new Blob(['one'], { type: 'text/plain' }), 'one.txt')
    form.append('papers', new Blob(['three'], { type: 'text/plain' }), 'three.txt')
    form.append('album', new Blob([PNG], { type: 'image/png' }), 'album.png')
    const { seen } = await seenBy(await send(form))
    assert.deepEqual(seen.map(({ mimeType, bytes, size }) => [mimeType, bytes, size]), [['image/png', PNG.length, PNG.length], ['text/plain', 3, 3], ['text/plain', 5, 5], ['image/png', PNG.length, PNG.length]])
    assert(seen.every(({ isAbsolute }) => isAbsolute))
    assert.match(seen[0]?.name ?? '', /^my.picture\.png$/)
  })

  it('takes base64 and data URLs in JSON', async () => {
    const { seen } = await seenBy(await send({
      picture: { data: PNG.toString('base64'), mimeType: 'image/png', name: 'a.png' },
      papers: [{ data: 'aGk=', mimeType: 'text/plain' }],
      album: [{ image: { url: `data:image/png;base64,${PNG.toString('base64')}` }, caption: 'dot' }],
    }))
    assert.deepEqual(seen.map(({ mimeType, bytes }) => [mimeType, bytes]), [['image/png', PNG.length], ['text/plain', 2], ['image/png', PNG.length]])
  })

  it('fetches addresses', async () => {
    const server = createServer((_req, res) => res.setHeader('content-type', 'image/png').end(PNG)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert(address !== null && typeof address === 'object')
    const { seen } = await seenBy(await send({ picture: { url: `http://127.0.0.1:${address.port}/far.png` } }))
    assert.deepEqual([seen[0]?.mimeType, seen[0]?.bytes], ['image/png', PNG.length])
    const form = new FormData()
    form.append('picture', `http://127.0.0.1:${address.port}/far.png`)
    assert.equal((await seenBy(await send(form))).seen.length, 1)
    server.closeAllConnections()
    server.close()
    const { status, code, errors } = await refusal(await send({ picture: { url: `http://127.0.0.1:${address.port}/gone.png` } }))
    assert.deepEqual([status, code, errors[0]?.path], [400, 'INVALID_INPUT', 'picture'])
    assert.doesNotMatch(errors[0]?.message ?? '', /ECONN|127\.0/)
  })

  it('names each file that it cannot take, and keeps none of the request', async () => {
    const before = await uploads()
    const { status, code, errors } = await refusal(await send({ picture: { data: '***' }, papers: [{ data: 'aGk=', mimeType: 'text/plain' }, { path: '/etc/passwd', name: 'p', size: 1, mimeType: 'text/plain' }, 'x'], album: [{ image: { url: 'ftp://example.org/a' } }] }))
    assert.deepEqual([status, code], [400, 'INVALID_INPUT'])
    assert.deepEqual(errors.map(({ path }) => path), ['picture', 'papers[1]', 'papers[2]', 'album[0].image'])
    assert.deepEqual(await uploads(), before)
  })

  it('refuses what the component does not accept, and keeps nothing of it', async () => {
    const before = await uploads()
    const form = new FormData()
    form.append('picture', new Blob(['no picture'], { type: 'text/plain' }), 'a.txt')
    const { code, errors } = await refusal(await send(form))
    assert.deepEqual([code, errors[0]?.path], ['INVALID_INPUT', 'picture'])
    const large = await refusal(await send({ picture: { data: Buffer.alloc(200_000).toString('base64'), mimeType: 'image/png' } }))
    assert.deepEqual([large.code, large.errors[0]?.path], ['INVALID_INPUT', 'picture'])
    while ((await uploads()).length > before.length) await new Promise(setImmediate)
  })

  it('answers 413 for a file over maxUploadMb, by form and by base64', async () => {
    const form = new FormData()
    form.append('papers', new Blob([Buffer.alloc(2 * 1024 * 1024)]), 'large.bin')
    assert.deepEqual((({ status, code }) => [status, code])(await refusal(await send(form))), [413, 'TOO_LARGE'])
    assert.deepEqual((({ status, code }) => [status, code])(await refusal(await send({ papers: [{ data: Buffer.alloc(2 * 1024 * 1024).toString('base64'), mimeType: 'a/b' }] }))), [413, 'TOO_LARGE'])
  })

  it('takes no more than 100 files', async () => {
    const papers = Array.from({ length: 101 }, () => ({ data: 'aGk=', mimeType: 'text/plain' }))
    assert.equal((await refusal(await send({ papers }))).code, 'TOO_LARGE')
  })
})

describe('files as outputs', () => {
  it('are links to what the host serves, and may be given back as inputs', async () => {
    const { copy } = await seenBy(await send({ picture: { data: PNG.toString('base64'), mimeType: 'image/png', name: 'ä b.png' } }))
    assert(copy !== null)
    assert.deepEqual(Object.keys(copy).sort(), ['mimeType', 'name', 'size', 'url'])
    assert.match(copy.url, new RegExp(`^${host.url}/file/results/[0-9a-f]{32}/[^/]+$`))
    const file = await fetch(copy.url)
    assert.equal(file.headers.get('content-type'), 'image/png')
    assert.equal(file.headers.get('x-content-type-options'), 'nosniff')
    assert.deepEqual(Buffer.from(await file.arrayBuffer()), PNG)
    const { seen } = await seenBy(await send({ papers: [{ url: copy.url }, { url: new URL(copy.url).pathname }] }))
    assert.deepEqual(seen.map(({ bytes }) => bytes), [PNG.length, PNG.length])
  })

  it('are links below the public address of a trusted proxy', async () => {
    const { copy } = await seenBy(await send({ papers: [{ data: 'aGk=', mimeType: 'text/plain' }] }, { 'x-forwarded-host': 'demo.example.org', 'x-forwarded-proto': 'https' }))
    assert.match(copy?.url ?? '', /^https:\/\/demo\.example\.org\/file\/results\//)
  })

  it('do not take a forwarded host that is no host', async () => {
    const { copy } = await seenBy(await send({ papers: [{ data: 'aGk=', mimeType: 'text/plain' }] }, { 'x-forwarded-host': 'evil"><script>' }))
    assert.match(copy?.url ?? '', new RegExp(`^${host.url}/file/`))
  })

  it('are served in ranges, and to HEAD', async () => {
    const { copy } = await seenBy(await send({ papers: [{ data: Buffer.from('0123456789').toString('base64'), mimeType: 'text/plain', name: 'ten.txt' }] }))
    assert(copy !== null)
    const range = await fetch(copy.url, { headers: { range: 'bytes=2-4' } })
    assert.deepEqual([range.status, range.headers.get('content-range'), await range.text()], [206, 'bytes 2-4/10', '234'])
    assert.equal((await fetch(copy.url, { headers: { range: 'bytes=20-' } })).status, 416)
    const head = await fetch(copy.url, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '10', ''])
  })

  it('serve nothing else of the disk', async () => {
    const { copy } = await seenBy(await send({ papers: [{ data: 'aGk=', mimeType: 'text/plain' }] }))
    const [folder = ''] = /^\/file\/results\/[0-9a-f]{32}/.exec(new URL(copy?.url ?? '').pathname) ?? []
    const paths = [folder, `${folder}/`, `${folder}/other.txt`, `${folder}/..%2f..%2frun`, `${folder}/%2e%2e`, '/file/run/a/b', `/file/results/${'0'.repeat(32)}/a`, '/file/', '/file', '/file/uploads/..%2F..%2Fetc/passwd', '/file/%2fetc%2fpasswd/a/b']
    for (const path of paths) {
      const response = await fetch(host.url + path)
      assert.deepEqual([response.status, codeIn(await response.text())], [404, 'NOT_FOUND'], path)
    }
  })
})
