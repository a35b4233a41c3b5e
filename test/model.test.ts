import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as footlights from 'footlights'
import { defineModel, dropdown, file, image, number, radio, slider, textbox, UserError } from 'footlights'
import { COMPONENT_KINDS, componentSpecSchema } from '../workers/components.ts'
import { HostError } from '../workers/errors.ts'
import { describeModel, isModelDefinition } from '../workers/model.ts'
import { limitsSchema } from '../workers/model-options.ts'

const echo = {
  inputs: { text: textbox() },
  outputs: { answer: textbox() },
  predict: ({ text }: { text: string }) => ({ answer: text }),
}

/** Past the types, as from a JavaScript model. */
function define(options: unknown): unknown {
  return Reflect.apply(defineModel, undefined, [options])
}

describe("the package's main export", () => {
  it('has every component, defineModel, defineConfig and UserError', () => {
    for (const name of ['defineModel', 'defineConfig']) assert.equal(typeof Reflect.get(footlights, name), 'function', name)
    for (const kind of COMPONENT_KINDS) assert.equal(typeof Reflect.get(footlights, kind), 'function', kind)
    const error = new UserError('shown')
    assert.ok(error instanceof HostError)
    assert.equal(error.code, 'MODEL_SAID')
  })
})

describe('defineModel', () => {
  it('fills in the defaults of the contract', () => {
    const { title, description, article, examples, limits, batch, replay, apiName, load, idleSeconds, canary } = defineModel(echo)
    assert.deepEqual(
      { title, description, article, examples, limits, batch, replay, apiName, load, idleSeconds, canary },
      {
        title: '',
        description: '',
        article: '',
        examples: [],
        limits: {},
        batch: null,
        replay: true,
        apiName: 'predict',
        load: 'eager',
        idleSeconds: 0,
        canary: false,
      },
    )
  })

  it("keeps the author's functions and runs none of them", async () => {
    const refuse = (): never => assert.fail('not called by defineModel')
    const model = defineModel({ ...echo, setup: refuse, teardown: refuse, predict: refuse })
    assert.equal(model.setup, refuse)
    assert.equal(model.teardown, refuse)
    assert.equal(model.predict, refuse)
    assert.equal(model.predictBatch, undefined)
  })

  it('makes a definition that can not be changed and is recognised', () => {
    const model = defineModel(echo)
    assert.ok(isModelDefinition(model))
    assert.ok([model, model.inputs, model.inputs.text, model.limits].every(Object.isFrozen))
    for (const other of [null, undefined, 'model', echo, { ...echo, title: 'x' }, []]) assert.equal(isModelDefinition(other), false)
  })

  it('takes batch with its defaults', () => {
    const predictBatch = (items: { text: string }[]): { answer: string }[] => items.map(({ text }) => ({ answer: text }))
    const { inputs, outputs } = echo
    assert.deepEqual(defineModel({ inputs, outputs, batch: {}, predictBatch }).batch, { maxSize: 32, maxWaitMs: 5 })
    assert.deepEqual(defineModel({ inputs, outputs, batch: { maxSize: 8 }, predictBatch }).batch, { maxSize: 8, maxWaitMs: 5 })
  })

  it('takes examples with files by path and with defaults left out', () => {
    const inputs = { photo: image(), papers: file({ multiple: true }), size: slider({ value: 1 }), note: textbox({ optional: true }) }
    const example = { photo: { path: 'examples/a.png' }, papers: [{ path: 'examples/a.pdf' }] }
    const model = defineModel({ inputs, outputs: echo.outputs, examples: [example, { ...example, note: null }], predict: () => ({ answer: '' }) })
    assert.deepEqual(model.examples, [example, { ...example, note: null }])
  })

  const refused: [name: string, options: unknown, message: RegExp][] = [
    ['no options', undefined, /takes an object of options/],
    ['an unknown option', { ...echo, colour: 'red' }, /unknown option "colour"; there are title, /],
    ['a limit outside limits', { ...echo, timeoutMs: 5 }, /unknown option "timeoutMs"; it belongs under "limits"/],
    ['an unknown limit', { ...echo, limits: { timeout: 5 } }, /unknown option "limits.timeout"/],
    ['a limit of the wrong size', { ...echo, limits: { replicas: 0 } }, /"limits.replicas" must be a whole number from 1 to/],
    ['more workers than any machine has cores for', { ...echo, limits: { replicas: 65 } }, /"limits.replicas" must be a whole number from 1 to 64/],
    ['a time that no timer can wait', { ...echo, limits: { timeoutMs: 2 ** 31 } }, /"limits.timeoutMs" must be a whole number from 1 to 2147483647/],
    ['a title that is no text', { ...echo, title: 5 }, /"title" must be a string/],
    ['an unknown way to load', { ...echo, load: 'later' }, /"load" must be "eager" or "lazy"/],
    ['a Gradio name with a slash', { ...echo, apiName: '/predict' }, /"apiName" must be letters, digits/],
    ['a negative idle time', { ...echo, idleSeconds: -1 }, /"idleSeconds" must not be negative/],
    ['no predict', { ...echo, predict: undefined }, /"predict" is missing/],
    ['a predict that is no function', { ...echo, predict: 'echo' }, /"predict" must be a function/],
    ['batch without predictBatch', { ...echo, predict: undefined, batch: {} }, /"batch" needs "predictBatch"/],
    ['predictBatch without batch', { ...echo, predict: undefined, predictBatch: () => [] }, /"predictBatch" needs "batch"/],
    ['both ways to predict', { ...echo, batch: {}, predictBatch: () => [] }, /not both/],
    ['an empty batch', { ...echo, predict: undefined, batch: { maxSize: 0 }, predictBatch: () => [] }, /"batch.maxSize" must be a whole number from 1/],
    ['no inputs', { ...echo, inputs: undefined }, /"inputs" must be an object/],
    ['no outputs', { ...echo, outputs: {} }, /"outputs" must have at least one component/],
    ['an input that is no component', { ...echo, inputs: { text: 'textbox' } }, /"inputs.text" is no component/],
    ['a factory that was not called', { ...echo, inputs: { text: textbox } }, /"inputs.text" is no component/],
    ['a hand-written bad component', { ...echo, inputs: { text: { kind: 'textbox', maxLength: 'x' } } }, /"inputs.text.maxLength" must be a whole number/],
    ['an input named constructor', { ...echo, inputs: { constructor: textbox() } }, /"inputs.constructor": this name is reserved/],
    ['an output with a blank in its name', { ...echo, outputs: { 'an answer': textbox() } }, /"outputs" has a component named "an answer"/],
    ['an input without choices', { ...echo, inputs: { size: radio() } }, /"inputs.size" needs at least one of "choices"/],
    ['an example of an unknown input', { ...echo, examples: [{ text: 'a', words: 'b' }] }, /"examples\[0\].words" is not an input/],
    ['an example that lacks an input', { ...echo, examples: [{ text: 'a' }, {}] }, /"examples\[1\].text" is missing, and the input has no default/],
    ['an example that the input refuses', { ...echo, inputs: { n: number({ maximum: 1 }) }, examples: [{ n: 2 }] }, /"examples\[0\].n" must be at most 1/],
    ['an example with a null', { ...echo, examples: [{ text: null }] }, /"examples\[0\].text" must not be null/],
    ['an example file that is no path', { ...echo, inputs: { photo: image() }, examples: [{ photo: 'a.png' }] }, /"examples\[0\].photo" must be a file: \{ path \}/],
    ['a comparison with no input', { ...echo, outputs: { out: image({ compareWith: 'photo' }) } }, /"outputs.out.compareWith" must name an image input/],
    ['a comparison with a text', { ...echo, outputs: { out: image({ compareWith: 'text' }) } }, /"outputs.out.compareWith" must name an image input/],
    ['a comparison of an input', { ...echo, inputs: { photo: image({ compareWith: 'photo' }) } }, /"inputs.photo.compareWith" is for outputs/],
  ]
  for (const [name, options, message] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => define(options),
        (error) => error instanceof TypeError && message.test(error.message),
      )
    })
  }
})

