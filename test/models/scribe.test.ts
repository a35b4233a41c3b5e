import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'

import { NgramIndex } from '../../models/scribe/ngrams.ts'
import { PARAGRAPH, spaced, tokenise } from '../../models/scribe/tokens.ts'
import { seeded, write } from '../../models/scribe/writer.ts'
import { openModel, type OpenModel } from './open-model.ts'

function join(tokens: Iterable<string>): string {
  let text = ''
  for (const token of tokens) text += spaced(text, token)
  return text
}

describe('tokenise', () => {
  it('cuts words, marks and paragraphs, and keeps titles whole', () => {
    assert.deepEqual(
      [...tokenise('"Mr. Darcy\'s well-bred," she said--no!\n\nThe end.')],
      ['“', 'Mr.', "Darcy's", 'well-bred', ',', '”', 'she', 'said', '—', 'no', '!', PARAGRAPH, 'The', 'end', '.'],
    )
  })

  it('can be joined to the text again', () => {
    const text = 'He bowed; “Mrs. Long (of Meryton) is here,” said he—and left.\n\nShe smiled.'
    assert.equal(join(tokenise(text)), text)
  })
})

describe('NgramIndex', () => {
  const index = new NgramIndex(tokenise('the cat sat on the mat and the cat ran and the dog sat on the rug'))

  it('gives what followed a context the most, chances summing to 1', () => {
    const chances = index.next(['and', 'the'])
    assert.ok((chances.get('cat') ?? 0) > (chances.get('mat') ?? 0))
    assert.ok(Math.abs([...chances.values()].reduce((sum, chance) => sum + chance, 0) - 1) < 1e-9)
  })

  it('counts exactly with a context of one token', () => {
    assert.deepEqual(index.next(['cat']), new Map([['sat', 0.5], ['ran', 0.5]]))
  })

  it('backs off from an unknown word to all tokens, and from an unknown pair to the last word', () => {
    assert.equal(index.next(['zebra']).size, 9 - 1, 'all but the last word of the text, which begins no n-gram')
    assert.deepEqual([...index.next(['rug', 'cat']).keys()].sort(), ['ran', 'sat'])
  })

  it('knows a capitalised word by its lower-case form', () => {
    assert.deepEqual(index.next(['Cat']), index.next(['cat']))
  })

  it('refuses a text with too many different tokens', () => {
    assert.throws(() => new NgramIndex(Array.from({ length: 65_537 }, (_, at) => String(at))), RangeError)
  })
})

describe('write', () => {
  const index = new NgramIndex(tokenise('“Yes,” said he. “No,” said she. “Yes,” said she. He left.\n\n“Yes,” said he, “no.” She left.'))
  const written = (options: { temperature: number; seed: number; prompt?: string }): string =>
    [...write(index, { prompt: options.prompt ?? '', length: 40, temperature: options.temperature, random: seeded(options.seed) })].join('')

  it('writes the same from the same seed, and something else from another', () => {
    assert.equal(written({ temperature: 1, seed: 7 }), written({ temperature: 1, seed: 7 }))
    assert.notEqual(written({ temperature: 1, seed: 7 }), written({ temperature: 1, seed: 8 }))
  })

  it('closes each quotation before the next one opens', () => {
    for (let seed = 0; seed < 50; seed++) {
      const marks = written({ temperature: 2, seed }).replace(/[^“”\n]/g, '').replaceAll(/\n+/g, '|')
      assert.doesNotMatch(marks, /““|””|^”|\|”/, marks)
    }
  })

  it('takes the likeliest token at a low temperature', () => {
    const tiny = new NgramIndex(tokenise('a b a b a b a c a b d d d'))
    for (let seed = 0; seed < 20; seed++) {
      assert.deepEqual([...write(tiny, { prompt: 'a', length: 1, temperature: 0.1, random: seeded(seed) })], [' b'])
    }
  })
})

describe('the model scribe', () => {
  let model: OpenModel
  before(async () => {
    model = await openModel('scribe')
  })

  it('yields one token at a time, each text the beginning of the next, as many as asked for', async () => {
    const prompt = 'Elizabeth was'
    const texts = (await model.predict({ prompt, length: 50, seed: 1 })).map((output) => String(output['text']))
    assert.equal(texts.length, 50)
    for (const [at, text] of texts.entries()) {
      const before = texts[at - 1] ?? prompt
      assert.ok(text.startsWith(before) && text.length > before.length, text)
    }
  })

  it('writes the same text from the same seed, and another without one', async () => {
    const last = async (seed: number | null): Promise<unknown> => (await model.predict({ length: 60, seed })).at(-1)
    assert.deepEqual(await last(4), await last(4))
    assert.notDeepEqual(await last(null), await last(null))
  })

  it('begins by itself when there is no prompt', async () => {
    const texts = await model.predict({ prompt: '', length: 5, seed: 2 })
    assert.match(String(texts.at(-1)?.['text']), /^\S/)
  })

  it('stops within a few tokens when it is cancelled', async () => {
    const controller = new AbortController()
    const writing = model.predict({ length: 1_000, seed: 3 }, controller.signal)
    setImmediate(() => controller.abort())
    assert.ok((await writing).length < 10)
  })
})
