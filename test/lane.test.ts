import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { EncodedValues } from '../workers/encoded-values.ts'
import { ownCopy } from '../workers/free-buffer.ts'
import { FrameReader } from '../workers/frames.ts'
import { Lane, type Unit } from '../workers/lane.ts'
import { itemOf } from './helpers/fake-worker.ts'

async function pair(): Promise<{ front: Socket; thread: Socket } & AsyncDisposable> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const [front, [thread]]: [Socket, Socket[]] = [connect(address.port, '127.0.0.1'), await once(server, 'connection')]
  assert.ok(thread)
  const close = async (): Promise<void> => {
    front.destroy()
    thread.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { front, thread, [Symbol.asyncDispose]: close }
}

function unitOf(inputs: EncodedValues): Unit {
  return { items: [{ ...itemOf(1), inputs }], alone: false, lane: null, number: 0, beganAt: 0, grace: null }
}

describe('a lane', () => {
  test('sends large inputs whole also when their prediction ends in the turn in which they are given to it', async () => {
    await using sockets = await pair()
    const text = 'x'.repeat(100_000)
    const inputs = new EncodedValues(ownCopy(Buffer.from(JSON.stringify({ text }))))
    inputs.hold()
    new Lane(1, sockets.front).run(unitOf(inputs), 1, 0)
    inputs.release()
    const heard: string[] = []
    const reader = new FrameReader()
    while (heard.length === 0) {
      const [chunk] = await once(sockets.thread, 'data')
      reader.read(chunk, (message) => heard.push(JSON.stringify(message).slice(0, 40)))
    }
    assert.match(heard[0] ?? '', /"predict"/)
    assert.equal(inputs.bytes.length, 0, 'nobody holds them any more')
  })

  test('lets go of large inputs also when its thread is gone', async () => {
    await using sockets = await pair()
    const inputs = new EncodedValues(ownCopy(Buffer.alloc(20_000, ' ')))
    const lane = new Lane(1, sockets.front)
    sockets.front.destroy()
    await once(sockets.front, 'close')
    inputs.hold()
    lane.run(unitOf(inputs), 1, 0)
    inputs.release()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(inputs.bytes.length, 0)
  })
})
