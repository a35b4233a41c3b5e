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

const picture = { path: '/state/a.png', name: 'a.png', size: 2_000, mimeType: 'image/png' }
const song = { path: '/state/a.ogg', name: 'a.ogg', size: 3, mimeType: 'audio/ogg; codecs=opus' }

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
    ['a file above maxSize', image({ maxSize: 1_999 }), picture, ['x must be at most 2 kB, not 2 kB']],
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

  it('takes the short way only where the schema accepts the value unchanged', () => {
    const values = ['', 'abc', 'abcd', 0, -0, 1, 1.5, 5, Number.NaN, Number.POSITIVE_INFINITY, true, false, [], {}, 5n]
    const specs = [textbox(), textbox({ maxLength: 3 }), markdown(), number({ minimum: 1, maximum: 4 }), number({ precision: 0 }), slider(), checkbox()]
    for (const spec of specs) {
      const definition = COMPONENTS[spec.kind]
      const plain = values.filter((value) => definition.isPlain?.(spec, value))
      if (!('precision' in spec)) assert.ok(plain.length > 0, spec.kind)
      for (const value of plain) assert.deepEqual(definition.input(spec).parse(value), value)
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
