import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as author from '../../workers/components.ts'
import type { ComponentSpec, FileRef } from '../../workers/components.ts'
import { COMPONENT_KINDS } from '../../workers/components.ts'
import { componentName, componentProps, componentSchema, fromGradio, GRADIO_COMPONENTS, toGradio } from '../../server/gradio/components.ts'
import type { FileData } from '../../server/gradio/component.ts'
import { pythonText } from '../../server/gradio/component-fields.ts'

const FILE: FileRef = { path: '/state/results/0/a.png', name: 'a.png', size: 3, mimeType: 'image/png' }
const FILE_DATA: FileData = { path: 'results/0/a.png', url: 'http://host/a.png', size: 3, orig_name: 'a.png', mime_type: 'image/png', is_stream: false, meta: { _type: 'gradio.FileData' } }
const UPLOAD = { path: 'uploads/0/a.png', meta: { _type: 'gradio.FileData' } }
const renderFile = (): FileData => FILE_DATA

const OUTPUTS: [name: string, spec: ComponentSpec, value: unknown, wire: unknown][] = [
  ['label with confidences, sorted and cut to top', author.label({ top: 2 }), { a: 0.1, b: 0.7, c: 0.2 }, { label: 'b', confidences: [{ label: 'b', confidence: 0.7 }, { label: 'c', confidence: 0.2 }] }],
  ['label that is a text', author.label(), 'cat', { label: 'cat', confidences: null }],
  ['label without classes', author.label(), {}, { label: null, confidences: [] }],
  ['highlightedText', author.highlightedText(), [{ text: 'Ada', label: 'person' }, { text: '!', label: null }], [{ token: 'Ada', class_or_confidence: 'person' }, { token: '!', class_or_confidence: null }]],
  ['dataframe', author.dataframe(), { headers: ['a'], data: [[1]] }, { headers: ['a'], data: [[1]], metadata: null }],
  ['chatbot', author.chatbot(), [{ role: 'user', content: 'Hi' }], [{ role: 'user', metadata: null, content: [{ text: 'Hi', type: 'text' }], options: null }]],
  ['json that is a text stays one', author.json(), '{"a":1}', '{"a":1}'],
  ['image', author.image(), FILE, FILE_DATA],
  ['files', author.file({ multiple: true }), [FILE, FILE], [FILE_DATA, FILE_DATA]],
  ['gallery', author.gallery(), [{ image: FILE }, { image: FILE, caption: 'c' }], [{ image: FILE_DATA, caption: null }, { image: FILE_DATA, caption: 'c' }]],
  ['null', author.label(), null, null],
]

const INPUTS: [name: string, spec: ComponentSpec, wire: unknown, value: unknown][] = [
  ['a number for a textbox', author.textbox(), 5, '5'],
  ['an array for a textbox, which it will refuse', author.textbox(), [1], [1]],
  ['JSON text', author.json(), '{"a":[1]}', { a: [1] }],
  ['a text that is no JSON', author.json(), 'plain', 'plain'],
  ['label', author.label(), { label: 'b', confidences: [{ label: 'b', confidence: 0.7 }] }, { b: 0.7 }],
  ['label without confidences', author.label(), { label: 'b', confidences: null }, 'b'],
  ['highlightedText', author.highlightedText(), [{ token: 'Ada', class_or_confidence: 'person' }, { token: '.' }, { token: 'x', class_or_confidence: 0.5 }], [{ text: 'Ada', label: 'person' }, { text: '.', label: null }, { text: 'x', label: '0.5' }]],
  ['dataframe', author.dataframe(), { headers: ['a', 2], data: [[1, 2]], metadata: { display_value: null } }, { headers: ['a', '2'], data: [[1, 2]] }],
  ['rows alone', author.dataframe(), [[1]], [[1]]],
  ['chatbot in parts', author.chatbot(), [{ role: 'user', metadata: null, content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }], options: null }], [{ role: 'user', content: 'ab' }]],
  ['chatbot as text', author.chatbot(), [{ role: 'user', content: 'a' }], [{ role: 'user', content: 'a' }]],
  ['chatbot with a file, which it will refuse', author.chatbot(), [{ role: 'user', content: { path: 'x' } }], [{ role: 'user', content: { path: 'x' } }]],
  ['a list of one for a single file', author.file(), [UPLOAD], UPLOAD],
  ['a single file for a list', author.file({ multiple: true }), UPLOAD, [UPLOAD]],
  ['gallery', author.gallery(), [{ image: UPLOAD, caption: null }, { image: UPLOAD, caption: 'c' }], [{ image: UPLOAD }, { image: UPLOAD, caption: 'c' }]],
  ['gallery of bare files', author.gallery(), [UPLOAD], [{ image: UPLOAD }]],
  ['gallery of bare upload names', author.gallery(), ['uploads/0/a.png'], [{ image: UPLOAD }]],
  ['null', author.label(), null, null],
]

describe('Gradio components', () => {
  for (const [name, spec, value, wire] of OUTPUTS) it(`sends ${name}`, () => assert.deepEqual(toGradio(spec, value, renderFile), wire))
  for (const [name, spec, wire, value] of INPUTS) it(`reads ${name}`, () => assert.deepEqual(fromGradio(spec, wire), value))

  it('names classes with only the first letter in upper case', () => {
    assert.deepEqual([author.checkboxGroup(), author.highlightedText(), author.json(), author.html()].map(componentName), ['Checkboxgroup', 'Highlightedtext', 'Json', 'Html'])
  })

  it('has its own front-end type for each kind', () => {
    assert.equal(new Set(COMPONENT_KINDS.map((kind) => GRADIO_COMPONENTS[kind].type)).size, COMPONENT_KINDS.length)
  })

  it('shows choices by label and sends them by value', () => {
    const spec = author.dropdown({ choices: [['First', 'a'], 'b'] })
    assert.deepEqual(componentProps('pick', spec, 'input', 'a')['choices'], [['First', 'a'], ['b', 'b']])
    assert.deepEqual(componentSchema(spec, 'input'), { enum: ['a', 'b'], type: 'string' })
  })

  it('describes files so that clients find them', () => {
    for (const spec of [author.image(), author.audio(), author.video(), author.file()]) {
      const text = JSON.stringify(componentSchema(spec, 'input'))
      assert.match(text, /"meta":\{"type":"object","properties":\{"_type":\{"const":"gradio\.FileData"/)
    }
  })

  it('writes texts as Python does', () => {
    assert.deepEqual(['a', "it's", 'say "hi"', `it's "it"`, 'a\\b\n'].map(pythonText), [`'a'`, `"it's"`, `'say "hi"'`, `'it\\'s "it"'`, `'a\\\\b\\n'`])
  })
})
