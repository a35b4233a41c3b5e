/**
 * Measures the shipped models through a running host, over HTTP: `node scripts/accuracy.ts [--url http://127.0.0.1:7860]`.
 * Without --url it starts a host of its own on a free port. Exits 1 when an accuracy is below its threshold.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { readTestDigits, type Rendering, renderDigit } from '../models/digits/test-set.ts'
import { readEverydaySentences, readTestSentences, type TestSentence } from '../models/language/test-set.ts'

const MAIN = fileURLToPath(new URL('../server/main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CONCURRENCY = 8
const MAX_TRIES = 10
const START_MS = 60_000

interface Measure {
  name: string
  right: number
  total: number
  /** The accuracy that must be reached; null only reports. */
  threshold: number | null
}

interface Question {
  expected: string
  /** Asks the host; resolves with the likeliest answer. */
  ask: () => Promise<string>
}

const DIGIT_RENDERINGS: Record<string, Rendering> = {
  'digits, PNG of 8 × 8, light on dark': { side: 8, ink: 'light' },
  'digits, PNG of 160 × 160, dark on light': { side: 160, ink: 'dark' },
}

async function measureAll(url: string): Promise<Measure[]> {
  const measures: Measure[] = []
  for (const [name, rendering] of Object.entries(DIGIT_RENDERINGS)) {
    const questions = (await readTestDigits()).map((digit) => ({
      expected: digit.label,
      ask: async () => likeliest(await post(`${url}/digits/predict`, pictureForm(await renderDigit(digit, rendering))), 'digit'),
    }))
    measures.push({ name, ...(await score(questions)), threshold: 0.97 })
  }
  measures.push({ name: 'language, held-out sentences', ...(await score(languageQuestions(url, await readTestSentences()))), threshold: 0.95 })
  measures.push({ name: 'language, everyday sentences', ...(await score(languageQuestions(url, await readEverydaySentences()))), threshold: null })
  return measures
}

function pictureForm(png: Buffer): FormData {
  const form = new FormData()
  form.set('picture', new Blob([new Uint8Array(png)], { type: 'image/png' }), 'digit.png')
  return form
}

function languageQuestions(url: string, sentences: TestSentence[]): Question[] {
  return sentences.map(({ language, text }) => ({
    expected: language,
    ask: async () => likeliest(await post(`${url}/language/predict`, JSON.stringify({ text })), 'language'),
  }))
}

async function score(questions: Question[]): Promise<{ right: number; total: number }> {
  const rest = questions.values()
  let right = 0
  const askInTurn = async (): Promise<void> => {
    for (const { expected, ask } of rest) if ((await ask()) === expected) right++
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, askInTurn))
  return { right, total: questions.length }
}

/** Tries again when the host asks for it: its models may still be starting. */
async function post(url: string, body: FormData | string): Promise<unknown> {
  const headers = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
  for (let tries = 1; ; tries++) {
    const response = await fetch(url, { method: 'POST', headers, body })
    if (response.ok) return response.json()
    const retryAfterSeconds = Number(response.headers.get('retry-after'))
    if (retryAfterSeconds === 0 || tries === MAX_TRIES) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
    await response.body?.cancel()
    await sleep(retryAfterSeconds * 1_000)
  }
}

function likeliest(outputs: unknown, name: string): string {
  const chances = isRecord(outputs) ? outputs[name] : undefined
  if (!isRecord(chances)) throw new Error(`no label in ${JSON.stringify(outputs)}`)
  return Object.entries(chances).reduce((best, entry) => (Number(entry[1]) > Number(best[1]) ? entry : best))[0]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

interface OwnHost {
  url: string
  stop: () => Promise<void>
}

async function startHost(): Promise<OwnHost> {
  const child = spawn(process.execPath, [MAIN], { cwd: ROOT, env: { ...process.env, PORT: '0', LOG_LEVEL: 'info' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  try {
    return { url: await listeningUrl(child), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the host has no stdout')
  const lines = createInterface({ input: child.stdout })
  const found = Promise.withResolvers<string>()
  // Read to the end, not to the address only: a full pipe would stop the host.
  lines.on('line', (line) => {
    const entry: unknown = JSON.parse(line)
    if (isRecord(entry) && entry['message'] === 'listening') found.resolve(String(entry['url']))
  })
  child.once('exit', (code) => found.reject(new Error(`the host exited with ${code} before it listened`)))
  const late = setTimeout(() => found.reject(new Error('the host did not listen in time')), START_MS)
  return found.promise.finally(() => clearTimeout(late))
}

function describe({ name, right, total, threshold }: Measure): string {
  const needed = threshold === null ? '' : `, at least ${(100 * threshold).toFixed(0)} % wanted: ${isReached(right, total, threshold) ? 'reached' : 'MISSED'}`
  return `${name}: ${((100 * right) / total).toFixed(2)} % (${right} of ${total})${needed}`
}

function isReached(right: number, total: number, threshold: number | null): boolean {
  return threshold === null || right >= threshold * total
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { url: { type: 'string' } } })
  const host = values.url === undefined ? await startHost() : { url: values.url.replace(/\/+$/, ''), stop: async () => {} }
  try {
    const measures = await measureAll(host.url)
    for (const measure of measures) console.log(describe(measure))
    if (!measures.every(({ right, total, threshold }) => isReached(right, total, threshold))) process.exitCode = 1
  } finally {
    await host.stop()
  }
}

await main()
