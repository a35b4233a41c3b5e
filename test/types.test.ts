/**
 * Type tests: what must compile and, by `@ts-expect-error`, what must not. `tsc --noEmit` is what checks them;
 * the bodies run as well, so that the definitions in them are real ones.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  chatbot,
  checkbox,
  checkboxGroup,
  dataframe,
  defineModel,
  dropdown,
  file,
  type FileRef,
  gallery,
  highlightedText,
  image,
  json,
  label,
  number,
  radio,
  slider,
  textbox,
} from 'footlights'
import type { GivenOf, InOf, OutOf } from '../workers/components.ts'
import { describeModel } from '../workers/model.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Compiles only for two equal types. */
function same<A, B>(..._equal: Same<A, B> extends true ? [] : [never]): void {}

describe('types of components', () => {
  it('give predict the values of the contract', () => {
    const text = textbox()
    same<InOf<typeof text>, string>()
    const maybe = textbox({ optional: true })
    same<InOf<typeof maybe>, string | null>()
    const plain = textbox({ optional: false, value: 'x' })
    same<InOf<typeof plain>, string>()
    const size = slider({ minimum: 1, maximum: 3 })
    same<InOf<typeof size>, number>()
    const count = number({ optional: true, value: null })
    same<InOf<typeof count>, number | null>()
    const yes = checkbox()
    same<InOf<typeof yes>, boolean>()
    const messages = chatbot()
    same<InOf<typeof messages>[number]['role'], 'user' | 'assistant' | 'system'>()
    const table = dataframe()
    same<InOf<typeof table>, { headers: string[]; data: unknown[][] }>()
    assert.ok([text, maybe, plain, size, count, yes, messages, table].every((component) => typeof component.kind === 'string'))
  })

  it('take the union of choices from the choices', () => {
    const size = radio({ choices: ['small', 'large'] })
    same<InOf<typeof size>, 'small' | 'large'>()
    const named = dropdown({ choices: [['Small', 's'], ['Large', 'l'], 'xl'], optional: true })
    same<InOf<typeof named>, 's' | 'l' | 'xl' | null>()
    const several = dropdown({ choices: ['a', 'b'], multiple: true })
    same<InOf<typeof several>, ('a' | 'b')[]>()
    const boxes = checkboxGroup({ choices: ['a', 'b'], value: ['a'] })
    same<InOf<typeof boxes>, ('a' | 'b')[]>()
    const names: string[] = ['a', 'b']
    const unknownChoices = dropdown({ choices: names })
    same<InOf<typeof unknownChoices>, string>()
    // @ts-expect-error 'huge' is no choice
    assert.throws(() => radio({ choices: ['small', 'large'], value: 'huge' }), TypeError)
    // @ts-expect-error several values need multiple: true
    assert.throws(() => dropdown({ choices: ['a', 'b'], value: ['a'] }), TypeError)
  })

  it('tell the files that predict gets from those it returns and those of examples', () => {
    const picture = image()
    same<InOf<typeof picture>, FileRef>()
    const one = file()
    same<InOf<typeof one>, FileRef>()
    const many = file({ multiple: true })
    same<InOf<typeof many>, FileRef[]>()
    const pictures = gallery()
    same<InOf<typeof pictures>[number]['image'], FileRef>()
    const bytes: OutOf<typeof picture> = { data: new Uint8Array(1), mimeType: 'image/png' }
    const path: OutOf<typeof picture> = { path: '/tmp/x.png' }
    const given: GivenOf<typeof many> = [{ path: 'examples/a.txt' }]
    // @ts-expect-error bytes are a Uint8Array
    const wrong: OutOf<typeof picture> = { data: 'text', mimeType: 'image/png' }
    assert.ok(bytes && path && given && wrong)
  })

  it('refuse options that a component does not have', () => {
    // @ts-expect-error a number has no lines
    assert.throws(() => number({ lines: 2 }), TypeError)
    // @ts-expect-error a text is no number
    assert.throws(() => number({ value: 'one' }), TypeError)
    // @ts-expect-error null needs optional: true
    assert.throws(() => textbox({ value: null }), TypeError)
    // @ts-expect-error 'screen' is no source
    assert.throws(() => image({ sources: ['screen'] }), TypeError)
  })
})

