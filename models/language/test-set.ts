import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

/** A sentence that training never saw. */
export interface TestSentence {
  language: string
  text: string
}

/** The held-out sentences of testset.json.gz, which train.py wrote. */
export async function readTestSentences(): Promise<TestSentence[]> {
  const json = await promisify(gunzip)(await readFile(new URL('./testset.json.gz', import.meta.url)))
  return toSentences(JSON.parse(json.toString('utf8')))
}

/** Sentences of daily life, written for this model by hand: nothing like the translations that it learnt from. */
export async function readEverydaySentences(): Promise<TestSentence[]> {
  return toSentences(JSON.parse(await readFile(new URL('./everyday.json', import.meta.url), 'utf8')))
}

function toSentences(byLanguage: Record<string, string[]>): TestSentence[] {
  return Object.entries(byLanguage).flatMap(([language, texts]) => texts.map((text) => ({ language, text })))
}
