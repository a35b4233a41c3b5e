import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  chatbot,
  checkbox,
  checkboxGroup,
  COMPONENTS,
  type ComponentSpec,
  dataframe,
  dropdown,
  exampleValue,
  file,
  highlightedText,
  image,
  json,
  jsonSchema,
  label,
  number,
  slider,
  textbox,
} from '../../workers/components.ts'

describe('jsonSchema of inputs', () => {
  const expected: [spec: ComponentSpec, schema: unknown][] = [
    [textbox({ maxLength: 5 }), { type: 'string', maxLength: 5 }],
    [textbox({ label: 'Text', info: 'Help', value: 'a' }), { type: 'string', title: 'Text', description: 'Help', default: 'a' }],
    [textbox({ optional: true }), { anyOf: [{ type: 'string' }, { type: 'null' }], default: null }],
    [number({ precision: 0, minimum: 1 }), { type: 'number', minimum: 1 }],
    [slider(), { type: 'number', minimum: 0, maximum: 100 }],
    [checkbox(), { type: 'boolean', default: false }],
    [dropdown({ choices: ['a', ['B', 'b']] }), { type: 'string', enum: ['a', 'b'], default: 'a' }],
    [checkboxGroup({ choices: ['a'] }), { type: 'array', items: { type: 'string', enum: ['a'] }, uniqueItems: true, default: [] }],
    [json(), {}],
    [label(), { anyOf: [{ type: 'string' }, { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'number' } }] }],
  ]
  for (const [spec, schema] of expected) {
    it(`describes ${JSON.stringify(spec)}`, () => assert.deepEqual(jsonSchema(spec, 'input'), schema))
  }

  it('describes a file as bytes or as an address, and never by a path', () => {
    const schema = jsonSchema(image({ value: { path: '/models/a.png' } }), 'input')
    assert.ok(Array.isArray(schema.oneOf))
    const text = JSON.stringify(schema)
    for (const part of ['"contentEncoding":"base64"', '"required":["data","mimeType"]', '"required":["url"]', '"format":"uri"']) assert.ok(text.includes(part), part)
    assert.ok(!text.includes('path'))
    assert.equal(jsonSchema(file({ multiple: true }), 'input').type, 'array')
  })
})

describe('jsonSchema of outputs', () => {
  it('lets every output be null', () => {
    assert.deepEqual(jsonSchema(textbox({ maxLength: 5, label: 'A', value: 'b' }), 'output'), { anyOf: [{ type: 'string' }, { type: 'null' }], title: 'A' })
    assert.deepEqual(jsonSchema(json(), 'output'), {})
  })

  it('describes a file by its address', () => {
    const text = JSON.stringify(jsonSchema(image(), 'output'))
    assert.ok(text.includes('"required":["url","name","size","mimeType"]'), text)
  })

  it('describes the normalised form', () => {
    assert.ok(JSON.stringify(jsonSchema(dataframe(), 'output')).includes('"required":["headers","data"]'))
    assert.ok(JSON.stringify(jsonSchema(highlightedText(), 'output')).includes('"required":["text","label"]'))
    assert.ok(JSON.stringify(jsonSchema(chatbot(), 'output')).includes('"enum":["user","assistant","system"]'))
  })
})

describe('exampleValue', () => {
  it('is the default, or else a value in the form that callers send', () => {
    assert.equal(exampleValue(textbox({ value: 'a' })), 'a')
    assert.equal(exampleValue(number({ minimum: 5 })), 5)
    assert.deepEqual(exampleValue(image({ value: { path: '/models/a.png' } })), { url: 'https://example.com/picture.png' })
  })

  it('fits the wire form of its component', () => {
    for (const spec of [textbox(), number(), dropdown({ choices: ['a'] }), image(), file({ multiple: true }), dataframe(), chatbot()]) {
      assert.deepEqual(COMPONENTS[spec.kind].wire(spec, 'input').safeParse(exampleValue(spec)).error, undefined)
    }
  })
})