describe('types of defineModel', () => {
  it('follow from the components and from setup', () => {
    const model = defineModel({
      inputs: { text: textbox(), size: slider(), photo: image({ optional: true }) },
      outputs: { answer: textbox(), classes: label(), data: json() },
      examples: [{ text: 'a', size: 3, photo: { path: 'a.png' } }],
      setup: async ({ signal, log }) => {
        log.info({ aborted: signal.aborted }, 'setting up')
        return { words: new Set(['a']) }
      },
      predict: ({ text, size, photo }, { state, signal, progress, notify, log, requestId }) => {
        same<typeof text, string>()
        same<typeof size, number>()
        same<typeof photo, FileRef | null>()
        same<typeof state, { words: Set<string> }>()
        same<typeof requestId, string>()
        progress(0.5, 'half')
        notify('small', 'warning')
        log.debug({ aborted: signal.aborted }, 'predicting')
        return { answer: text, classes: { [text]: size }, data: [...state.words] }
      },
      teardown: (state) => state.words.clear(),
    })
    same<ReturnType<typeof describeModel>['streams'], boolean>()
    assert.equal(describeModel(model).title, '')
  })

  it('have no state without setup', () => {
    const model = defineModel({
      inputs: {},
      outputs: { answer: textbox() },
      predict: (_inputs, { state }) => {
        same<typeof state, undefined>()
        return { answer: null }
      },
    })
    assert.ok(model)
  })

  it('refuse an input that is not there', () => {
    defineModel({
      inputs: { text: textbox() },
      outputs: { answer: textbox() },
      // @ts-expect-error there is no input 'words'
      predict: ({ words }) => ({ answer: String(words) }),
    })
  })

  it('refuse outputs of the wrong type', () => {
    const inputs = { text: textbox() }
    // @ts-expect-error a number is no text
    defineModel({ inputs, outputs: { answer: textbox() }, predict: () => ({ answer: 5 }) })
    // @ts-expect-error the output is missing
    defineModel({ inputs, outputs: { answer: textbox() }, predict: () => ({}) })
    // @ts-expect-error not an object of named outputs
    defineModel({ inputs, outputs: { answer: textbox() }, predict: () => 'text' })
    // @ts-expect-error the promise of a wrong value
    defineModel({ inputs, outputs: { count: number() }, predict: async () => ({ count: 'one' }) })
    // @ts-expect-error 'huge' is no choice
    defineModel({ inputs, outputs: { size: radio({ choices: ['small', 'large'] }) }, predict: () => ({ size: 'huge' }) })
    // @ts-expect-error confidences are numbers
    defineModel({ inputs, outputs: { classes: label() }, predict: () => ({ classes: { cat: 'high' } }) })
    // @ts-expect-error bytes are a Uint8Array
    defineModel({ inputs, outputs: { picture: image() }, predict: () => ({ picture: { data: 'x', mimeType: 'image/png' } }) })
    // @ts-expect-error pieces have a text
    defineModel({ inputs, outputs: { marked: highlightedText() }, predict: () => ({ marked: [{ label: 'x' }] }) })
    assert.ok(inputs)
  })

  it('hold for what a generator yields', () => {
    defineModel({
      inputs: { text: textbox() },
      outputs: { answer: textbox() },
      predict: async function* ({ text }) {
        yield { answer: text }
      },
    })
    defineModel({
      inputs: { text: textbox() },
      outputs: { answer: textbox() },
      *predict({ text }) {
        yield { answer: text }
      },
    })
    defineModel({
      inputs: { text: textbox() },
      outputs: { answer: textbox() },
      // @ts-expect-error a number is no text
      predict: async function* () {
        yield { answer: 5 }
      },
    })
  })

  it('tie predictBatch to batch', () => {
    const [inputs, outputs] = [{ text: textbox() }, { answer: textbox() }]
    defineModel({
      inputs,
      outputs,
      batch: { maxSize: 8 },
      setup: () => 3,
      predictBatch: (items, { state }) => {
        same<typeof state, number>()
        return items.map(({ text }) => (text === '' ? new Error('empty') : { answer: text.repeat(state) }))
      },
    })
    // @ts-expect-error batch needs predictBatch
    assert.throws(() => defineModel({ inputs, outputs, batch: {}, predict: () => ({ answer: '' }) }), TypeError)
    // @ts-expect-error predictBatch needs batch
    assert.throws(() => defineModel({ inputs, outputs, predictBatch: () => [] }), TypeError)
    // @ts-expect-error predict is missing
    assert.throws(() => defineModel({ inputs, outputs }), TypeError)
    // @ts-expect-error an array of outputs is expected
    defineModel({ inputs, outputs, batch: {}, predictBatch: () => ({ answer: '' }) })
  })

  it('check examples and options', () => {
    const base = { inputs: { text: textbox(), size: slider({ value: 1 }) }, outputs: { answer: textbox() }, predict: () => ({ answer: '' }) }
    defineModel({ ...base, examples: [{ text: 'a' }] })
    // @ts-expect-error there is no input 'words'
    assert.throws(() => defineModel({ ...base, examples: [{ words: 'a' }] }), TypeError)
    // @ts-expect-error the text is no number
    assert.throws(() => defineModel({ ...base, examples: [{ text: 5 }] }), TypeError)
    // @ts-expect-error the bound belongs under limits
    assert.throws(() => defineModel({ ...base, timeoutMs: 5 }), TypeError)
  })
})
