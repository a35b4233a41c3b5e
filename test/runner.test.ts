import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Values } from '../workers/contract.ts'
import { HostError } from '../workers/errors.ts'
import { isFileRef } from '../workers/components.ts'
import { type ItemEnd, Runner, type RunnerSink } from '../workers/runner.ts'
import { itemOf } from './helpers/fake-worker.ts'

interface Loaded extends AsyncDisposable {
  runner: Runner
  stateDir: string
  logged: string[]
}

async function load(name: string): Promise<Loaded> {
  const stateDir = await mkdtemp(join(tmpdir(), 'footlights-runner-'))
  const logged: string[] = []
  const runner = await Runner.load(fileURLToPath(new URL(`fixtures/models/${name}/model.ts`, import.meta.url)), stateDir, (level, _fields, message, item) => {
    logged.push(`${level} ${message} ${item?.requestId ?? ''}`)
  })
  await runner.setup(new AbortController().signal)
  return { runner, stateDir, logged, [Symbol.asyncDispose]: () => rm(stateDir, { recursive: true, force: true }) }
}

/** Writes down what a model tells; `onOutput` may stop it. */
class Seen implements RunnerSink {
  readonly all: string[] = []
  readonly outputs: Values[] = []
  readonly #onOutput: () => void

  constructor(onOutput: () => void = () => {}) {
    this.#onOutput = onOutput
  }

  progress(fraction: number, text: string): void {
    this.all.push(`progress ${fraction} ${text}`)
  }

  notice(level: string, text: string): void {
    this.all.push(`notice ${level} ${text}`)
  }

  output(outputs: Values): undefined {
    this.all.push('output')
    this.outputs.push(structuredClone(outputs))
    this.#onOutput()
  }

  append(output: string, text: string): undefined {
    this.all.push(`append ${output} ${text}`)
  }

  hasRoom(): boolean {
    return true
  }

  async room(): Promise<void> {}
}

async function runOne(runner: Runner, inputs: Values, { events = true, sink = new Seen(), signal = new AbortController().signal } = {}): Promise<ItemEnd> {
  const [end] = await runner.run([itemOf(1, { inputs, events })], signal, [sink])
  assert.ok(end)
  return end
}

function errorOf(end: ItemEnd | undefined): unknown {
  assert.ok(end !== undefined && 'error' in end)
  return end.error
}

function outputsOf(end: ItemEnd | undefined): Values | undefined {
  assert.ok(end !== undefined)
  if ('error' in end) throw end.error
  return end.outputs
}

describe('a model that returns', () => {
  test('has its outputs checked and given back', async () => {
    await using loaded = await load('echo')
    assert.deepEqual(outputsOf(await runOne(loaded.runner, { text: 'x' })), { text: 'x' })
  })

  test('something else than its outputs fails, the reason for the operator only', async () => {
    await using loaded = await load('throws')
    for (const [how, reason] of [['wrong type', /text/], ['missing', /text is missing/], ['function', /text/], ['nothing', /object of named outputs/]] as const) {
      const error = errorOf(await runOne(loaded.runner, { how }))
      assert.ok(error instanceof HostError && error.code === 'INVALID_OUTPUT', how)
      assert.ok(error.cause instanceof Error)
      assert.match(error.cause.message, reason, how)
      assert.doesNotMatch(error.message, reason, how)
    }
  })

  test('throws what it throws, also when that is no error', async () => {
    await using loaded = await load('throws')
    assert.match(String(errorOf(await runOne(loaded.runner, { how: 'error' }))), /secret reason/)
    assert.match(String(errorOf(await runOne(loaded.runner, { how: 'string' }))), /secret text/)
    assert.equal(errorOf(await runOne(loaded.runner, { how: 'undefined' })), undefined)
    const said = errorOf(await runOne(loaded.runner, { how: 'user' }))
    assert.ok(said instanceof HostError && said.code === 'MODEL_SAID')
  })
})

describe('a model that yields', () => {
  test('sends growing text as what was added, and nothing twice at the end', async () => {
    await using loaded = await load('stream')
    const sink = new Seen()
    assert.equal(outputsOf(await runOne(loaded.runner, { count: 3, pauseMs: 0, fail: false, die: false }, { sink })), undefined)
    assert.deepEqual(sink.all, [
      'notice info on the way', 'progress 0 step 0', 'output', `progress ${1 / 3} step 1`, 'append text 1 ', `progress ${2 / 3} step 2`, 'append text 2 ', 'output',
    ])
    assert.deepEqual(sink.outputs, [{ text: '0 ', last: null }, { text: '0 1 2 ', last: 3 }])
    assert.deepEqual(loaded.logged, ['info streaming request-1'])
  })

  test('gives one answer to a caller who follows nothing', async () => {
    await using loaded = await load('stream')
    const sink = new Seen()
    const end = await runOne(loaded.runner, { count: 3, pauseMs: 0, fail: false, die: false }, { sink, events: false })
    assert.deepEqual(outputsOf(end), { text: '0 1 2 ', last: 3 })
    assert.deepEqual(sink.outputs, [])
  })

  test('the same objects, changed in place, is seen to have changed', async () => {
    await using loaded = await load('history')
    const sink = new Seen()
    await runOne(loaded.runner, { text: 'hello' }, { sink })
    assert.deepEqual(sink.outputs.slice(0, 3), [
      { history: [], notes: [], text: '' },
      { history: [{ role: 'user', content: 'hello' }], notes: [], text: '' },
      { history: [{ role: 'user', content: 'hello' }], notes: ['asked'], text: '' },
    ])
    assert.equal(sink.outputs.at(-1)?.['text'], 'no')
  })

  test('text that shrinks or changes comes whole', async () => {
    await using loaded = await load('history')
    const sink = new Seen()
    await runOne(loaded.runner, { text: 'hello' }, { sink })
    let text = ''
    const texts: string[] = []
    let next = 0
    for (const told of sink.all) {
      if (told === 'output') text = String(sink.outputs[next++]?.['text'])
      else text += told.slice('append text '.length)
      texts.push(text)
    }
    assert.deepEqual(texts.filter((each, index) => each !== texts[index - 1]), ['', 'an', 'answer', 'answered', 'no'])
  })

  test('and then throws has told what it had', async () => {
    await using loaded = await load('stream')
    const sink = new Seen()
    const end = await runOne(loaded.runner, { count: 1, pauseMs: 0, fail: true, die: false }, { sink })
    assert.match(String(errorOf(end)), /broken in the middle/)
    assert.equal(sink.outputs.length, 1)
  })

  test('stops at the next yield when it is asked to, even if it never looks', async () => {
    await using loaded = await load('flood')
    const controller = new AbortController()
    const sink = new Seen(() => { if (sink.outputs.length === 3) controller.abort(new Error('enough')) })
    const end = await runOne(loaded.runner, { count: 1_000_000, characters: 10 }, { sink, signal: controller.signal })
    assert.match(String(errorOf(end)), /enough/)
    assert.equal(sink.outputs.length, 3)
  })
})

