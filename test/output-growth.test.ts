import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Values } from '../workers/contract.ts'
import { grownBy } from '../workers/grown-text.ts'
import { OutputGrowth, type OutputSink } from '../workers/output-growth.ts'
import { settled } from './helpers/fake-worker.ts'

/** Takes `room` facts, then more when `give` is called. */
class Window implements OutputSink {
  readonly told: (Values | string)[] = []
  #room: number
  #waiting: (() => void)[] = []

  constructor(room: number) {
    this.#room = room
  }

  give(room: number): void {
    this.#room += room
    for (const wake of this.#waiting.splice(0)) wake()
  }

  output(outputs: Values): undefined {
    this.#take(outputs)
  }

  append(output: string, text: string): undefined {
    this.#take(`${output}+${text}`)
  }

  hasRoom(): boolean {
    return this.#room > 0
  }

  async room(): Promise<void> {
    while (this.#room <= 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #take(fact: Values | string): void {
    this.#room--
    this.told.push(fact)
  }
}

/** Has told `a` and `ab`, and has no room left. */
function full(): { sink: Window; growth: OutputGrowth } {
  const sink = new Window(2)
  const growth = new OutputGrowth(sink)
  growth.send({ text: 'a', n: 1 })
  growth.send({ text: 'ab', n: 1 })
  assert.deepEqual(sink.told.splice(0), [{ text: 'a', n: 1 }, 'text+b'])
  return { sink, growth }
}

describe('a growing text that its reader can not take', () => {
  test('gathers without holding the author up, and goes out as one when there is room', async () => {
    const { sink, growth } = full()
    for (const text of ['abc', 'abcd', 'abcde']) assert.equal(growth.send({ text, n: 1 }), undefined)
    assert.deepEqual(sink.told, [])
    sink.give(1)
    await settled()
    assert.deepEqual(sink.told, ['text+cde'])
  })

  test('holds the author up after a moment, so that a thread which never rests hears of room', async (context) => {
    context.mock.method(performance, 'now', (() => {
      let ms = 0
      return () => ms++
    })())
    const { sink, growth } = full()
    const results = ['abc', 'abcd', 'abcde', 'abcdef'].map((text) => growth.send({ text, n: 1 }))
    const waiting = results.findIndex((result) => result !== undefined)
    assert.ok(waiting > 0, String(waiting))
    sink.give(1)
    await results[waiting]
    assert.deepEqual(sink.told, ['text+cdef'])
  })

  test('comes whole when it turns out not to have grown', async () => {
    const { sink, growth } = full()
    growth.send({ text: 'xyz', n: 1 })
    sink.give(1)
    await settled()
    assert.deepEqual(sink.told, [{ text: 'xyz', n: 1 }])
  })

  test('is told before an output in which something else changed, and nothing of either is left out', async () => {
    const { sink, growth } = full()
    growth.send({ text: 'abc', n: 1 })
    const sent = growth.send({ text: 'abc', n: 2 })
    await settled()
    assert.deepEqual(sink.told, [])
    sink.give(2)
    await sent
    assert.deepEqual(sink.told, ['text+c', { text: 'abc', n: 2 }])
  })

  test('is all told before the end', async () => {
    const { sink, growth } = full()
    growth.send({ text: 'abc', n: 1 })
    const finished = growth.finish()
    sink.give(1)
    await finished
    assert.deepEqual(sink.told, ['text+c'])
  })
})

describe('what is no growing text', () => {
  test('never gathers: each goes out in its turn', () => {
    const sink = new Window(0)
    const growth = new OutputGrowth(sink)
    for (const text of ['a', 'b', 'ccc']) growth.send({ text })
    assert.deepEqual(sink.told, [{ text: 'a' }, { text: 'b' }, { text: 'ccc' }])
  })

  test('is not told again when it is the same', () => {
    const sink = new Window(9)
    const growth = new OutputGrowth(sink)
    for (let i = 0; i < 3; i++) growth.send({ text: 'a', n: 1 })
    assert.equal(sink.told.length, 1)
  })
})

test('grownBy gives what came behind, and nothing for what changed, shrank or is another', () => {
  assert.deepEqual([grownBy('ab', 'abc'), grownBy('', 'x'), grownBy('ab', 'ab')], ['c', 'x', ''])
  assert.deepEqual([grownBy('ab', 'ac'), grownBy('ab', 'a'), grownBy('ab', 'xab')], [undefined, undefined, undefined])
})