describe('describeModel', () => {
  it('gives plain data that survives JSON, with labels filled in', () => {
    const spec = describeModel(
      defineModel({
        title: 'Photo',
        inputs: { max_size: slider({ maximum: 9 }), way: dropdown({ choices: ['a', ['B', 'b']], label: 'How' }), photo: image({ optional: true }) },
        outputs: { picture: image({ compareWith: 'photo' }) },
        examples: [{ max_size: 3, photo: { path: 'a.png' } }],
        limits: { timeoutMs: 5_000 },
        setup: () => 1,
        predict: () => ({ picture: null }),
      }),
    )
    assert.deepEqual(JSON.parse(JSON.stringify(spec)), {
      title: 'Photo',
      description: '',
      article: '',
      inputs: {
        max_size: { kind: 'slider', minimum: 0, maximum: 9, label: 'Max size' },
        way: { kind: 'dropdown', choices: ['a', ['B', 'b']], label: 'How' },
        photo: { kind: 'image', optional: true, label: 'Photo' },
      },
      outputs: { picture: { kind: 'image', compareWith: 'photo', label: 'Picture' } },
      examples: [{ max_size: 3, photo: { path: 'a.png' } }],
      limits: { timeoutMs: 5_000 },
      batch: null,
      replay: true,
      streams: false,
      apiName: 'predict',
      load: 'eager',
      idleSeconds: 0,
      canary: false,
    })
    assert.deepEqual(structuredClone(spec), spec)
    for (const component of [...Object.values(spec.inputs), ...Object.values(spec.outputs)]) assert.deepEqual(componentSpecSchema.parse(component), component)
  })

  it('says that a generator streams, and nothing else does', () => {
    const { inputs, outputs } = echo
    const streaming = defineModel({
      inputs,
      outputs,
      async *predict({ text }) {
        yield { answer: text }
      },
    })
    const yielding = defineModel({
      inputs,
      outputs,
      *predict({ text }) {
        yield { answer: text }
      },
    })
    const asynchronous = defineModel({ inputs, outputs, predict: async ({ text }) => ({ answer: text }) })
    assert.deepEqual([streaming, yielding, asynchronous, defineModel(echo)].map((model) => describeModel(model).streams), [true, true, false, false])
  })
})

describe('limitsSchema', () => {
  it('takes some of the limits and refuses unknown ones', () => {
    assert.deepEqual(limitsSchema.parse({ threads: 2, maxRequests: 0, holdMs: 0 }), { threads: 2, maxRequests: 0, holdMs: 0 })
    for (const bad of [{ thread: 2 }, { threads: 1.5 }, { threads: '2' }, { heapMb: 1 }, { setupMs: 0 }]) assert.equal(limitsSchema.safeParse(bad).success, false)
  })
})
