import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener, Server } from 'node:http'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { describe, it } from 'node:test'

import { closeGracefully, createHttpServer, HTTP_SERVER_DEFAULTS } from '../../server/http-server.ts'
import type { HttpServerOptions } from '../../server/http-server.ts'

const answerAfterBody: RequestListener = (req, res) => {
  req.resume().once('end', () => res.end('done'))
}

interface Listening extends AsyncDisposable {
  server: Server
  port: number
}

async function listen(listener: RequestListener, options?: Partial<HttpServerOptions>): Promise<Listening> {
  const server = createHttpServer(listener, options).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  return {
    server,
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Writes bytes as they are and returns all that comes back until the server closes. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk) => (answer += chunk))
  socket.on('error', () => {})
  socket.write(text, 'latin1')
  await once(socket, 'close')
  return answer
}

function assertProblem(answer: string, status: number, code: string): void {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  assert.match(head, new RegExp(`^HTTP/1.1 ${status} `))
  assert.match(head, /^content-type: application\/problem\+json$/im)
  assert.match(head, /^x-request-id: [\w.-]+$/im)
  const problem = JSON.parse(body)
  assert.equal(problem.status, status)
  assert.equal(problem.code, code)
  assert.equal(typeof problem.requestId, 'string')
  assert.doesNotMatch(body, /node_modules|\.ts:|Error:/)
}

describe('createHttpServer', () => {
  it('keeps connections longer than a load balancer does', () => {
    assert(HTTP_SERVER_DEFAULTS.keepAliveTimeoutMs >= 65_000)
    assert(HTTP_SERVER_DEFAULTS.headersTimeoutMs > HTTP_SERVER_DEFAULTS.keepAliveTimeoutMs)
    const server = createHttpServer(answerAfterBody)
    assert.equal(server.keepAliveTimeout, HTTP_SERVER_DEFAULTS.keepAliveTimeoutMs)
    assert.equal(server.headersTimeout, HTTP_SERVER_DEFAULTS.headersTimeoutMs)
    assert.equal(server.requestTimeout, HTTP_SERVER_DEFAULTS.requestTimeoutMs)
    assert.equal(server.maxRequestsPerSocket, 0)
  })

  const garbage: [name: string, text: string, status: number, code: string][] = [
    ['what is no HTTP', 'hello\r\n\r\n', 400, 'MALFORMED_BODY'],
    ['headers over 16 KiB', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'TOO_LARGE'],
    ['both content-length and transfer-encoding', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400, 'MALFORMED_BODY'],
    ['two lengths', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc', 400, 'MALFORMED_BODY'],
    ['a negative length', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -3\r\n\r\n', 400, 'MALFORMED_BODY'],
    ['a folded header', 'GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n 2\r\n\r\n', 400, 'MALFORMED_BODY'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nhost : a\r\n\r\n', 400, 'MALFORMED_BODY'],
    ['a control character in a header', 'GET / HTTP/1.1\r\nhost: a\r\nx: \u0001\r\n\r\n', 400, 'MALFORMED_BODY'],
    ['a broken chunk', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 400, 'MALFORMED_BODY'],
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n', 405, 'METHOD_NOT_ALLOWED'],
  ]
  for (const [name, text, status, code] of garbage) {
    it(`answers ${name} with a problem`, async () => {
      await using listening = await listen(answerAfterBody)
      assertProblem(await raw(listening.port, text), status, code)
    })
  }

  it('answers 408 when the headers or the body take too long', async () => {
    await using listening = await listen(answerAfterBody, { headersTimeoutMs: 100, requestTimeoutMs: 200 })
    assertProblem(await raw(listening.port, 'GET / HTTP/1.1\r\nhost:'), 408, 'MALFORMED_BODY')
    assertProblem(await raw(listening.port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc'), 408, 'MALFORMED_BODY')
  })

  it('writes nothing into an answer that has begun', async () => {
    await using listening = await listen((_req, res) => res.write('begun'))
    const answer = await raw(listening.port, 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n')
    assert.doesNotMatch(answer, /problem/)
  })

  it('takes an Expect header of any kind', async () => {
    await using listening = await listen(answerAfterBody)
    assert.match(await raw(listening.port, 'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab'), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/)
    assert.match(await raw(listening.port, 'GET / HTTP/1.1\r\nhost: a\r\nexpect: a-miracle\r\nconnection: close\r\n\r\n'), /^HTTP\/1.1 200 OK/)
  })
})

describe('closeGracefully', () => {
  it('finishes what was begun, closes idle connections, and answers a request on a kept connection with Connection: close', async () => {
    const begun: (() => void)[] = []
    const arrived = Promise.withResolvers<void>()
    await using listening = await listen((_req, res) => {
      begun.push(() => res.end('late'))
      arrived.resolve()
    })
    const agent = new Agent({ keepAlive: true })
    const client = request({ port: listening.port, host: '127.0.0.1', agent }).end()
    const idle = connect(listening.port, '127.0.0.1')
    await Promise.all([arrived.promise, once(idle, 'connect')])
    const closed = closeGracefully(listening.server)
    await once(idle.resume(), 'close')
    begun.forEach((finish) => finish())
    const [response] = await once(client, 'response')
    assert.equal(response.statusCode, 200)
    assert.equal(response.headers.connection, 'close')
    response.resume()
    await closed
    agent.destroy()
  })

  it('cuts what is left when told to', async () => {
    const arrived = Promise.withResolvers<void>()
    await using listening = await listen(() => arrived.resolve())
    const client = request({ port: listening.port, host: '127.0.0.1', agent: false }).end()
    const cutOff = once(client, 'error')
    await arrived.promise
    const giveUp = new AbortController()
    const closed = closeGracefully(listening.server, giveUp.signal)
    giveUp.abort()
    await closed
    await cutOff
  })
})
