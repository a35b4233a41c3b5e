import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { LogStream } from '../server/log-stream.ts'

/** A target that takes one write at a time, when it is told to. */
function createStalledTarget() {
  const taken: string[] = []
  let takeNext: (() => void) | null = null
  const target = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, callback) {
      takeNext = () => {
        taken.push(chunk.toString())
        takeNext = null
        callback()
      }
    },
  })
  return {
    target, taken,
    /** Takes what it is given until nothing more comes. */
    async takeAll(): Promise<void> {
      while (takeNext !== null) {
        takeNext()
        await setImmediate()
      }
    },
  }
}

describe('a log whose reader stalls', () => {
  test('arrives whole and in order when he reads again', async () => {
    const { target, taken, takeAll } = createStalledTarget()
    const log = new LogStream(target, () => {}, 0)
    const lines = Array.from({ length: 50 }, (_, n) => `${n} ${'ü'.repeat(n * 100)}\n`)
    for (const line of lines) {
      log.write(line)
      await setImmediate()
    }
    assert.equal(taken.length, 0)
    await takeAll()
    assert.equal(taken.join(''), lines.join(''))
  })

  test('gives the stream one part at a time, so that its own buffer stays small', async () => {
    const { target, takeAll } = createStalledTarget()
    const log = new LogStream(target, () => {}, 0)
    for (let n = 0; n < 100; n++) {
      log.write('x'.repeat(100_000))
      assert.ok(target.writableLength <= 100_000, `${target.writableLength} in the stream`)
    }
    await takeAll()
  })

  test('is dropped above 16 MiB, and says how much when there is room again', async () => {
    const { target, taken, takeAll } = createStalledTarget()
    const told: number[] = []
    const log = new LogStream(target, (dropped) => told.push(dropped), 0)
    for (let n = 0; n < 200; n++) log.write('x'.repeat(100_000))
    await takeAll()
    assert.deepEqual(told, [])
    log.write('after it\n')
    await setImmediate()
    await takeAll()
    const written = taken.join('').length - 'after it\n'.length
    assert.ok(written > 16_000_000 && written < 17_100_000, `${written} written`)
    assert.deepEqual(told, [200 * 100_000 - written])
  })
})
