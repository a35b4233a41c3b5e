/** HTTP as the doctor needs it: whatever happens is an answer that can be reported, with the time it took. */
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

/** Asks once. Never throws. */
export async function ask(url: string, { method = 'GET', headers = {}, body, withinMs = 5_000 }: Question = {}): Promise<Answer> {
  const startedAt = performance.now()
  const passed = (): number => (performance.now() - startedAt) / 1000
  try {
    const response = await fetch(url, {
      method, headers: { accept: 'application/json', ...headers }, redirect: 'manual', signal: AbortSignal.timeout(withinMs), ...(body === undefined ? {} : { body }),
    })
    let text = ''
    let firstSeconds: number | null = null
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      firstSeconds ??= passed()
      if (text.length < MAX_BODY_CHARACTERS) text += chunk
    }
    return { kind: 'answer', status: response.status, headers: response.headers, body: text, seconds: passed(), firstSeconds: firstSeconds ?? passed() }
  } catch (error) {
    const code = codeOf(error)
    return { kind: 'silence', code, why: code === 'TIMEOUT' ? `did not answer within ${withinMs / 1000} s` : (WORDS[code] ?? `could not be asked (${code})`), seconds: passed() }
  }
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
    if (error.name === 'TimeoutError') return 'TIMEOUT'
    if ('code' in error && typeof error.code === 'string') return error.code
    if (error.cause === undefined) return error.message
  }
  return String(thrown)
}
