import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'

import { LanguageClassifier, normalise } from '../../models/language/classifier.ts'
import { readEverydaySentences, readTestSentences, type TestSentence } from '../../models/language/test-set.ts'
import { UserError } from '../../workers/errors.ts'
import { openModel } from './open-model.ts'

describe('normalise', () => {
  it('keeps lower-case letters and marks, with one space between words and at both ends', () => {
    assert.equal(normalise('  Wo ist\tder 3. BAHNHOF?!'), ' wo ist der bahnhof ')
    assert.equal(normalise('नमस्ते, दुनिया'), ' नमस्ते दुनिया ')
  })

  it('gives the same for composed and decomposed letters', () => {
    assert.equal(normalise('cafe\u0301'), normalise('caf\u00e9'))
  })
})

describe('LanguageClassifier', () => {
  let classifier: LanguageClassifier
  before(async () => {
    classifier = await LanguageClassifier.load()
  })

  function accuracy(sentences: TestSentence[]): number {
    return sentences.filter(({ language, text }) => classifier.classify(text)?.[0]?.[0] === language).length / sentences.length
  }

  it('knows at least 20 languages', () => {
    assert.ok(classifier.languages.length >= 20)
    assert.equal(new Set(classifier.languages).size, classifier.languages.length)
  })

  it('is right on at least 95 % of the held-out sentences, and on most of every language', async () => {
    const sentences = await readTestSentences()
    assert.deepEqual(new Set(sentences.map(({ language }) => language)), new Set(classifier.languages))
    assert.ok(accuracy(sentences) >= 0.95)
    for (const language of classifier.languages) {
      assert.ok(accuracy(sentences.filter((sentence) => sentence.language === language)) >= 0.8, language)
    }
  })

  it('is right on at least 90 % of sentences of daily life', async () => {
    assert.ok(accuracy(await readEverydaySentences()) >= 0.9)
  })

  it('gives chances that sum to 1, likeliest first', () => {
    const chances = classifier.classify('Where is the nearest railway station, please?') ?? []
    assert.equal(chances[0]?.[0], 'English')
    assert.ok(Math.abs(chances.reduce((sum, [, chance]) => sum + chance, 0) - 1) < 1e-9)
    assert.deepEqual(chances, chances.toSorted((a, b) => b[1] - a[1]))
  })

  it('finds no language in a text without letters', () => {
    for (const text of ['', '  ', '1234 + 5 = ?', '🎭']) assert.equal(classifier.classify(text), null)
  })

  it('stays certain and finite on a long text', () => {
    const [best] = classifier.classify('Gestern sind wir mit den Kindern ans Meer gefahren. '.repeat(100)) ?? []
    assert.equal(best?.[0], 'German')
    assert.ok((best?.[1] ?? NaN) > 0.99)
  })

  it('refuses weights of another size', () => {
    assert.throws(() => new LanguageClassifier({ buckets: 4, longest: 2, step: 1, languages: ['A', 'B'] }, new Int8Array(8)), RangeError)
  })
})

describe('the model language', () => {
  it('names the five likeliest languages, and asks for letters', async () => {
    const model = await openModel('language')
    const [output] = await model.predict({ text: 'Min mamma bakar en stor tårta varje söndag.' })
    const entries = Object.entries(output?.['language'] ?? {})
    assert.equal(entries.length, 5)
    assert.equal(entries[0]?.[0], 'Swedish')
    await assert.rejects(model.predict({ text: '42' }), UserError)
  })
})