describe('a batch', () => {
  test('gives each item its own end', async () => {
    await using loaded = await load('batch')
    const items = [1, 2, 3].map((id) => itemOf(id, { inputs: { text: `t${id}`, fail: id === 2 } }))
    const ends = await loaded.runner.run(items, new AbortController().signal, items.map(() => new Seen()))
    assert.deepEqual(outputsOf(ends[0]), { text: 't1', size: 3 })
    assert.match(String(errorOf(ends[1])), /fails alone/)
    assert.deepEqual(outputsOf(ends[2]), { text: 't3', size: 3 })
  })

  test('fails an item that was left out of a sparse array, and no other', async () => {
    await using loaded = await load('batch')
    const items = ['t1', 'left out', 't3'].map((text, index) => itemOf(index + 1, { inputs: { text, fail: false } }))
    const ends = await loaded.runner.run(items, new AbortController().signal, items.map(() => new Seen()))
    assert.deepEqual([outputsOf(ends[0]), outputsOf(ends[2])], [{ text: 't1', size: 3 }, { text: 't3', size: 3 }])
    const error = errorOf(ends[1])
    assert.ok(error instanceof HostError && error.code === 'INVALID_OUTPUT')
  })
})

describe('files', () => {
  test('that a model returns are kept in the state folder, each under a name that nobody guesses', async () => {
    await using loaded = await load('gradio-files')
    const path = join(loaded.stateDir, 'given.txt')
    await writeFile(path, 'quiet')
    const paper = { path, name: 'given.txt', size: 5, mimeType: 'text/plain' }
    const outputs = outputsOf(await runOne(loaded.runner, { paper, picture: null }))
    const loud = outputs?.['loud']
    assert.ok(isFileRef(loud))
    assert.match(loud.path, /results\/[0-9a-f]{32}\/loud-given\.txt$/)
    assert.equal(await readFile(loud.path, 'utf8'), 'QUIET')
    assert.deepEqual([loud.size, loud.mimeType, outputs?.['picture']], [5, 'text/plain', null])
  })

  test('that a model returns by path are copied under the name that it gives', async () => {
    await using loaded = await load('http-files')
    const path = join(loaded.stateDir, 'a.txt')
    await writeFile(path, 'bytes')
    const papers = [{ path, name: '../../etc/a b.txt', size: 5, mimeType: 'text/plain' }]
    const outputs = outputsOf(await runOne(loaded.runner, { picture: null, papers, album: null }))
    const copy = outputs?.['copy']
    assert.ok(isFileRef(copy))
    assert.equal(copy.name, 'a_b.txt')
    assert.equal(dirname(dirname(copy.path)), join(loaded.stateDir, 'results'))
    assert.equal(await readFile(copy.path, 'utf8'), 'bytes')
    assert.equal((await stat(path)).size, 5)
  })

  test('that can not be read fail the prediction, and their path is for the operator only', async () => {
    await using loaded = await load('gradio-files')
    const path = join(loaded.stateDir, 'given.txt')
    await writeFile(path, 'quiet')
    const ref = { path, name: 'given.txt', size: 5, mimeType: 'text/plain' }
    const error = errorOf(await runOne(loaded.runner, { paper: ref, picture: { ...ref, path: join(loaded.stateDir, 'gone.png') } }))
    assert.ok(error instanceof HostError && error.code === 'INVALID_OUTPUT')
    assert.ok(!error.message.includes('gone.png'))
    assert.match(String(error.cause), /gone\.png/)
  })
})

describe('Runner.load', () => {
  test('says what is missing in a file without a model', async () => {
    const file = fileURLToPath(new URL('fixtures/broken/no-export/model.ts', import.meta.url))
    await assert.rejects(Runner.load(file, tmpdir(), () => {}), /no default export made by defineModel/)
  })

  test('describes a model as plain data', async () => {
    await using loaded = await load('stream')
    const spec = await loaded.runner.describe()
    assert.deepEqual(structuredClone(spec), spec)
    assert.deepEqual([spec.streams, Object.keys(spec.inputs), spec.outputs['last']?.kind], [true, ['count', 'pauseMs', 'fail', 'die'], 'number'])
  })
})
