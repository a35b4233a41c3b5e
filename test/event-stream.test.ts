import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { EventStream } from '../server/event-stream.ts'
import { countedWrites } from './helpers/counted-writes.ts'

interface Opened extends AsyncDisposable {
  stream: EventStream
  response: ServerResponse
  answer: Promise<IncomingMessage>
  /** What was given to the socket, one entry for each write. */
  writes: string[]
}

async function open(): Promise<Opened> {
  const begun = Promise.withResolvers<Omit<Opened, 'answer' | typeof Symbol.asyncDispose>>()
  const server = createServer((_req, response) => {
    begun.resolve({ writes: countedWrites(response.socket), stream: new EventStream(response, null), response })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const request = get({ port: address.port, host: '127.0.0.1', agent: false })
  request.on('error', () => {})
  const answer = once(request, 'response').then(([response]: IncomingMessage[]) => {
    assert.ok(response)
    return response
  })
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { ...(await begun.promise), answer, [Symbol.asyncDispose]: close }
}

async function textOf(answer: Promise<IncomingMessage>): Promise<string> {
  let text = ''
  for await (const chunk of (await answer).setEncoding('utf8')) text += chunk
  return text
}

describe('EventStream', () => {
  test('writes what was said in one turn, by the way or not, in one go with the headers', async () => {
    await using opened = await open()
    opened.stream.writeByTheWay('a')
    opened.stream.write('b')
    opened.stream.write('c')
    await opened.answer
    assert.equal(opened.writes.length, 1)
    assert.match(opened.writes[0] ?? '', /^HTTP\/1\.1 200[^]+\r\nabc\r\n/)
    opened.stream.end('d')
    assert.equal(await textOf(opened.answer), 'abcd')
  })

  test('sends its headers, and what was only said by the way, also when nothing else comes', async () => {
    await using opened = await open()
    const { headers } = await opened.answer
    assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8')
    opened.stream.writeByTheWay('a')
    const [chunk] = await once(await opened.answer, 'data')
    assert.equal(String(chunk), 'a')
  })

  test('tells a slow caller apart, and when it has caught up', async () => {
    await using opened = await open()
    await opened.answer
    const most = 'x'.repeat(64 * 1024 * 1024)
    opened.stream.write(most)
    assert.equal(opened.stream.isFull, true)
    const text = textOf(opened.answer)
    await opened.stream.drained()
    assert.equal(opened.stream.isFull, false)
    opened.stream.end()
    assert.equal((await text).length, most.length)
  })

  test('says once that it is over, to whoever still wants to know, and takes nothing after', async () => {
    await using opened = await open()
    const heard: string[] = []
    opened.stream.onOver(() => heard.push('first'))
    opened.stream.onOver(() => heard.push('second'))()
    opened.stream.end('a')
    opened.stream.write('b')
    opened.stream.onOver(() => heard.push('late'))
    assert.deepEqual([heard, opened.stream.isOver, opened.stream.wasBroken], [['first', 'late'], true, false])
    assert.equal(await textOf(opened.answer), 'a')
  })

  test('is broken when the caller leaves, also for one who waits until it has caught up', async () => {
    await using opened = await open()
    opened.stream.write('x'.repeat(64 * 1024 * 1024))
    const drained = opened.stream.drained()
    const answer = await opened.answer
    answer.on('error', () => {})
    answer.destroy()
    await drained
    assert.deepEqual([opened.stream.isOver, opened.stream.wasBroken], [true, true])
  })

  test('leaves the answer to an error to whoever gives it', async () => {
    await using opened = await open()
    opened.stream.write('never sent')
    opened.response.statusCode = 500
    opened.response.end('broken')
    assert.equal((await opened.answer).statusCode, 500)
    assert.equal(await textOf(opened.answer), 'broken')
  })
})
