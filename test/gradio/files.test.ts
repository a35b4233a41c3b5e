import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { blocks, call, post, result } from './wire.ts'

const PATH = /^uploads\/[0-9a-f]{32}\/[A-Za-z0-9._-]+$/
const meta = { _type: 'gradio.FileData' }

let host: TestHost
let app: string

async function upload(...files: File[]): Promise<string[]> {
  const response = await send(files)
  assert.equal(response.status, 200, await response.clone().text())
  const paths: unknown = await response.json()
  assert.ok(Array.isArray(paths))
  return paths.map(String)
}

function send(files: File[], query = ''): Promise<Response> {
  const form = new FormData()
  for (const file of files) form.append('files', file)
  return fetch(`${app}/gradio_api/upload${query}`, { method: 'POST', body: form })
}

async function predict(...data: unknown[]): Promise<[event: string, data: unknown]> {
  return (await result(app, await call(app, { data }))).at(-1) ?? ['nothing', null]
}

async function failure(...data: unknown[]): Promise<string> {
  const [event, told] = await predict(...data)
  assert.equal(event, 'error', JSON.stringify(told))
  return String(Object(told).error)
}

describe("Gradio's files", () => {
  before(async () => {
    host = await startTestHost({ models: ['gradio-files', 'gradio-kitchen'], config: { maxUploadMb: 1 } })
    app = `${host.url}/gradio-files`
  })
  after(() => host[Symbol.asyncDispose]())

  it('stores uploads in order under names of its own that need no quoting', async () => {
    const names = ['plain.txt', 'my file #1%.txt', 'naïve—ünï 写真.txt', '../../etc/passwd', "a'b\"c[d]?.txt", 'blob', '.bashrc', 'CON.txt', `${'x'.repeat(400)}.txt`]
    const paths = await upload(...names.map((name) => new File([name], name)))
    for (const [index, path] of paths.entries()) {
      assert.match(path, PATH)
      const stored = await fetch(`${app}/gradio_api/file=${path}`)
      assert.equal(await stored.text(), names[index])
    }
    assert.equal(new Set(paths).size, names.length)
  })

  it('takes a file and gives one back', async () => {
    const [path] = await upload(new File(['hello'], 'my file.txt', { type: 'text/plain' }))
    const [event, data] = await predict({ path, orig_name: 'my file.txt', meta })
    assert.equal(event, 'complete')
    assert.ok(Array.isArray(data))
    const [loud, picture, told] = data
    assert.equal(told, 'my_file.txt 5 text/plain')
    assert.equal(picture, null)
    assert.deepEqual(Object.keys(loud), ['path', 'url', 'size', 'orig_name', 'mime_type', 'is_stream', 'meta'])
    assert.match(loud.path, /^results\/[0-9a-f]{32}\/loud-my_file\.txt$/)
    assert.equal(loud.url, `${app}/gradio_api/file=${loud.path}`)
    assert.equal(await (await fetch(loud.url)).text(), 'HELLO')
    assert.deepEqual([loud.size, loud.mime_type, loud.is_stream, loud.meta], [5, 'text/plain', false, meta])
  })

  it('takes its own results back, by name and by URL', async () => {
    const [path] = await upload(new File(['again'], 'a.txt'))
    const [, first] = await predict({ path, meta })
    assert.ok(Array.isArray(first))
    for (const given of [{ path: first[0].path, meta }, { path: first[0].url, meta }, { path: 'gone', url: first[0].url, meta }]) assert.equal((await predict(given))[0], 'complete')
  })

  it('gives a file the name that its user has for it', async () => {
    const [path] = await upload(new File(['x'], 'blob', { type: 'application/octet-stream' }))
    const [, data] = await predict({ path, orig_name: 'notes.txt', meta })
    assert.ok(Array.isArray(data))
    assert.equal(data[2], 'notes.txt 1 text/plain')
  })

  it('takes data: URLs', async () => {
    const [, data] = await predict({ path: '', url: 'data:text/plain;base64,aGk=', orig_name: 'a.txt', meta })
    assert.ok(Array.isArray(data))
    assert.equal(data[2], 'a.txt 2 text/plain')
  })

  it('refuses whatever was not uploaded here', async () => {
    const [path] = await upload(new File(['x'], 'a.txt'))
    const foreign: [given: unknown, text: RegExp][] = [
      [{ path: '/etc/passwd', meta }, /^paper: is not a file that was uploaded here$/],
      [{ path: `${host.stateDir}/${path}`, meta }, /not a file that was uploaded here/],
      [{ path: `${path}/../a.txt`, meta }, /not a file that was uploaded here/],
      [{ path: 'uploads/../../../etc/passwd', meta }, /not a file that was uploaded here/],
      [{ path: 'file:///etc/passwd', meta }, /not a file that was uploaded here/],
      [{ path }, /must be a file/],
      [{ path, meta: {} }, /must be a file/],
      [{}, /must be a file/],
      ['text', /must be a file/],
      [null, /paper: is required/],
      [{ path: 'data:text/plain,hi', meta }, /no readable data: URL/],
    ]
    for (const [given, text] of foreign) assert.match(await failure(given), text, JSON.stringify(given))
  })

  it('fetches nothing from the private network', async () => {
    for (const url of ['http://127.0.0.1:9/x', 'http://169.254.169.254/latest', 'http://[::1]/x', 'http://localhost/x', 'http://0x7f.1/x']) {
      assert.match(await failure({ path: url, meta }), /^paper: could not be fetched: /, url)
    }
  })

  it('answers at once when a URL is slow, and goes on in the background', async () => {
    await using open = await startTestHost({ models: ['gradio-files'], config: { allowPrivateUrls: true } })
    const slow = createServer((_req, res) => void setTimeout(() => res.setHeader('content-type', 'text/plain').end('late'), 3_000))
    await once(slow.listen(0, '127.0.0.1'), 'listening')
    try {
      const address = slow.address() as AddressInfo
      const id = await call(`${open.url}/gradio-files`, { data: [{ path: `http://127.0.0.1:${address.port}/a.txt`, meta }] })
      assert.match(id, /^[0-9a-f]{32}$/)
      const [[event, data] = []] = await result(`${open.url}/gradio-files`, id)
      assert.deepEqual([event, Array.isArray(data) && data[2]], ['complete', 'a.txt 4 text/plain'])
    } finally {
      slow.close()
    }
  })

  it('serves nothing but its own files, and says the same of all else', async () => {
    const [path = ''] = await upload(new File(['x'], 'a.txt'))
    for (const other of ['/etc/passwd', 'uploads', path.slice(0, -6), `${path}/`, `${path}%00`, '..%2F..%2Fetc%2Fpasswd', 'uploads/..%2Frun', `results${path.slice(7)}`, 'http://127.0.0.1/x', `${host.stateDir}/${path}`]) {
      const response = await fetch(`${app}/gradio_api/file=${other}`)
      assert.equal(response.status, 403, other)
      assert.match(String(Object(await response.json()).detail), /^File not allowed: /)
    }
  })

  it('serves the same file on the deprecated and the unprefixed path', async () => {
    const [path] = await upload(new File(['same'], 'a.txt'))
    for (const prefix of ['/gradio_api/file/', '/file=']) assert.equal(await (await fetch(app + prefix + path)).text(), 'same')
  })

  it('serves ranges', async () => {
    const [path] = await upload(new File(['0123456789'], 'a.txt'))
    const ranges: [range: string, status: number, body: string, contentRange: string | null][] = [
      ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
      ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
      ['bytes=7-', 206, '789', 'bytes 7-9/10'],
      ['bytes=-3', 206, '789', 'bytes 7-9/10'],
      ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
      ['bytes=10-', 416, '', 'bytes */10'],
    ]
    for (const [range, status, body, contentRange] of ranges) {
      const response = await fetch(`${app}/gradio_api/file=${path}`, { headers: { range, cookie: 'secret=1' } })
      assert.deepEqual([response.status, response.headers.get('content-range')], [status, contentRange], range)
      const text = await response.text()
      if (status === 206) assert.equal(text, body)
      assert.equal(response.headers.get('cookie'), null)
    }
    const head = await fetch(`${app}/gradio_api/file=${path}`, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers.get('content-length'), head.headers.get('accept-ranges')], [200, '10', 'bytes'])
  })

  it('never shows a page of a user', async () => {
    const paths = await upload(new File(['<script>1</script>'], 'a.html', { type: 'text/html' }), new File(['<svg/>'], 'a.svg', { type: 'image/svg+xml' }))
    for (const path of paths) {
      const response = await fetch(`${app}/gradio_api/file=${path}`)
      assert.equal(response.headers.get('content-type'), 'application/octet-stream')
      assert.match(response.headers.get('content-disposition') ?? '', /^attachment/)
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
      await response.text()
    }
  })

  it('refuses what is too large, in plain words', async () => {
    const response = await send([new File([new Uint8Array(1024 * 1024 + 1)], 'big.bin')])
    assert.equal(response.status, 413)
    assert.equal(await response.text(), 'File size exceeded maximum allowed size of 1048576 bytes.')
  })

  it('refuses what is no form of files', async () => {
    const cases: [contentType: string, body: string, text: RegExp][] = [
      ['application/json', '{}', /^Invalid content type\.$/],
      ['multipart/form-data', 'x', /multipart/],
      ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\ncut', /ended early|cannot be parsed/],
      ['multipart/form-data; boundary=x', '--x--\r\n', /no file|cannot be parsed/],
    ]
    for (const [contentType, body, text] of cases) {
      const response = await fetch(`${app}/gradio_api/upload`, { method: 'POST', headers: { 'content-type': contentType }, body })
      assert.equal(response.status, 400, contentType)
      assert.match(String(Object(await response.json()).detail), text, body)
    }
  })

  it('tells how far an upload is', async () => {
    const watching = fetch(`${app}/gradio_api/upload_progress?upload_id=u1`)
    const boundary = 'x'
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="big.txt"\r\nContent-Type: text/plain\r\n\r\n`
    const sending = request(`${app}/gradio_api/upload?upload_id=u1`, { method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } })
    const answered = once(sending, 'response')
    sending.write(head + 'a'.repeat(70_000))
    const updates: { msg: string; orig_name?: string; chunk_size?: number }[] = []
    for await (const block of blocks(await watching)) {
      updates.push(JSON.parse(block.replace('data: ', '')))
      if (updates.length === 1) sending.end(`${'b'.repeat(30_000)}\r\n--${boundary}--\r\n`)
    }
    const [response] = await answered
    response.resume()
    assert.equal(response.statusCode, 200)
    assert.deepEqual(updates.at(-1), { msg: 'done' })
    const steps = updates.slice(0, -1)
    assert.ok(steps.every(({ msg, orig_name: name }) => msg === 'update' && name === 'big.txt'))
    assert.equal(steps.reduce((sum, { chunk_size: bytes = 0 }) => sum + bytes, 0), 100_000)
  })

  it('knows no upload that does not begin', async () => {
    const response = await fetch(`${app}/gradio_api/upload_progress?upload_id=never`)
    assert.deepEqual([response.status, await response.text()], [404, 'Upload not found'])
  })

  it('carries files through every component that takes them', async () => {
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
    const [picture, text] = await upload(new File([png], 'a.png', { type: 'image/png' }), new File(['t'], 'a.txt', { type: 'text/plain' }))
    const kitchen = `${host.url}/gradio-kitchen`
    const body = { picture: { path: picture, meta }, paper: [{ path: text, meta }], papers: { path: text, meta }, pictures: [{ image: { path: picture, meta }, caption: 'One' }, picture] }
    const response = await post(kitchen, '/gradio_api/call/v2/predict', body)
    const [[event, data] = []] = await result(kitchen, (await response.text()).split('"')[3] ?? '')
    assert.equal(event, 'complete', JSON.stringify(data))
    assert.ok(Array.isArray(data))
    const [image, , , paper, papers, pictures] = data.slice(8)
    assert.deepEqual(Buffer.from(await (await fetch(image.url)).arrayBuffer()), png)
    assert.deepEqual([paper.mime_type, papers.length, papers[0].orig_name], ['text/plain', 1, 'a.txt'])
    assert.deepEqual(pictures.map(({ caption }: { caption: unknown }) => caption), ['One', null])
    assert.equal((await post(kitchen, '/gradio_api/run/predict', { data: new Array(8).fill(null).concat([{ path: text, meta }]) })).status, 400)
  })
})
