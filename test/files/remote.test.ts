import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { NetworkPolicy } from '../../server/files/network-policy.ts'
import { fetchRemoteFile, RemoteFileError, type RemoteFileOptions, type RemoteFileReason } from '../../server/files/remote.ts'
import { FileStore } from '../../server/files/store.ts'
import type { FileRef } from '../../workers/components.ts'

const PNG = Buffer.from('\x89PNG\r\n\x1a\n and more', 'latin1')

interface Web extends AsyncDisposable {
  origin: string
  store: FileStore
  port: number
  /** Paths asked for, in order. */
  asked: string[]
  hosts: string[]
  fetch(address: string, more?: Partial<RemoteFileOptions>): Promise<FileRef>
  leftovers(): Promise<string[]>
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server on loopback, and a store. */
async function startWeb(handler: Handler = (_request, response) => response.end('hello')): Promise<Web> {
  const stateDir = await mkdtemp(join(tmpdir(), 'footlights-remote-'))
  const store = await FileStore.open({ stateDir, keepFilesSeconds: 60, maxFileBytes: 1_000_000 })
  const [asked, hosts]: [string[], string[]] = [[], []]
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    hosts.push(request.headers.host ?? '')
    response.on('error', () => {})
    handler(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const origin = `http://127.0.0.1:${address.port}`
  return {
    origin,
    store,
    port: address.port,
    asked,
    hosts,
    fetch: (to, more) => fetchRemoteFile(to.startsWith('/') && !to.startsWith('//') ? origin + to : to, { store, maxBytes: 1_000_000, timeoutMs: 10_000, allowPrivate: true, ...more }),
    leftovers: () => readdir(join(stateDir, 'uploads')),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await rm(stateDir, { recursive: true })
    },
  }
}

async function refusal(fetching: Promise<FileRef>): Promise<RemoteFileError> {
  const error: unknown = await fetching.then(() => assert.fail('it was fetched'), (thrown: unknown) => thrown)
  assert.ok(error instanceof RemoteFileError, String(error))
  return error
}

async function assertRefused(web: Web, fetching: Promise<FileRef>, reason: RemoteFileReason): Promise<void> {
  const error = await refusal(fetching)
  assert.equal(error.reason, reason)
  assert.doesNotMatch(error.message, /127\.0|localhost|ECONN|ENOTFOUND|\d{4,}/)
  assert.deepEqual(await web.leftovers(), [])
}

/** Everything that the real policy says, and 127.0.0.1 counts as public. */
function policyWith(resolve: NetworkPolicy['resolve']): NetworkPolicy {
  return { allowsAddress: (address) => address === '127.0.0.1', allowsPort: () => true, resolve }
}

const resolveToLoopback = (): Promise<{ address: string; family: number }[]> => Promise.resolve([{ address: '127.0.0.1', family: 4 }])

describe('fetchRemoteFile', () => {
  it('brings a file into the store, with its name and type', async () => {
    await using web = await startWeb((_request, response) => response.setHeader('content-type', 'image/png; charset=x').end(PNG))
    const ref = await web.fetch('/pictures/my%20cat.png?size=large#top')
    assert.deepEqual({ ...ref, path: '' }, { path: '', name: 'my_cat.png', size: PNG.length, mimeType: 'image/png' })
    assert.deepEqual(await readFile(ref.path), PNG)
    assert.deepEqual(web.asked, ['/pictures/my%20cat.png?size=large'])
  })

  it('finds out what a file is of which the server says nothing', async () => {
    await using web = await startWeb((_request, response) => response.end(PNG))
    const ref = await web.fetch('/')
    assert.deepEqual([ref.name, ref.mimeType], ['file.png', 'image/png'])
  })

  for (const address of [
    'ftp://127.0.0.1/x', 'file:///etc/passwd', 'gopher://127.0.0.1/x', 'data:text/plain,x', 'javascript:alert(1)', 'blob:http://127.0.0.1/x', '', 'http://', 'not an address', '//127.0.0.1/x',
    'http://user@127.0.0.1/', 'http://user:secret@127.0.0.1/', 'http://:secret@127.0.0.1/', `http://127.0.0.1/${'x'.repeat(9_000)}`, 'http://127.0.0.1:99999/',
  ]) {
    it(`refuses ${JSON.stringify(address.slice(0, 40))}`, async () => {
      await using web = await startWeb()
      await assertRefused(web, web.fetch(address), 'url')
    })
  }

  describe('without private addresses', () => {
    const hosts = [
      '127.0.0.1', '127.1', '127.0.0.1.', '0x7f.0.0.1', '0177.0.0.1', '2130706433', '0x7f000001', '017700000001', '127.000.000.001', '0', '0.0.0.0', '%31%32%37.0.0.1', '①②⑦.0.0.1', '127。0。0。1',
      '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '10.0.0.1', '172.16.0.1', '192.168.1.1', '169.254.169.254', '[fd00:ec2::254]', '[fe80::1]',
      '100.64.0.1', '224.0.0.1', '255.255.255.255',
    ]
    for (const host of hosts) {
      it(`refuses ${host}, and asks nobody`, async () => {
        await using web = await startWeb()
        await assertRefused(web, web.fetch(`http://${host}:${web.port}/`, { allowPrivate: false }), 'address')
        assert.deepEqual(web.asked, [])
      })
    }

    it('refuses localhost under every name', async () => {
      await using web = await startWeb()
      for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'x.localhost']) {
        await assertRefused(web, web.fetch(`http://${host}:${web.port}/`, { allowPrivate: false, timeoutMs: 60_000 }), 'address')
      }
      assert.deepEqual(web.asked, [])
    })

    it('refuses ports below 1024 that are not those of the web', async () => {
      await using web = await startWeb()
      for (const port of [22, 25, 445]) await assertRefused(web, web.fetch(`http://93.184.216.34:${port}/`, { allowPrivate: false }), 'port')
    })
  })

