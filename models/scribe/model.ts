import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

import { defineModel, number, slider, textbox } from 'footlights'

import { NgramIndex } from './ngrams.ts'
import { tokenise } from './tokens.ts'
import { seeded, write } from './writer.ts'

/** Seeds are 32-bit numbers. */
const MAX_SEED = 2 ** 32 - 1

export default defineModel({
  title: 'Scribe',
  description: 'Continues your words in the manner of Jane Austen, one token at a time.',
  article: `An n-gram model with back-off over Jane Austen's six novels (1811 to 1818, public domain; 720,000 words, from the Debian package
\`r-cran-janeaustenr\`). The last three words decide what may follow; it has a style and no idea. The same seed gives the same text.`,
  inputs: {
    prompt: textbox({ label: 'Beginning', lines: 3, maxLength: 2_000, value: 'It is a truth universally acknowledged, that' }),
    temperature: slider({ info: 'Low: the usual words. High: surprises.', minimum: 0.1, maximum: 2, step: 0.1, value: 0.8 }),
    length: slider({ info: 'Words and marks to write.', minimum: 1, maximum: 1_000, step: 1, precision: 0, value: 120 }),
    seed: number({ info: 'Empty: another text each time.', minimum: 0, maximum: MAX_SEED, precision: 0, optional: true }),
  },
  outputs: { text: textbox({ lines: 12 }) },
  examples: [
    { prompt: 'It is a truth universally acknowledged, that', temperature: 0.8, length: 60, seed: 1813 },
    { prompt: 'Elizabeth was not', temperature: 0.5, length: 40 },
    { prompt: '"I am afraid," said Mr. Darcy,', temperature: 1.1, length: 80 },
  ],
  limits: { timeoutMs: 30_000, rssMb: 512, heapMb: 256 },
  setup: async () => {
    const text = await promisify(gunzip)(await readFile(new URL('./austen.txt.gz', import.meta.url)))
    return new NgramIndex(tokenise(text.toString('utf8').replaceAll('\n', '\n\n')))
  },
  predict: async function* ({ prompt, temperature, length, seed }, { state, signal }) {
    const random = seeded(seed ?? randomInt(MAX_SEED))
    let text = prompt
    for (const piece of write(state, { prompt, temperature, length, random })) {
      text += piece
      yield { text }
      await setImmediate() // a cancel arrives as an event
      if (signal.aborted) return
    }
  },
})
