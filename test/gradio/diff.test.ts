import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { diff } from '../../server/gradio/diff.ts'
import type { Edit } from '../../server/gradio/diff.ts'

/** What both clients do with edits. */
function apply(value: unknown, edits: Edit[]): unknown {
  const holder = { value: structuredClone(value) }
  for (const [operation, path, change] of edits) {
    const target = path.length === 0 ? holder : at(holder.value, path.slice(0, -1))
    const key = path.length === 0 ? 'value' : path.at(-1)
    assert.ok(typeof target === 'object' && target !== null && key !== undefined)
    if (operation === 'replace') Reflect.set(target, key, structuredClone(change))
    else if (operation === 'append') Reflect.set(target, key, `${Reflect.get(target, key)}${change}`)
    else if (operation === 'add' && Array.isArray(target)) target.splice(Number(key), 0, structuredClone(change))
    else if (operation === 'add') Reflect.set(target, key, structuredClone(change))
    else if (Array.isArray(target)) target.splice(Number(key), 1)
    else Reflect.deleteProperty(target, key)
  }
  return holder.value
}

function at(value: unknown, path: (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined), value)
}

const PAIRS: [name: string, before: unknown, after: unknown][] = [
  ['a nested array that shrinks by two', [[1, 2, 3]], [[1]]],
  ['a table reduced to its first column', { headers: ['a', 'b'], data: [[1, 2], [3, 4]] }, { headers: ['a'], data: [[1], [3]] }],
  ['an array that grows', [1], [1, 2, 3]],
  ['an array that empties', [1, 2, 3], []],
  ['an array whose middle changes and whose end goes', [1, 2, 3], [1, 9]],
  ['true and 1', [true, 1], [1, true]],
  ['null and nothing', { a: null }, {}],
  ['keys that come and go', { a: 1, b: { c: 2 } }, { b: { d: 3 }, e: [] }],
  ['text that grows deep inside', [{ content: [{ text: 'He' }] }], [{ content: [{ text: 'Hello' }] }]],
  ['an array that becomes an object', [1], { 0: 1 }],
  ['an object that becomes null', { a: 1 }, null],
  ['a thousand changes', Array.from({ length: 1_000 }, (_, index) => index), Array.from({ length: 1_000 }, (_, index) => -index - 1)],
  ['a key that would reach a prototype', JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":2}}')],
  ['an empty key', { '': 1 }, { '': 2 }],
]

describe('diff', () => {
  for (const [name, before, after] of PAIRS) {
    it(`leads from the one to the other: ${name}`, () => {
      assert.deepEqual(apply(before, diff(before, after)), after)
      assert.deepEqual(apply(after, diff(after, before)), before)
    })
  }

  it('says nothing about equal values', () => {
    assert.deepEqual(diff({ a: [1, { b: 'x' }] }, { a: [1, { b: 'x' }] }), [])
  })

  it('sends only what was appended to a text', () => {
    assert.deepEqual(diff('He', 'Hell'), [['append', [], 'll']])
    assert.deepEqual(diff([{ text: 'He' }], [{ text: 'Hello' }]), [['append', [0, 'text'], 'llo']])
  })

  it('replaces a text that did not only grow', () => {
    assert.deepEqual(diff('Hell', 'Yo'), [['replace', [], 'Yo']])
  })

  it('deletes from the highest index down', () => {
    assert.deepEqual(diff([[1, 2, 3]], [[1]]), [['delete', [0, 2], null], ['delete', [0, 1], null]])
  })

  it('sends the whole value when edits would be many', () => {
    const [before, after] = [Array.from({ length: 100 }, () => 0), Array.from({ length: 100 }, () => 1)]
    assert.deepEqual(diff(before, after), [['replace', [], after]])
  })

  it('survives thousands of random changes', () => {
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((seed / 2_147_483_648) * below)
    }
    const value = (depth: number): unknown => {
      const kind = random(depth === 0 ? 4 : 6)
      if (kind === 4) return Array.from({ length: random(5) }, () => value(depth - 1))
      if (kind === 5) return Object.fromEntries(Array.from({ length: random(4) }, () => ['abc'[random(3)] ?? 'a', value(depth - 1)]))
      return [null, random(3), random(2) === 0, 'x'.repeat(random(4))][kind]
    }
    for (let round = 0; round < 3_000; round++) {
      const [before, after] = [value(3), value(3)]
      assert.deepEqual(apply(before, diff(before, after)), after, JSON.stringify({ before, after }))
    }
  })
})
