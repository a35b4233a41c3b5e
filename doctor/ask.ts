/** HTTP as the doctor needs it: whatever happens is an answer that can be reported, with the time it took. */
import { request } from 'undici'
import type { z } from 'zod'

export interface Heard {
  kind: 'answer'
  status: number
  headers: Headers
  body: string
  seconds: number
  /** Until the first byte of the body. */
  firstSeconds: number
}

export interface Silence {
  kind: 'silence'
  /** An error code such as `ECONNREFUSED`, or `TIMEOUT`. */
  code: string
  /** What happened, in words that follow "it": "did not answer within 5 s". */
  why: string
  seconds: number
}

export type Answer = Heard | Silence

/** Someone who can be asked. */
export interface Place {
  /** Without a final slash. */
  url: string
  /** With every request, such as the `Host` that he listens to. */
  headers: Record<string, string>
}

export interface Question {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
  /** For the whole answer. Default 5,000. */
  withinMs?: number
}

/** More of a body than this is not read. */
const MAX_BODY_CHARACTERS = 4 * 1024 * 1024

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'refused the connection: nobody listens there',
  ECONNRESET: 'reset the connection',
  UND_ERR_SOCKET: 'closed the connection without a whole answer',
  ENOTFOUND: 'has a name that is not known',
  EAI_AGAIN: 'has a name that could not be looked up',
  EHOSTUNREACH: 'can not be reached from here',
  ENETUNREACH: 'can not be reached from here',
  ETIMEDOUT: 'did not take the connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'did not take the connection in time',
}

/** The header that an operator is known by; none without a token. */
export function asOperator(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/** Asks once. Never throws. @param path With its leading slash. */
export async function ask({ url, headers: always }: Place, path: string, { method = 'GET', headers = {}, body, withinMs = 5_000 }: Question = {}): Promise<Answer> {
  const startedAt = performance.now()
  const passed = (): number => (performance.now() - startedAt) / 1000
  const signal = AbortSignal.timeout(withinMs)
  try {
    // Not `fetch`, which lets nobody choose the host's name.
    const answer = await request(url + path, { method, headers: { accept: 'application/json', ...always, ...headers }, signal, body: body ?? null })
    const decoder = new TextDecoder()
    let text = ''
    let firstSeconds: number | null = null
    for await (const chunk of answer.body) {
      firstSeconds ??= passed()
      if (text.length < MAX_BODY_CHARACTERS) text += decoder.decode(chunk, { stream: true })
    }
    return { kind: 'answer', status: answer.statusCode, headers: headersOf(answer.headers), body: text, seconds: passed(), firstSeconds: firstSeconds ?? passed() }
  } catch (error) {
    const code = signal.aborted ? 'TIMEOUT' : codeOf(error)
    return { kind: 'silence', code, why: code === 'TIMEOUT' ? `did not answer within ${withinMs / 1000} s` : (WORDS[code] ?? `could not be asked (${code})`), seconds: passed() }
  }
}

function headersOf(given: Record<string, string | string[] | undefined>): Headers {
  return new Headers(Object.entries(given).flatMap(([name, value]) => [value ?? []].flat().map((one): [string, string] => [name, one])))
}

/** The body by a schema; null when it is anything else. */
export function bodyOf<T extends z.ZodType>(answer: Answer, schema: T): z.output<T> | null {
  if (answer.kind !== 'answer') return null
  try {
    return schema.safeParse(JSON.parse(answer.body)).data ?? null
  } catch {
    // Not JSON: whoever says this is not the host.
    return null
  }
}

function codeOf(thrown: unknown): string {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ('code' in error && typeof error.code === 'string') return error.code
    if (error.cause === undefined) return error.message
  }
  return String(thrown)
}