  describe('a host name', () => {
    it('is resolved once, and the connection goes where it led then', async () => {
      await using web = await startWeb()
      let asked = 0
      const resolve = (): ReturnType<typeof resolveToLoopback> => Promise.resolve([{ address: asked++ === 0 ? '127.0.0.1' : '127.0.0.2', family: 4 }])
      await web.fetch(`http://rebinds.test:${web.port}/a.txt`, { policy: policyWith(resolve) })
      assert.equal(asked, 1)
      assert.deepEqual(web.hosts, [`rebinds.test:${web.port}`])
    })

    it('is refused when a single one of its addresses is', async () => {
      await using web = await startWeb()
      for (const other of ['127.0.0.2', '10.0.0.1', '::1', '::ffff:127.0.0.1']) {
        const resolve = async (): ReturnType<typeof resolveToLoopback> => [...(await resolveToLoopback()), { address: other, family: other.includes(':') ? 6 : 4 }]
        await assertRefused(web, web.fetch(`http://two.test:${web.port}/`, { policy: policyWith(resolve) }), 'address')
      }
      assert.deepEqual(web.asked, [])
    })

    it('that does not exist gets the same answer as one that leads inside', async () => {
      await using web = await startWeb()
      const inside = await refusal(web.fetch('http://inside.test/', { policy: policyWith(() => Promise.resolve([{ address: '10.0.0.1', family: 4 }])) }))
      const missing = await refusal(web.fetch('http://missing.test/', { policy: policyWith(() => Promise.reject(new Error('ENOTFOUND missing.test'))) }))
      const empty = await refusal(web.fetch('http://empty.test/', { policy: policyWith(() => Promise.resolve([])) }))
      for (const error of [missing, empty]) assert.deepEqual([error.reason, error.message], [inside.reason, inside.message])
    })

    it('that is never resolved is given up in time', async () => {
      await using web = await startWeb()
      await using _alive = keepAlive()
      await assertRefused(web, web.fetch('http://silent.test/', { policy: policyWith(() => new Promise(() => {})), timeoutMs: 20 }), 'timeout')
    })
  })

  describe('redirects', () => {
    for (const status of [301, 302, 303, 307, 308]) {
      it(`are followed (${status}), and a name that says something is kept`, async () => {
        await using web = await startWeb((request, response) => {
          if (request.url === '/cat.jpg') response.writeHead(status, { location: '/store/8f3a' }).end('elsewhere')
          else response.end('content')
        })
        const ref = await web.fetch('/cat.jpg')
        assert.deepEqual([ref.name, ref.size, ref.mimeType], ['cat.jpg', 7, 'image/jpeg'])
        assert.deepEqual(web.asked, ['/cat.jpg', '/store/8f3a'])
      })
    }

    it('are followed five times and no more', async () => {
      await using web = await startWeb((request, response) => {
        const left = Number(request.url?.slice(1))
        if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end()
        else response.end('there')
      })
      assert.equal((await web.fetch('/5')).size, 5)
      await assert.rejects(web.fetch('/6'), { reason: 'redirects' })
    })

    it('to nowhere, or in a circle, end', async () => {
      await using web = await startWeb((request, response) => response.writeHead(302, request.url === '/circle' ? { location: '/circle' } : {}).end())
      await assertRefused(web, web.fetch('/nowhere'), 'redirects')
      await assertRefused(web, web.fetch('/circle'), 'redirects')
    })

    for (const [location, reason] of [
      ['http://127.0.0.2/', 'address'], ['//127.0.0.2/', 'address'], ['http://169.254.169.254/latest/meta-data/', 'address'], ['http://[::1]/', 'address'], ['http://0x7f000002/', 'address'],
      ['http://inside.test/', 'address'], ['file:///etc/passwd', 'url'], ['http://user:secret@127.0.0.1/', 'url'], ['http://[', 'url'],
    ] as const) {
      it(`to ${location} are refused`, async () => {
        await using web = await startWeb((_request, response) => response.writeHead(302, { location }).end())
        const policy = policyWith((hostname) => (hostname === 'outside.test' ? resolveToLoopback() : Promise.resolve([{ address: '10.0.0.1', family: 4 }])))
        await assertRefused(web, web.fetch(`http://outside.test:${web.port}/`, { policy }), reason)
        assert.deepEqual(web.asked, ['/'])
      })
    }
  })

