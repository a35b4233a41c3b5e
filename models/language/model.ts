import { defineModel, label, textbox, UserError } from 'footlights'

import { LanguageClassifier } from './classifier.ts'

/** How many languages an answer names. */
const NAMED = 5

export default defineModel({
  title: 'Language',
  description: 'Says which of 58 languages a text is in. A few words are enough, a sentence is better.',
  article: `A softmax regression over hashed character n-grams, learnt from 305,000 sentences of freely licensed translations. On sentences
that it never saw it is right in 99 of 100. It is least sure between near relatives: Danish and Norwegian, Galician and
Portuguese, Croatian and Slovenian.`,
  inputs: { text: textbox({ lines: 4, maxLength: 5_000, placeholder: 'Wo ist der Bahnhof?' }) },
  outputs: { language: label({ top: 3 }) },
  examples: [
    { text: 'Wo ist bitte der nächste Bahnhof?' },
    { text: 'Hier, nous sommes allés à la mer avec les enfants.' },
    { text: 'Моя мама щонеділі пече великий пиріг.' },
    { text: '一番近い駅はどこですか。' },
  ],
  limits: { timeoutMs: 5_000, rssMb: 256, heapMb: 128 },
  setup: () => LanguageClassifier.load(),
  predict: ({ text }, { state }) => {
    const chances = state.classify(text)
    if (chances === null) throw new UserError('There are no letters in this text.')
    return { language: Object.fromEntries(chances.slice(0, NAMED)) }
  },
})
