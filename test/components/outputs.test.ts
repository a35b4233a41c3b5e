import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  chatbot,
  checkbox,
  checkboxGroup,
  checkOutputs,
  type ComponentSpec,
  dataframe,
  dropdown,
  file,
  gallery,
  highlightedText,
  image,
  json,
  label,
  number,
  OutputShapeError,
  radio,
  slider,
  textbox,
} from '../../workers/components.ts'

function becomes(spec: ComponentSpec, value: unknown): unknown {
  return checkOutputs({ x: spec }, { x: value }).x
}

const cycle: { self?: unknown } = {}
cycle.self = cycle

describe('outputs', () => {
  const taken: [name: string, spec: ComponentSpec, value: unknown, expected?: unknown][] = [
    ['null, whatever the component', textbox(), null],
    ['text', textbox({ maxLength: 1 }), 'longer than callers may send'],
    ['a number outside the range of callers', slider({ maximum: 1 }), 7],
    ['a number, rounded', number({ precision: 1 }), 0.25, 0.3],
    ['a boolean', checkbox(), false],
    ['a choice', radio({ choices: ['a'] }), 'a'],
    ['any text without choices', dropdown(), 'anything'],
    ['choices', checkboxGroup({ choices: ['a', 'b'] }), ['b']],
    ['a file by path', image(), { path: 'a.png' }],
    ['a file by its bytes', image(), { data: new Uint8Array([1]), mimeType: 'image/png' }],
    ['files', file({ multiple: true }), [{ path: 'a' }, { data: new Uint8Array(0) }]],
    ['a gallery', gallery(), [{ image: { path: 'a' }, caption: 'b' }]],
    ['confidences under any name', label(), JSON.parse('{"__proto__":0.5,"constructor":0.5}')],
    ['a class', label(), 'cat'],
    ['JSON with NaN and Infinity, deep', json(), { a: [Number.NaN, { b: Number.NEGATIVE_INFINITY }], c: 1 }, { a: [null, { b: null }], c: 1 }],
    ['JSON with what JSON.stringify drops or writes', json(), { a: undefined, b: [undefined], c: new Date(0) }, { b: [null], c: '1970-01-01T00:00:00.000Z' }],
    ['typed arrays as numbers', json(), { scores: Float32Array.of(0.5, Number.NaN) }, { scores: [0.5, null] }],
    ['JSON text as text', json(), '{"a":1}'],
    ['a table with NaN', dataframe(), { headers: ['a'], data: [[Number.NaN]] }, { headers: ['a'], data: [[null]] }],
    ['rows', dataframe({ headers: ['a', 'b'] }), [[1]], { headers: ['a', 'b'], data: [[1, null]] }],
    ['objects', dataframe(), [{ a: 1 }, { b: 2 }], { headers: ['a', 'b'], data: [[1, null], [null, 2]] }],
    ['marked text', highlightedText(), [{ text: 'a' }], [{ text: 'a', label: null }]],
    ['messages', chatbot(), [{ role: 'assistant', content: 'a' }]],
  ]
  for (const [name, spec, value, expected = value] of taken) {
    it(`take ${name}`, () => assert.deepEqual(becomes(spec, value), expected))
  }

  const wrong: [name: string, spec: ComponentSpec, value: unknown, message: string][] = [
    ['undefined', textbox(), undefined, 'x is missing; null leaves it empty'],
    ['a number as text', textbox(), 5, 'x must be a string'],
    ['NaN as a number', number(), Number.NaN, 'x must be a finite number'],
    ['an unknown choice', radio({ choices: ['a'] }), 'b', 'x must be one of "a"'],
    ['a bare path', image(), '/tmp/a.png', 'x must be a file: { path } or { data: Uint8Array, mimeType }'],
    ['bytes as an array', image(), { data: [1] }, 'x must be a file: { path } or { data: Uint8Array, mimeType }'],
    ['path and bytes at once', image(), { path: 'a', data: new Uint8Array(1) }, 'x must be a file: { path } or { data: Uint8Array, mimeType }'],
    ['an empty path', file(), { path: '' }, 'x must be a file: { path } or { data: Uint8Array, mimeType }'],
    ['a gallery of files', gallery(), [{ path: 'a' }], 'x[0].image must be a file: { path } or { data: Uint8Array, mimeType }'],
    ['a confidence that is no number', label(), { cat: Number.NaN }, 'x.cat must be a finite number'],
    ['a function in JSON', json(), { a: [() => 1] }, 'x.a[0] is a function, which is not JSON'],
    ['a bigint in JSON', json(), 5n, 'x is a bigint, which is not JSON'],
    ['a map in JSON', json(), { a: new Map() }, 'x.a is a Map, which is not JSON'],
    ['JSON that holds itself', json(), cycle, 'x is nested deeper than 100 levels, or holds itself'],
    ['a row that is too long', dataframe(), { headers: [], data: [[1]] }, 'x.data[0] has 1 cells for 0 headers'],
    ['an unknown role', chatbot(), [{ role: 'bot', content: 'a' }], 'x[0].role must be one of user, assistant, system'],
  ]
  for (const [name, spec, value, message] of wrong) {
    it(`refuse ${name}`, () => {
      assert.throws(
        () => becomes(spec, value),
        (error) => error instanceof OutputShapeError && error.message === message,
      )
    })
  }

  it('must be an object of the outputs that the model has', () => {
    const outputs = { a: textbox(), b: number() }
    for (const returned of [undefined, null, 'a', ['a', 1]]) assert.throws(() => checkOutputs(outputs, returned), /an object of named outputs/)
    assert.throws(() => checkOutputs(outputs, { a: 'a' }), { name: 'OutputShapeError', message: 'b is missing; null leaves it empty', path: 'b' })
    assert.throws(() => checkOutputs(outputs, { a: 'a', b: 1, c: 2 }), { message: 'c is no output of this model', path: 'c' })
    assert.deepEqual(checkOutputs(outputs, { b: 1, a: null }), { a: null, b: 1 })
  })
})
