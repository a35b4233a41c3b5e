import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PredictionFact } from '../workers/contract.ts'
import { CreditedSink, WINDOW_CHARACTERS, WINDOW_FACTS } from '../workers/credited-sink.ts'
import { settled } from './helpers/fake-worker.ts'

function createSink(enabled = true) {
  const facts: PredictionFact[] = []
  const sink = new CreditedSink(1, enabled, (fact) => facts.push(fact))
  return { sink, facts, types: () => facts.map(({ type }) => type) }
}

/** As many outputs as go out without waiting. */
async function fill(sink: CreditedSink, text: string, most: number): Promise<{ sent: number; waiting: Promise<void> | null }> {
  for (let sent = 0; sent < most; sent++) {
    let through = false
    const output = Promise.resolve(sink.output({ text })).then(() => { through = true })
    await settled()
    if (!through) return { sent, waiting: output }
  }
  return { sent: most, waiting: null }
}

describe('outputs', () => {
  test('wait when as many facts are unread as the window holds, and go on with credit', async () => {
    const { sink, facts } = createSink()
    const { sent, waiting } = await fill(sink, 'x', 1_000)
    assert.equal(sent, WINDOW_FACTS)
    sink.credit(1)
    await waiting
    assert.equal(facts.length, WINDOW_FACTS + 1)
  })

  test('wait when as many characters are unread, though few', async () => {
    const { sink } = createSink()
    const { sent, waiting } = await fill(sink, 'x'.repeat(WINDOW_CHARACTERS / 4), 1_000)
    assert.equal(sent, 4)
    sink.credit(4)
    await waiting
  })

  test('larger than the window go alone', async () => {
    const { sink } = createSink()
    assert.equal((await fill(sink, 'x'.repeat(2 * WINDOW_CHARACTERS), 2)).sent, 1)
  })

  test('and appends share the window', async () => {
    const { sink } = createSink()
    for (let i = 0; i < WINDOW_FACTS; i++) await sink.append('text', 'x')
    let through = false
    const waiting = Promise.resolve(sink.append('text', 'y')).then(() => { through = true })
    await settled()
    assert.equal(through, false)
    sink.credit(16)
    await waiting
  })

  test('wait no longer when nobody is left to read them', async () => {
    const { sink } = createSink()
    const { waiting } = await fill(sink, 'x', 1_000)
    sink.abandon()
    await waiting
  })

  test('need credit only for what was sent: more of it opens no larger window', async () => {
    const { sink } = createSink()
    sink.credit(1_000)
    assert.equal((await fill(sink, 'x', 1_000)).sent, WINDOW_FACTS)
  })
})

describe('progress and notices', () => {
  test('can not wait: of progress the latest is kept, of notices the first hundred', async () => {
    const { sink, facts } = createSink()
    await fill(sink, 'x', 1_000).then(({ waiting }) => void waiting)
    facts.length = 0
    for (let i = 0; i < 200; i++) {
      sink.progress(i / 200, `step ${i}`)
      sink.notice('info', `notice ${i}`)
    }
    assert.equal(facts.length, 0)
    sink.flush()
    assert.equal(facts.filter(({ type }) => type === 'notice').length, 100)
    assert.deepEqual(facts.filter(({ type }) => type === 'progress'), [{ type: 'progress', id: 1, fraction: 199 / 200, text: 'step 199' }])
  })

  test('go out by themselves when credit comes', async () => {
    const { sink, types } = createSink()
    for (let i = 0; i < WINDOW_FACTS; i++) await sink.append('text', 'x')
    sink.notice('warning', 'careful')
    sink.progress(1, 'done')
    sink.credit(2)
    assert.deepEqual(types().slice(-2), ['notice', 'progress'])
  })
})

describe('a caller who follows nothing', () => {
  test('is sent nothing', () => {
    const { sink, facts } = createSink(false)
    sink.started()
    sink.progress(0.1, '')
    sink.notice('info', '')
    sink.flush()
    assert.deepEqual(facts, [])
  })
})