  describe('an answer', () => {
    for (const status of [204, 206, 304, 400, 401, 404, 429, 500, 503]) {
      it(`of ${status} is named`, async () => {
        await using web = await startWeb((_request, response) => response.writeHead(status).end())
        const error = await refusal(web.fetch('/'))
        assert.deepEqual([error.reason, error.message], ['status', `answered ${status}`])
        assert.deepEqual(await web.leftovers(), [])
      })
    }

    it('that announces too much is not read', async () => {
      await using web = await startWeb((_request, response) => {
        response.writeHead(200, { 'content-length': 2_000_000 }).flushHeaders()
      })
      await assertRefused(web, web.fetch('/'), 'too-large')
    })

    it('that does not end is cut at the bound', async () => {
      await using web = await startWeb((_request, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(64_000)));
        }
        response.on('drain', more)
        more()
      })
      await assertRefused(web, web.fetch('/'), 'too-large')
    })

    it('as large as the bound is taken', async () => {
      await using web = await startWeb((_request, response) => response.end(Buffer.alloc(1_000)))
      assert.equal((await web.fetch('/', { maxBytes: 1_000 })).size, 1_000)
      await assert.rejects(web.fetch('/', { maxBytes: 999 }), { reason: 'too-large' })
    })

    for (const [encoding, compress] of [['gzip', gzipSync], ['x-gzip', gzipSync], ['deflate', deflateSync], ['br', brotliCompressSync], ['zstd', zstdCompressSync]] as const) {
      it(`in ${encoding} is unpacked, within the bound`, async () => {
        await using web = await startWeb((request, response) => {
          assert.equal(request.headers['accept-encoding'], 'identity')
          response.writeHead(200, { 'content-encoding': encoding }).end(compress(request.url === '/bomb' ? Buffer.alloc(50_000_000) : Buffer.from('hello')))
        })
        assert.equal((await readFile((await web.fetch('/a.txt')).path)).toString(), 'hello')
        await assert.rejects(web.fetch('/bomb'), { reason: 'too-large' })
      })
    }

    it('in an unknown or a stacked encoding is refused', async () => {
      await using web = await startWeb((request, response) => response.writeHead(200, { 'content-encoding': request.url === '/a' ? 'compress' : 'gzip, gzip' }).end('x'))
      await assertRefused(web, web.fetch('/a'), 'encoding')
      await assertRefused(web, web.fetch('/b'), 'encoding')
    })

    it('that is not what it says is refused', async () => {
      await using web = await startWeb((_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip at all'))
      await assertRefused(web, web.fetch('/'), 'unreachable')
    })

    it('that breaks off is refused', async () => {
      await using web = await startWeb((_request, response) => {
        response.writeHead(200, { 'content-length': 1_000 })
        response.write('half', () => response.destroy())
      })
      await assertRefused(web, web.fetch('/'), 'unreachable')
    })

    it('that is no HTTP is refused', async () => {
      const server = createTcpServer((socket) => socket.on('error', () => {}).resume().end('220 mail.test ESMTP\r\n'))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      assert.ok(address !== null && typeof address === 'object')
      await using web = await startWeb()
      await assertRefused(web, web.fetch(`http://127.0.0.1:${address.port}/`), 'unreachable')
      server.close()
      await once(server, 'close')
      await assertRefused(web, web.fetch(`http://127.0.0.1:${address.port}/`), 'unreachable')
    })

    for (const [what, handler] of [
      ['never comes', (): void => {}],
      ['stops in the middle', (_request: IncomingMessage, response: ServerResponse): void => void response.write('half')],
    ] as const) {
      it(`that ${what} is given up in time`, async () => {
        await using web = await startWeb(handler)
        await using _alive = keepAlive()
        await assertRefused(web, web.fetch('/', { timeoutMs: 100 }), 'timeout')
      })
    }
  })

  it('gives up with the reason of the one who asked', async () => {
    const leaving = new AbortController()
    await using web = await startWeb((_request, response) => {
      response.write('half', () => leaving.abort(new Error('the caller left')))
    })
    await assert.rejects(web.fetch('/', { signal: leaving.signal }), /the caller left/)
    await assert.rejects(web.fetch('/', { signal: leaving.signal }), /the caller left/)
    assert.deepEqual(web.asked, ['/'])
    assert.deepEqual(await web.leftovers(), [])
  })

  it('reports a failure of ours as what it is', async (context) => {
    await using web = await startWeb()
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    context.mock.method(web.store, 'createUpload', () => Promise.reject(full))
    await assert.rejects(web.fetch('/'), full)
  })
})

function keepAlive(): AsyncDisposable {
  const timer = setInterval(() => {}, 1_000)
  return { [Symbol.asyncDispose]: async () => clearInterval(timer) }
}
