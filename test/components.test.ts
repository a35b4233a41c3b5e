import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  audio,
  chatbot,
  checkbox,
  checkboxGroup,
  code,
  COMPONENT_KINDS,
  type ComponentKind,
  COMPONENTS,
  type ComponentSpec,
  componentSpecSchema,
  dataframe,
  defaultValue,
  displayLabel,
  dropdown,
  exampleValue,
  file,
  fromFormField,
  gallery,
  hasFiles,
  highlightedText,
  html,
  image,
  inputsSchema,
  isRequired,
  json,
  label,
  markdown,
  namedChoices,
  number,
  radio,
  slider,
  textbox,
  video,
} from '../workers/components.ts'

/** Seen as what all of them have in common. */
type Factory = (options?: { label?: string; info?: string; optional?: true }) => ComponentSpec

const FACTORIES: Record<ComponentKind, Factory> = {
  textbox,
  number,
  slider,
  checkbox,
  checkboxGroup,
  radio,
  dropdown,
  image,
  audio,
  video,
  file,
  gallery,
  label,
  json,
  markdown,
  html,
  highlightedText,
  dataframe,
  code,
  chatbot,
}

/** What one input becomes, or the messages that refuse it. */
function check(spec: ComponentSpec, value: unknown): unknown {
  const result = inputsSchema({ x: spec })({ x: value })
  return result.ok ? result.value.x : result.errors.map(({ path, message }) => `${path} ${message}`)
}

describe('the table of components', () => {
  it('has one factory for each kind, and the other way round', () => {
    assert.deepEqual([...COMPONENT_KINDS].sort(), Object.keys(FACTORIES).sort())
    for (const [kind, factory] of Object.entries(FACTORIES)) assert.equal(factory().kind, kind)
  })

  it('announces every spec as plain data that checks itself again', () => {
    for (const factory of Object.values(FACTORIES)) {
      const spec: ComponentSpec = factory({ label: 'A', info: 'b', optional: true })
      assert.deepEqual(componentSpecSchema.parse(JSON.parse(JSON.stringify(spec))), spec)
      assert.deepEqual(Object.keys(spec).filter((key) => !['kind', 'label', 'info', 'optional', 'choices', 'minimum', 'maximum'].includes(key)), [])
    }
  })

  it('refuses an announced spec of no kind, with an unknown option, or with a default that it would refuse', () => {
    for (const spec of [null, 'textbox', {}, { kind: 'toString' }, { kind: 'textbox', colour: 'red' }, { kind: 'number', value: 'one' }, { kind: 'textbox', value: null }]) {
      assert.equal(componentSpecSchema.safeParse(spec).success, false, JSON.stringify(spec))
    }
  })

  it('gives an example that its own schema accepts, files apart', () => {
    for (const factory of Object.values(FACTORIES)) {
      const spec = factory()
      if (!COMPONENTS[spec.kind].hasFiles) assert.deepEqual(check(spec, exampleValue(spec)), exampleValue(spec), spec.kind)
    }
  })
})

describe('inputsSchema', () => {
  it('fills in defaults: the value, else the first choice, false, nothing checked, null for an optional input', () => {
    const validate = inputsSchema({
      text: textbox({ value: 'a' }),
      choice: dropdown({ choices: ['a', 'b'] }),
      several: dropdown({ choices: ['a', 'b'], multiple: true }),
      yes: checkbox(),
      group: checkboxGroup({ choices: ['a'] }),
      maybe: number({ optional: true }),
    })
    assert.deepEqual(validate({}), { ok: true, value: { text: 'a', choice: 'a', several: [], yes: false, group: [], maybe: null } })
  })

  it('names each problem: what is missing, what is wrong, what is unknown', () => {
    const validate = inputsSchema({ text: textbox(), size: number(), pick: radio({ choices: ['a'] }) })
    assert.deepEqual(validate({ size: 'x', words: 1, text: undefined }), {
      ok: false,
      errors: [
        { path: 'text', message: 'is required' },
        { path: 'size', message: 'must be a number' },
        { path: 'pick', message: 'is required' },
        { path: 'words', message: 'is not an input of this model' },
      ],
    })
  })

  it('refuses what is no object of named inputs', () => {
    for (const raw of [null, undefined, 'a', 5, [], ['a']]) {
      assert.deepEqual(inputsSchema({})(raw), { ok: false, errors: [{ path: '', message: 'must be an object of named inputs' }] })
    }
  })

  it('takes prototype keys for unknown inputs, and inherited ones for absent', () => {
    const validate = inputsSchema({ text: textbox() })
    const hostile = validate(JSON.parse('{"text":"a","__proto__":{"text":"b"},"constructor":1}'))
    assert.deepEqual(hostile.ok ? [] : hostile.errors.map(({ path }) => path), ['__proto__', 'constructor'])
    assert.equal(validate(Object.create({ text: 'a' })).ok, false)
    assert.throws(() => inputsSchema(JSON.parse('{"__proto__":{"kind":"textbox"}}')), TypeError)
  })

  it('gives every prediction its own copy of a default', () => {
    const validate = inputsSchema({ group: checkboxGroup({ choices: ['a'], value: ['a'] }) })
    const [first, second] = [validate({}), validate({})]
    assert.ok(first.ok && second.ok)
    assert.deepEqual(first.value, second.value)
    assert.notEqual(first.value.group, second.value.group)
  })

  it('bounds the number and the length of the problems it names', () => {
    const hostile = Object.fromEntries(Array.from({ length: 500 }, (_nothing, index) => [`${'k'.repeat(1_000)}${index}`, 1]))
    const unknown = inputsSchema({})(hostile)
    const wrong = inputsSchema({ x: chatbot() })({ x: Array(5_000).fill({}) })
    for (const result of [unknown, wrong]) {
      assert.ok(!result.ok)
      assert.equal(result.errors.length, 50)
      assert.ok(result.errors.every(({ path, message }) => path.length <= 64 && message.length < 200))
    }
  })
})

