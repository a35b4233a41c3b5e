/** How often the next token is foreseen in paragraphs left out of the counting: `node models/scribe/measure.ts`. */
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'

import { NgramIndex } from './ngrams.ts'
import { PARAGRAPH, tokenise } from './tokens.ts'

/** One paragraph in twenty is left out. */
const LEFT_OUT = 20
const MAX_TOKENS = 20_000

const paragraphs = gunzipSync(await readFile(new URL('./austen.txt.gz', import.meta.url))).toString('utf8').trim().split('\n')
const index = new NgramIndex(tokenise(paragraphs.filter((_, at) => at % LEFT_OUT !== 0).join(PARAGRAPH)))
const tokens = [...tokenise(paragraphs.filter((_, at) => at % LEFT_OUT === 0).join(PARAGRAPH))].slice(0, MAX_TOKENS)

const found = { first: 0, firstTen: 0, atAll: 0 }
for (const [at, token] of tokens.entries()) {
  const ranked = [...index.next(tokens.slice(Math.max(0, at - 3), at))].sort((a, b) => b[1] - a[1])
  const rank = ranked.findIndex(([candidate]) => candidate === token)
  if (rank === 0) found.first++
  if (rank >= 0 && rank < 10) found.firstTen++
  if (rank >= 0) found.atAll++
}
const percent = (count: number): string => `${((100 * count) / tokens.length).toFixed(1)} %`
console.log(`${tokens.length} tokens: likeliest ${percent(found.first)}, among the ten likeliest ${percent(found.firstTen)}, possible at all ${percent(found.atAll)}`)
