import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type MultipartForm, MultipartError, type MultipartOptions, type MultipartReason, readMultipart } from '../../server/files/multipart.ts'
import { FileStore } from '../../server/files/store.ts'

const BOUNDARY = 'x-boundary-x'
const PNG = Buffer.from('\x89PNG\r\n\x1a\n and more', 'latin1')

interface Reader extends AsyncDisposable {
  port: number
  store: FileStore
  /** Sends a body and gives what became of it; the connection answers in any case. */
  send(body: string | Buffer | FormData, contentType?: string): Promise<MultipartForm>
  /** What became of the next request that comes in by other means. */
  next(): Promise<MultipartForm>
  leftovers(): Promise<string[]>
}

async function startReader(options: Partial<MultipartOptions> = {}): Promise<Reader> {
  const stateDir = await mkdtemp(join(tmpdir(), 'footlights-form-'))
  const store = await FileStore.open({ stateDir, keepFilesSeconds: 60, maxFileBytes: 1_000_000 })
  const waiting: PromiseWithResolvers<MultipartForm>[] = []
  const server = createServer((incoming: IncomingMessage, response) => {
    const reading = readMultipart(incoming, { store, maxFileBytes: 1_000_000, maxFiles: 10, maxFieldBytes: 10_000, fileFields: (name) => name.startsWith('file'), ...options })
    const outcome = waiting.shift()
    reading.then((form) => outcome?.resolve(form), (error: unknown) => outcome?.reject(error))
    reading.finally(() => response.setHeader('connection', 'close').end('answered')).catch(() => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const { port } = address
  const next = (): Promise<MultipartForm> => {
    const outcome = Promise.withResolvers<MultipartForm>()
    waiting.push(outcome)
    return outcome.promise
  }
  return {
    port,
    store,
    next,
    leftovers: () => readdir(join(stateDir, 'uploads')),
    send: async (body, contentType = `multipart/form-data; boundary=${BOUNDARY}`) => {
      const outcome = next()
      outcome.catch(() => {})
      const headers = body instanceof FormData ? {} : { 'content-type': contentType }
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: typeof body === 'string' || body instanceof FormData ? body : new Uint8Array(body), headers })
      assert.equal(await answer.text(), 'answered')
      return outcome
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await rm(stateDir, { recursive: true })
    },
  }
}

/** One part, headers as they are. */
function part(headers: string, content: string): string {
  return `--${BOUNDARY}\r\n${headers}\r\n\r\n${content}\r\n`
}

const END = `--${BOUNDARY}--\r\n`

function text(name: string, content: string): string {
  return part(`Content-Disposition: form-data; name="${name}"`, content)
}

function file(name: string, fileName: string, content: string, type = 'Content-Type: application/octet-stream\r\n'): string {
  return part(`${type}Content-Disposition: form-data; name="${name}"; filename="${fileName}"`, content)
}

async function assertRefused(reader: Reader, body: string | Buffer, reason: MultipartReason, contentType?: string): Promise<void> {
  await assert.rejects(reader.send(body, contentType), (error) => error instanceof MultipartError && error.reason === reason)
  assert.deepEqual(await reader.leftovers(), [])
}

describe('readMultipart', () => {
  it('reads fields and files as a browser sends them', async () => {
    await using reader = await startReader()
    const form = new FormData()
    form.append('text', 'grüße 写真\r\n')
    form.append('many', '1')
    form.append('file', new Blob([PNG], { type: 'image/png' }), 'my cät.png')
    form.append('many', '2')
    form.append('file2', new Blob(['hello']))
    const { fields, files } = await reader.send(form)
    assert.deepEqual({ ...fields }, { text: ['grüße 写真\r\n'], many: ['1', '2'] })
    assert.deepEqual(files.map(({ field, ref }) => [field, ref.name, ref.size, ref.mimeType]), [
      ['file', 'my_cat.png', PNG.length, 'image/png'],
      ['file2', 'blob', 5, 'application/octet-stream'],
    ])
    assert.deepEqual(await readFile(files[0]?.ref.path ?? ''), PNG)
  })

  it('reads an empty form', async () => {
    await using reader = await startReader()
    const { fields, files } = await reader.send(END)
    assert.deepEqual([{ ...fields }, files], [{}, []])
  })

  it('finds out what a file is of which the client says nothing', async () => {
    await using reader = await startReader()
    const body = Buffer.concat([Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="blob"\r\n\r\n`), PNG, Buffer.from(`\r\n${END}`)])
    const { files } = await reader.send(body)
    assert.deepEqual(files.map(({ ref }) => [ref.name, ref.mimeType]), [['blob.png', 'image/png']])
  })

  it('takes a file part for a text field as its text, and text for a file field as text', async () => {
    await using reader = await startReader()
    const { fields, files } = await reader.send(file('text', 'a.txt', 'from a file') + text('file', 'https://example.com/x') + part('Content-Disposition: form-data; name="file3"\r\nContent-Type: application/json', '{"url":"x"}') + END)
    assert.deepEqual({ ...fields }, { text: ['from a file'], file: ['https://example.com/x'], file3: ['{"url":"x"}'] })
    assert.deepEqual(files, [])
    assert.deepEqual(await reader.leftovers(), [])
  })

  it('takes bytes without a file name for a file', async () => {
    await using reader = await startReader()
    const { files } = await reader.send(part('Content-Disposition: form-data; name="file"\r\nContent-Type: image/png', 'x') + END)
    assert.deepEqual(files.map(({ ref }) => [ref.name, ref.mimeType]), [['file.png', 'image/png']])
  })

  it('passes over a file input that was left empty, and keeps an empty file', async () => {
    await using reader = await startReader()
    const { files } = await reader.send(file('file', '', '') + file('file', 'empty.txt', '') + END)
    assert.deepEqual(files.map(({ ref }) => [ref.name, ref.size]), [['empty.txt', 0]])
    assert.equal((await reader.leftovers()).length, 1)
  })

  it('takes names that would mean something to an object as plain names', async () => {
    await using reader = await startReader({ fileFields: (name) => name === '__proto__ ' })
    const { fields } = await reader.send(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__proto__'].map((name) => text(name, 'x')).join('') + END)
    assert.deepEqual(Object.keys(fields), ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
    assert.deepEqual(fields['__proto__'], ['x', 'x'])
    assert.equal(Object.getPrototypeOf(fields), null)
    assert.equal(Object.getPrototypeOf({}), Object.prototype)
  })

  it('makes a safe name of any file name', async () => {
    await using reader = await startReader()
    const { files } = await reader.send(file('file', '../../etc/passwd', 'x') + file('file', 'C:\\\\x\\\\con.txt', 'x') + part("Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%C3%BC%20b.txt", 'x') + END)
    assert.deepEqual(files.map(({ ref }) => ref.name), ['passwd', '_con.txt', 'u_b.txt'])
    for (const { ref } of files) assert.match(reader.store.publicPath(ref), /^uploads\/[0-9a-f]{32}\/[\w.-]+$/)
  })

  it('reads a thousand small files, one at a time, in their order', async () => {
    await using reader = await startReader({ maxFiles: 1_000 })
    const names = Array.from({ length: 1_000 }, (_, index) => `${index}.txt`)
    const { files } = await reader.send(names.map((name) => file('file', name, name)).join('') + END)
    assert.deepEqual(files.map(({ ref }) => ref.name), names)
    assert.equal((await readFile(files[999]?.ref.path ?? '')).toString(), '999.txt')
  })

  it('tells how far each file is', async () => {
    const heard = new Map<string, number>()
    await using reader = await startReader({ onBytes: (name, bytes) => heard.set(name, (heard.get(name) ?? 0) + bytes) })
    const form = new FormData()
    form.append('file', new Blob([Buffer.alloc(300_000)]), 'a b.bin')
    form.append('file', new Blob(['12345']), 'c.bin')
    form.append('text', 'not counted')
    await reader.send(form)
    assert.deepEqual([...heard], [['a b.bin', 300_000], ['c.bin', 5]])
  })

  describe('refuses, and leaves nothing behind:', () => {
    const whole = file('file', 'a.txt', 'content')
    const malformed: [what: string, body: string | Buffer, contentType?: string][] = [
      ['no body', ''],
      ['a body without any boundary', 'hello world'],
      ['a body cut in a file', whole + file('file', 'b.txt', 'half').slice(0, -4)],
      ['a body cut in a text', whole + text('text', 'half').slice(0, -4)],
      ['a body cut in the headers of a part', `${whole}--${BOUNDARY}\r\nContent-Dispo`],
      ['a body without its last boundary', whole],
      ['another boundary than announced', whole + END, 'multipart/form-data; boundary=other'],
      ['no boundary at all', whole + END, 'multipart/form-data'],
      ['an empty parameter', whole + END, 'multipart/form-data;'],
      ['another type', whole + END, 'application/x-www-form-urlencoded'],
      ['a part without a name', whole + part('Content-Disposition: form-data', 'x') + END],
      ['a file without a name of its field', whole + part('Content-Disposition: form-data; filename="a.txt"', 'x') + END],
      ['a name of 201 characters', whole + text('x'.repeat(201), 'x') + END],
      ['text that is not UTF-8', Buffer.concat([Buffer.from(`${whole}--${BOUNDARY}\r\nContent-Disposition: form-data; name="text"\r\n\r\n`), Buffer.from([0xc3, 0x28]), Buffer.from(`\r\n${END}`)])],
    ]
    for (const [what, body, contentType] of malformed) {
      it(what, async () => {
        await using reader = await startReader()
        await assertRefused(reader, body, 'malformed', contentType)
      })
    }

    it('a file above the bound', async () => {
      await using reader = await startReader({ maxFileBytes: 100 })
      await assertRefused(reader, whole + file('file', 'b.txt', 'x'.repeat(101)) + END, 'too-large')
      assert.equal((await reader.send(file('file', 'b.txt', 'x'.repeat(100)) + END)).files.length, 1)
    })

    it('a text above the bound, or many that are together', async () => {
      await using reader = await startReader({ maxFieldBytes: 100 })
      await assertRefused(reader, whole + text('text', 'x'.repeat(101)) + END, 'too-large')
      await assertRefused(reader, whole + text('text', 'x'.repeat(60)) + text('text', 'x'.repeat(60)) + END, 'too-large')
    })

    it('files that are too large together', async () => {
      await using reader = await startReader({ maxTotalBytes: 100 })
      await assertRefused(reader, file('file', 'a.txt', 'x'.repeat(60)) + file('file', 'b.txt', 'x'.repeat(60)) + END, 'too-large')
    })

    it('too many files', async () => {
      await using reader = await startReader({ maxFiles: 2 })
      await assertRefused(reader, whole + whole + whole + END, 'too-many')
    })

    it('too many fields', async () => {
      await using reader = await startReader()
      await assertRefused(reader, whole + text('text', '').repeat(1_001) + END, 'too-many')
    })

    it('too many parts', async () => {
      await using reader = await startReader({ maxFiles: 100_000 })
      await assertRefused(reader, file('file', '', '').repeat(2_001) + END, 'too-many')
    })

    it('a body that announces far too much, before any of it is read', async () => {
      await using reader = await startReader({ maxFileBytes: 100 })
      const outcome = reader.next()
      outcome.catch(() => {})
      const sent = request({ port: reader.port, method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'content-length': 10 ** 12 } })
      sent.on('error', () => {}).flushHeaders()
      await assert.rejects(outcome, { reason: 'too-large' })
      sent.destroy()
    })

    it('a stream of junk without an end', async () => {
      await using reader = await startReader({ maxFileBytes: 100 })
      const outcome = reader.next()
      outcome.catch(() => {})
      const sent = request({ port: reader.port, method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'transfer-encoding': 'chunked' } })
      const more = (): void => {
        while (!sent.destroyed && sent.write(Buffer.alloc(64_000)));
      }
      sent.on('error', () => {}).on('drain', more)
      more()
      await assert.rejects(outcome, { reason: 'too-large' })
      sent.destroy()
    })
  })

  it('gives up when the client leaves in the middle of a file', async () => {
    await using reader = await startReader()
    const outcome = reader.next()
    outcome.catch(() => {})
    const socket = connect(reader.port, '127.0.0.1')
    socket.on('error', () => {})
    const body = file('file', 'a.txt', 'first') + file('file', 'b.txt', 'half').slice(0, -10)
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=${BOUNDARY}\r\ncontent-length: 100000\r\n\r\n${body}`)
    // Not before the first file is there.
    while ((await reader.leftovers()).length === 0) await new Promise(setImmediate)
    socket.destroy()
    await assert.rejects(outcome, { reason: 'aborted' })
    assert.deepEqual(await reader.leftovers(), [])
  })

  it('gives up with the reason of its signal, at the beginning and in the middle', async () => {
    const leaving = new AbortController()
    await using reader = await startReader({ signal: leaving.signal, onBytes: () => leaving.abort(new Error('no time left')) })
    await assert.rejects(reader.send(file('file', 'a.txt', 'content') + END), /no time left/)
    await assert.rejects(reader.send(file('file', 'a.txt', 'content') + END), /no time left/)
    assert.deepEqual(await reader.leftovers(), [])
  })

  it('reports a failure of ours as what it is', async (context) => {
    await using reader = await startReader()
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    context.mock.method(reader.store, 'createUpload', () => Promise.reject(full))
    await assert.rejects(reader.send(file('file', 'a.txt', 'content') + text('text', 'x') + file('file', 'b.txt', 'content') + END), full)
  })

  it('does not hold a fast client in memory while the disk is slow', async () => {
    await using reader = await startReader({ maxFileBytes: 200_000_000 })
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const outcome = reader.next()
    const sent = request({ port: reader.port, method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` } })
    sent.write(file('file', 'a.bin', '').slice(0, -2))
    for (let piece = 0; piece < 400; piece += 1) {
      if (!sent.write(Buffer.alloc(256 * 1024))) await once(sent, 'drain')
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
    sent.end(`\r\n${END}`)
    const { files } = await outcome
    assert.equal(files[0]?.ref.size, 400 * 256 * 1024)
    assert.ok(most < 60_000_000, `${most}`)
  })
})