describe('factories', () => {
  it('name the bad option in a TypeError', () => {
    // Past the types, as from a JavaScript model.
    const bad: [make: (options: never) => unknown, options: object, message: RegExp][] = [
      [textbox, { colour: 'red' }, /^textbox: unknown option "colour"$/],
      [textbox, { maxLength: -1 }, /^textbox: option "maxLength" must be a whole number of at least 0$/],
      [textbox, { lines: 1.5 }, /option "lines" must be a whole number/],
      [textbox, { maxLength: 2, value: 'abc' }, /option "value" must have at most 2 characters/],
      [textbox, { value: null }, /option "value" is null, which needs optional: true/],
      [number, { minimum: 2, maximum: 1 }, /option "minimum" must not be above "maximum"/],
      [number, { minimum: Number.NaN }, /option "minimum" must be a finite number/],
      [slider, { step: 0 }, /option "step" must be above 0/],
      [slider, { value: 101 }, /option "value" must be at most 100/],
      [radio, { choices: ['a', 'a'] }, /option "choices" must not name one value twice/],
      [radio, { choices: [1] }, /option "choices\[0\]" must be a string or a pair/],
      [dropdown, { choices: ['a'], value: 'b' }, /option "value" must be one of "a"/],
      [image, { sources: ['screen'] }, /option "sources\[0\]" must be one of upload, camera/],
      [image, { accept: 'png' }, /option "accept" must be an array/],
      [file, { accept: ['png'] }, /option "accept\[0\]" must be a MIME type/],
      [file, { multiple: true, value: { path: 'a' } }, /option "value" must be an array with multiple: true/],
      [gallery, { value: [{ path: 'a' }] }, /option "value\[0\].image" must be a file: \{ path \}/],
      [label, { top: 0 }, /option "top" must be a whole number of at least 1/],
      [dataframe, { headers: 'a' }, /option "headers" must be an array of strings/],
      [checkbox, { optional: 'yes' }, /option "optional" must be true or false/],
    ]
    for (const [make, options, message] of bad) {
      assert.throws(() => Reflect.apply(make, undefined, [options]), (error) => error instanceof TypeError && message.test(error.message), String(message))
    }
  })

  it('leave absent options absent, and drop undefined ones', () => {
    assert.deepEqual(Reflect.apply(textbox, undefined, [{ label: undefined, lines: 2 }]), { kind: 'textbox', lines: 2 })
    assert.deepEqual(slider(), { kind: 'slider', minimum: 0, maximum: 100 })
  })
})

describe('small readers of the table', () => {
  it('put a key into words unless there is a label', () => {
    const words = { max_length: 'Max length', maxLength: 'Max length', text: 'Text', imageURL: 'Image URL', 'top-k': 'Top k', HTMLBody: 'HTML body', __: '__', größe: 'Größe' }
    for (const [key, expected] of Object.entries(words)) assert.equal(displayLabel(key), expected)
    assert.equal(displayLabel('max_length', textbox({ label: 'Longest' })), 'Longest')
  })

  it('say which inputs a caller must give', () => {
    assert.deepEqual([textbox(), radio({ choices: ['a'] }), slider(), image()].map(isRequired), [true, true, true, true])
    assert.deepEqual([textbox({ value: '' }), dropdown({ choices: ['a'] }), checkbox(), image({ optional: true })].map(isRequired), [false, false, false, false])
    assert.equal(defaultValue(textbox()), undefined)
  })

  it('name choices', () => {
    assert.deepEqual(namedChoices(radio({ choices: ['a', ['B', 'b']] })), [{ label: 'a', value: 'a' }, { label: 'B', value: 'b' }])
  })

  it('say whether values need to be walked for files', () => {
    assert.equal(hasFiles({ text: textbox(), data: json() }), false)
    const factories: Factory[] = [image, audio, video, file, gallery]
    for (const factory of factories) assert.equal(hasFiles({ text: textbox(), media: factory() }), true)
  })

  it('read form fields: text as text, all else as JSON', () => {
    assert.equal(fromFormField(textbox(), '5'), '5')
    assert.equal(fromFormField(dropdown({ choices: ['1'] }), '1'), '1')
    assert.equal(fromFormField(number(), '5'), 5)
    assert.equal(fromFormField(checkbox(), 'true'), true)
    assert.deepEqual(fromFormField(dropdown({ choices: ['1'], multiple: true }), '["1"]'), ['1'])
    assert.equal(fromFormField(number(), 'five'), 'five')
  })
})
