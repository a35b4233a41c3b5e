import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  audio,
  chatbot,
  checkbox,
  checkboxGroup,
  code,
  type ComponentSpec,
  dataframe,
  dropdown,
  file,
  gallery,
  highlightedText,
  html,
  image,
  inputsSchema,
  json,
  label,
  markdown,
  number,
  radio,
  slider,
  textbox,
  video,
} from '../../workers/components.ts'

const picture = { path: '/state/a.png', name: 'a.png', size: 2_000, mimeType: 'image/png' }
const song = { path: '/state/a.ogg', name: 'a.ogg', size: 3, mimeType: 'audio/ogg; codecs=opus' }

/** What one input becomes, or the messages that refuse it. */
function check(spec: ComponentSpec, value: unknown): unknown {
  const result = inputsSchema({ x: spec })({ x: value })
  return result.ok ? result.value.x : result.errors.map(({ path, message }) => `${path} ${message}`)
}

describe('accepted inputs', () => {
  const accepted: [name: string, spec: ComponentSpec, value: unknown, becomes?: unknown][] = [
    ['text untrimmed', textbox(), '  a\n '],
    ['empty text', textbox(), ''],
    ['text of exactly maxLength', textbox({ maxLength: 3 }), 'abc'],
    ['text of a Markdown input', markdown(), '# a'],
    ['text of an HTML input', html(), '<b>a</b>'],
    ['source code', code({ language: 'python' }), 'print()'],
    ['a number', number(), -1.5],
    ['a number at its bounds', number({ minimum: 0, maximum: 1 }), 1],
    ['a number with precision 0, made whole', number({ precision: 0 }), 2.5, 3],
    ['a number with precision 2, rounded as written', number({ precision: 2 }), 1.005, 1.01],
    ['a tiny number with precision', number({ precision: 2 }), 1e-9, 0],
    ['a large number with precision', number({ precision: 2 }), 1e300],
    ['rounding that would leave the range, rounded inwards', number({ precision: 0, maximum: 10.5 }), 10.5, 10],
    ['rounding that would fall below the range, rounded inwards', number({ precision: 0, minimum: 0.4 }), 0.4, 1],
    ['a slider between its steps', slider({ step: 10 }), 37],
    ['a checkbox', checkbox(), true],
    ['choices', checkboxGroup({ choices: ['a', 'b'] }), ['b', 'a']],
    ['no choices', checkboxGroup({ choices: ['a'] }), []],
    ['a choice', radio({ choices: ['a', 'b'] }), 'b'],
    ['the value of a named choice', radio({ choices: [['A', 'a']] }), 'a'],
    ['a dropdown choice', dropdown({ choices: ['a', 'b'] }), 'a'],
    ['several dropdown choices', dropdown({ choices: ['a', 'b'], multiple: true }), ['a', 'b']],
    ['a picture', image(), picture],
    ['a sound', audio(), song],
    ['a sound recorded into a film container', audio(), { ...song, mimeType: 'video/webm' }],
    ['a film', video(), { ...picture, mimeType: 'video/mp4' }],
    ['any file', file(), song],
    ['a file accepted by its extension', file({ accept: ['.PNG'] }), picture],
    ['a file accepted by its type', file({ accept: ['.pdf', 'image/*'] }), picture],
    ['files', file({ multiple: true }), [picture, song]],
    ['a file of exactly maxSize', image({ maxSize: 2_000 }), picture],
    ['a gallery', gallery(), [{ image: picture, caption: 'a' }, { image: picture }]],
    ['a class', label(), 'cat'],
    ['confidences', label(), { cat: 0.9, dog: 0 }],
    ['JSON text, which stays text', json(), '{"a":1}'],
    ['JSON', json(), { a: [1, 'b', null, true, { c: {} }] }],
    ['marked text, absent labels filled in', highlightedText(), [{ text: 'a' }, { text: 'b', label: 'c' }], [{ text: 'a', label: null }, { text: 'b', label: 'c' }]],
    ['a table', dataframe(), { headers: ['a', 'b'], data: [[1, 'x'], [null, true]] }],
    ['a table with short rows, filled up', dataframe(), { headers: ['a', 'b'], data: [[1]] }, { headers: ['a', 'b'], data: [[1, null]] }],
    ['rows', dataframe(), [[1, 2], [3]], { headers: ['1', '2'], data: [[1, 2], [3, null]] }],
    ['rows for known headers', dataframe({ headers: ['a', 'b'] }), [[1, 2]], { headers: ['a', 'b'], data: [[1, 2]] }],
    ['objects', dataframe({ headers: ['b'] }), [{ a: 1 }, { b: 2 }], { headers: ['b', 'a'], data: [[null, 1], [2, null]] }],
    ['an empty table', dataframe({ headers: ['a'] }), [], { headers: ['a'], data: [] }],
    ['messages', chatbot(), [{ role: 'system', content: '' }, { role: 'user', content: 'a' }]],
    ['null for an optional input', image({ optional: true }), null],
  ]
  for (const [name, spec, value, becomes = value] of accepted) {
    it(`takes ${name}`, () => assert.deepEqual(check(spec, value), becomes))
  }
})

