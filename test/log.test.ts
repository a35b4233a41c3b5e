import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'

import { childTraceparent, createLineLog, createLogger, newRequestId, parseTraceparent, saneRequestId, type Logger } from '../server/log.ts'

interface Line extends Record<string, unknown> {
  error?: { type: string; message: string; stack: string }
}

function collect(level = 'trace'): { log: Logger; lines: Line[]; raw: string[] } {
  const raw: string[] = []
  const lines: Line[] = []
  const write = (line: string): void => {
    raw.push(line)
    lines.push(JSON.parse(line))
  }
  return { log: createLogger({ level, pretty: false, destination: { write } }), lines, raw }
}

function keysOf(lines: Line[]): string[] {
  return Object.keys(lines.at(-1) ?? {})
}

describe('createLogger', () => {
  it('begins every line with timestamp, level and message', () => {
    const { log, lines, raw } = collect()
    log.info('plain')
    log.warn({ model: 'echo' }, 'with fields')
    log.child({ model: 'echo' }).error({ requestId: 'r' }, 'of a child')
    log.fatal({ only: 'fields' })
    log.error(new Error('alone'))
    for (const line of lines) assert.deepEqual(Object.keys(line).slice(0, 3), ['timestamp', 'level', 'message'])
    for (const line of raw) assert.match(line, /^[^\n]*\n$/)
    assert.deepEqual(lines.map((line) => line['level']), ['info', 'warn', 'error', 'fatal', 'error'])
    assert.deepEqual(lines.map((line) => line['message']), ['plain', 'with fields', 'of a child', '', 'alone'])
    assert.match(String(lines[0]?.['timestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('keeps a message whole, whatever is in it', () => {
    const { log, lines } = collect()
    for (const message of ['100% %s %d', 'a "quoted" \n line', '","message":"other"}', 'ü 🎭 \u0000', '}']) {
      log.info({ message, text: `,"message":"${message}` }, message)
      assert.equal(lines.at(-1)?.['message'], message)
      assert.equal(lines.at(-1)?.['message_'], message)
      assert.equal(lines.at(-1)?.['text'], `,"message":"${message}`)
    }
  })

  it('lets no field take the place of its own three', () => {
    const { log, lines } = collect()
    log.info({ level: 7, timestamp: 'never', message: 'theirs', nested: { message: 'deep' } }, 'ours')
    assert.equal(lines[0]?.['level'], 'info')
    assert.equal(lines[0]?.['message'], 'ours')
    assert.deepEqual(keysOf(lines).slice(3).sort(), ['level_', 'message_', 'nested', 'pid', 'timestamp_'])
  })

  it('logs errors with stack and causes', () => {
    const { log, lines } = collect()
    log.error({ error: new TypeError('outer', { cause: new Error('inner') }) }, 'failed')
    assert.equal(lines[0]?.['message'], 'failed')
    assert.equal(lines[0]?.error?.type, 'TypeError')
    assert.match(String(lines[0]?.error?.stack), /outer[^]*log\.test\.ts[^]*inner/)
  })

  it('says nothing below its level', () => {
    const { log, lines } = collect('warn')
    log.info('no')
    log.warn('yes')
    assert.deepEqual(lines.map((line) => line['message']), ['yes'])
  })

  it('writes for a person when asked to', () => {
    const written: string[] = []
    const log = createLogger({ level: 'info', pretty: true, destination: { write: (line: string) => written.push(line) } })
    log.warn({ model: 'echo' }, 'slow')
    assert.match(written.join(''), /WARN[^\n]*slow\n\s*model: "echo"/)
  })
})

describe('a line that a model wrote', () => {
  it('looks as if the logger had written it, whatever is in it', () => {
    const { log, lines, raw } = collect()
    const write = createLineLog(log)
    for (const text of ['plain', 'a "quoted" \\ one\t\u0000\u2028', 'ü 🎭', ',"message":"other"}', '']) {
      write('echo', 1, 'stderr', text)
      log.info({ model: 'echo', worker: 1, stream: 'stderr', text }, 'a model wrote')
      const [byHand, byLogger] = raw.slice(-2).map((line) => line.replace(/"timestamp":"[^"]*"/, '"timestamp":""'))
      assert.equal(byHand, byLogger)
      assert.match(String(lines.at(-2)?.['timestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    }
  })

  it('is said to a person as all else is, and not at all above its level', () => {
    const written: string[] = []
    createLineLog(createLogger({ level: 'info', pretty: true, destination: { write: (line: string) => written.push(line) } }))('echo', 0, 'stdout', 'hello')
    assert.match(written.join(''), /a model wrote[^]*hello/)
    const { log, raw } = collect('warn')
    createLineLog(log)('echo', 0, 'stdout', 'hello')
    assert.deepEqual(raw, [])
  })
})

const LOG_URL = new URL('../server/log.ts', import.meta.url).href

function spawnLogging(script: string) {
  const source = `import { createLogger } from ${JSON.stringify(LOG_URL)}\nconst log = createLogger({ level: 'info', pretty: false })\n${script}`
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
}

describe('the log on stdout', () => {
  it('has all that was written before a process.exit, in order', async () => {
    const child = spawnLogging('for (let n = 0; n < 200; n++) log.info({ n }, "line")\nprocess.exit(3)')
    const exit = once(child, 'exit')
    const lines = (await text(child.stdout!)).trimEnd().split('\n').map((line) => JSON.parse(line).n)
    assert.deepEqual(lines, Array.from({ length: 200 }, (_, n) => n))
    assert.deepEqual((await exit)[0], 3)
  })

  it('holds up nothing while nobody reads, and says afterwards how much was dropped', async () => {
    const child = spawnLogging(`
      import { setImmediate } from 'node:timers/promises'
      const text = 'x'.repeat(100_000)
      for (let n = 0; n < 400; n++) { log.info({ text }, 'long'); await setImmediate() }
      process.send('written')
      process.once('message', () => { log.info('afterwards'); process.disconnect() })
    `)
    await once(child, 'message')
    const exit = once(child, 'exit')
    const read = readUntilQuiet(child)
    const lines = await read
    await exit
    const long = lines.filter((line) => line['message'] === 'long').length
    assert.ok(long > 100 && long < 400, `${long} long lines`)
    assert.equal(lines.filter((line) => Number(line['dropped']) >= 100_000 * (400 - long)).length, 1)
    assert.ok(lines.some((line) => line['message'] === 'afterwards'))
  })

  it('outlives its reader', async () => {
    const child = spawnLogging(`
      process.once('message', () => { log.info('nobody hears'); setImmediate(() => setImmediate(() => { process.send('alive'); process.disconnect() })) })
      process.send('ready')
    `)
    await once(child, 'message')
    const said: unknown[] = []
    child.on('message', (message) => said.push(message))
    child.stdout!.destroy()
    child.send('go')
    assert.deepEqual((await once(child, 'exit'))[0], 0)
    assert.deepEqual(said, ['alive'])
  })
})

/** Reads what had piled up, then lets the child write its last line. */
async function readUntilQuiet(child: ReturnType<typeof spawnLogging>): Promise<Line[]> {
  let told = false
  const chunks: string[] = []
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    chunks.push(chunk)
    if (!told && chunks.reduce((length, part) => length + part.length, 0) > 15 * 1024 * 1024) {
      told = true
      child.send('go')
    }
  }
  return chunks.join('').trimEnd().split('\n').map((line) => JSON.parse(line))
}

describe('request ids', () => {
  it('keeps a sane one and replaces every other', () => {
    for (const id of ['a', 'A-z_0.9', 'x'.repeat(128)]) assert.equal(saneRequestId(id), id)
    for (const id of [undefined, '', 'a b', 'a\n', 'ü', 'x'.repeat(129), '<script>']) {
      assert.match(saneRequestId(id), /^[a-f0-9]{32}$/)
    }
    assert.notEqual(newRequestId(), newRequestId())
  })
})

describe('trace context', () => {
  const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
  const PARENT_ID = '00f067aa0ba902b7'

  it('reads a valid header', () => {
    assert.deepEqual(parseTraceparent(`00-${TRACE_ID}-${PARENT_ID}-01`), { traceId: TRACE_ID, parentId: PARENT_ID, sampled: true })
    assert.equal(parseTraceparent(`00-${TRACE_ID}-${PARENT_ID}-02`)?.sampled, false)
  })

  it('reads a later version as far as it is known', () => {
    assert.equal(parseTraceparent(`cc-${TRACE_ID}-${PARENT_ID}-01-what-comes-next`)?.traceId, TRACE_ID)
  })

  it('refuses what the specification calls invalid', () => {
    for (const header of [
      undefined,
      '',
      `ff-${TRACE_ID}-${PARENT_ID}-01`,
      `00-${'0'.repeat(32)}-${PARENT_ID}-01`,
      `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
      `00-${TRACE_ID.toUpperCase()}-${PARENT_ID}-01`,
      `00-${TRACE_ID}-${PARENT_ID}-01-more`,
      `00-${TRACE_ID}-${PARENT_ID}`,
      `cc-${TRACE_ID}-${PARENT_ID}-01.more`,
    ]) assert.equal(parseTraceparent(header), null, header)
  })

  it('hands on the trace with a span of its own', () => {
    const parent = parseTraceparent(`00-${TRACE_ID}-${PARENT_ID}-01`)
    const child = parseTraceparent(childTraceparent(parent))
    assert.equal(child?.traceId, TRACE_ID)
    assert.equal(child?.sampled, true)
    assert.notEqual(child?.parentId, PARENT_ID)
  })

  it('begins a trace that nobody records where there is none', () => {
    const first = parseTraceparent(childTraceparent(null))
    assert.equal(first?.sampled, false)
    assert.notEqual(first?.traceId, parseTraceparent(childTraceparent(null))?.traceId)
  })
})
