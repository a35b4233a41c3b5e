import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { LOG_BYTES_PER_SECOND } from '../workers/log-budget.ts'
import { LINE_BYTES, WorkerOutput } from '../workers/worker-output.ts'
import { settled } from './helpers/fake-worker.ts'

function createOutput() {
  const lines: string[] = []
  const time = { now: 0 }
  const output = new WorkerOutput((stream, line) => lines.push(`${stream}: ${line}`), () => time.now)
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  output.drain('stdout', stdout)
  output.drain('stderr', stderr)
  return {
    output, lines, time, stdout, stderr,
    async write(chunk: string | Buffer): Promise<void> {
      stdout.write(chunk)
      await settled()
    },
    async end(): Promise<void> {
      stdout.end()
      stderr.end()
      await settled()
    },
  }
}

describe('what a worker writes', () => {
  test('comes line by line, however it is cut into chunks, each stream for itself', async () => {
    const { lines, write, stderr, end } = createOutput()
    await write('one\ntw')
    stderr.write('trouble\n')
    await write('o\n\n   \nthree')
    assert.deepEqual(lines, ['stdout: one', 'stderr: trouble', 'stdout: two'])
    await end()
    assert.equal(lines.at(-1), 'stdout: three')
  })

  test('keeps a character whole that came in two chunks', async () => {
    const { lines, write } = createOutput()
    const bytes = Buffer.from('grün €\n')
    for (const byte of bytes) await write(Buffer.of(byte))
    assert.deepEqual(lines, ['stdout: grün €'])
  })

  test('may be no text at all', async () => {
    const { lines, write, end } = createOutput()
    await write(Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a, 0xc3, 0x28, 0x0a]))
    await end()
    assert.equal(lines.length, 2)
  })

  test('is cut at 64 KiB a line, the rest of it counted and the next line whole', async () => {
    const { lines, write, output } = createOutput()
    await write(`${'x'.repeat(LINE_BYTES + 100)}\nshort\n`)
    assert.deepEqual(lines.map(({ length }) => length), ['stdout: '.length + LINE_BYTES, 'stdout: short'.length])
    assert.equal(output.droppedBytes(), 100)
  })

  test('does not grow without end while no line ends', async () => {
    const { lines, write, output } = createOutput()
    for (let i = 0; i < 40; i++) await write('x'.repeat(LINE_BYTES / 2))
    await write('\nnext\n')
    assert.equal(lines.length, 2)
    assert.equal(lines[1], 'stdout: next')
    assert.equal(output.droppedBytes(), 20 * LINE_BYTES - LINE_BYTES)
  })

  test('is whole up to the rate; above it, it is counted, and what follows later is whole again', async () => {
    const { lines, write, output, time } = createOutput()
    const line = `${'x'.repeat(LINE_BYTES - 1)}\n`
    const within = LOG_BYTES_PER_SECOND / LINE_BYTES
    for (let i = 0; i < within; i++) await write(line)
    assert.equal(lines.length, within)
    assert.equal(output.droppedBytes(), 0)
    await write(line)
    await write('too much')
    assert.equal(lines.length, within)
    assert.equal(output.droppedBytes(), LINE_BYTES + 8)
    time.now = 1_000
    await write(' still\nfresh\n')
    assert.equal(lines.at(-1), 'stdout: fresh')
    assert.equal(output.droppedBytes(), LINE_BYTES + 8 + ' still'.length)
  })

  test('counts the start of a line whose end is above the rate', async () => {
    const { lines, write, output } = createOutput()
    await write('start of a line')
    await write('x'.repeat(LOG_BYTES_PER_SECOND))
    assert.deepEqual(lines, [])
    assert.equal(output.droppedBytes(), 'start of a line'.length + LOG_BYTES_PER_SECOND)
  })

  test('gives the memory of what was read back at once, kept or dropped', async () => {
    const { write } = createOutput()
    for (const size of [LINE_BYTES, LOG_BYTES_PER_SECOND]) {
      const chunk = Buffer.from(new Uint8Array(size))
      await write(chunk)
      assert.equal(chunk.byteLength, 0)
    }
  })

  test('leaves its last twenty lines, each at most 500 characters', async () => {
    const { write, output } = createOutput()
    for (let i = 0; i < 30; i++) await write(`${i} ${'y'.repeat(1_000)}\n`)
    const last = output.lastLines()
    assert.equal(last.length, 20)
    assert.match(last[0] ?? '', /^10 y/)
    assert.ok(last.every(({ length }) => length === 500))
  })

  test('a pipe that breaks ends nothing', async () => {
    const { stdout, lines, write } = createOutput()
    await write('before\n')
    stdout.destroy(new Error('EPIPE'))
    await settled()
    assert.deepEqual(lines, ['stdout: before'])
  })
})