describe('refused inputs', () => {
  const deep = JSON.parse(`${'['.repeat(101)}${']'.repeat(101)}`)
  const refused: [name: string, spec: ComponentSpec, value: unknown, problems: string[]][] = [
    ['a number as text', textbox(), 5, ['x must be a string']],
    ['text above maxLength', textbox({ maxLength: 3 }), 'abcd', ['x must have at most 3 characters']],
    ['text as a number', number(), '5', ['x must be a number']],
    ['NaN', number(), Number.NaN, ['x must be a number']],
    ['Infinity', number(), Number.POSITIVE_INFINITY, ['x must be a number']],
    ['a number below its minimum', number({ minimum: 1 }), 0.5, ['x must be at least 1']],
    ['a number above its maximum', slider({ minimum: 0, maximum: 10 }), 11, ['x must be at most 10']],
    ['a number as a checkbox', checkbox(), 1, ['x must be true or false']],
    ['text as choices', checkboxGroup({ choices: ['a'] }), 'a', ['x must be an array of choices']],
    ['an unknown choice in a group', checkboxGroup({ choices: ['a'] }), ['a', 'c'], ['x[1] must be one of "a"']],
    ['a choice named twice', checkboxGroup({ choices: ['a'] }), ['a', 'a'], ['x must not name one choice twice']],
    ['an unknown choice', radio({ choices: ['a', 'b'] }), 'c', ['x must be one of "a", "b"']],
    ['the label of a named choice', radio({ choices: [['A', 'a']] }), 'A', ['x must be one of "a"']],
    ['the name of a prototype method as a choice', dropdown({ choices: ['a'] }), 'toString', ['x must be one of "a"']],
    ['one choice where several are expected', dropdown({ choices: ['a'], multiple: true }), 'a', ['x must be an array of choices']],
    ['several choices where one is expected', dropdown({ choices: ['a'] }), ['a'], ['x must be one of "a"']],
    ['a file that nobody resolved', image(), { data: 'AAAA' }, Array(4).fill('must be a file: { "data": base64, "mimeType" } or { "url" }').map((text, index) => `x.${['path', 'name', 'size', 'mimeType'][index]} ${text}`)],
    ['text as a file', file(), '/etc/passwd', ['x must be a file: { "data": base64, "mimeType" } or { "url" }']],
    ['a sound as a picture', image(), song, ['x must be an image file, not audio/ogg; codecs=opus']],
    ['a picture as a film', video(), picture, ['x must be a video file, not image/png']],
    ['a file that is not accepted', file({ accept: ['.pdf', 'text/*'] }), picture, ['x must be one of .pdf, text/*, not image/png']],
    ['a file above maxSize', image({ maxSize: 1_999 }), picture, ['x must be at most 2 kB']],
    ['one file where several are expected', file({ multiple: true }), picture, ['x must be an array of files']],
    ['a gallery of bare pictures', gallery(), [picture], ['x[0].image must be a file: { "data": base64, "mimeType" } or { "url" }', 'x[0] must not have "path", "name", "size", "mimeType"']],
    ['a sound in a gallery', gallery(), [{ image: song }], ['x[0].image must be an image file, not audio/ogg; codecs=opus']],
    ['a number as a class', label(), 5, ['x must be a string, or an object of class names and numbers']],
    ['confidences as text', label(), { cat: '0.9' }, ['x.cat must be a finite number']],
    ['a prototype key as a class', label(), { constructor: 1 }, ['x must not have a key named "constructor"']],
    ['JSON nested too deep', json(), deep, ['x must not be nested deeper than 100 levels']],
    ['JSON with __proto__', json(), JSON.parse('{"a":{"__proto__":{}}}'), ['x.a must not have a key named "__proto__"']],
    ['JSON with a constructor', json(), [{ constructor: 1 }], ['x[0] must not have a key named "constructor"']],
    ['JSON with a prototype', json(), { prototype: 1 }, ['x must not have a key named "prototype"']],
    ['a table as text', dataframe(), 'a', ['x must be { headers, data }, an array of rows or an array of objects']],
    ['a table without headers', dataframe(), { data: [] }, ['x must be { headers, data }, an array of rows or an array of objects']],
    ['headers that are no strings', dataframe(), { headers: [1], data: [] }, ['x.headers must be strings']],
    ['rows that are no arrays', dataframe(), { headers: [], data: [1] }, ['x.data must be an array of rows']],
    ['a row that is too long', dataframe(), { headers: ['a'], data: [[1], [1, 2]] }, ['x.data[1] has 2 cells for 1 headers']],
    ['rows of two kinds', dataframe(), [{ a: 1 }, [2]], ['x[1] must be of the same kind as the other rows']],
    ['a table with a prototype key', dataframe(), [JSON.parse('{"__proto__":1}')], ['x[0] must not have a key named "__proto__"']],
    ['marked text without text', highlightedText(), [{ label: 'a' }], ['x[0].text must be a string']],
    ['an unknown role', chatbot(), [{ role: 'root', content: '' }], ['x[0].role must be one of user, assistant, system']],
    ['a message with more in it', chatbot(), [{ role: 'user', content: '', name: 'a' }], ['x[0] must not have "name"']],
    ['null', textbox(), null, ['x must not be null']],
  ]
  for (const [name, spec, value, problems] of refused) {
    it(`refuses ${name}`, () => assert.deepEqual(check(spec, value), problems))
  }
})
