/** An open-loop load: each request has its time, whether or not the ones before it have come back. */
import { Agent, request } from 'node:http'

const TICK_MS = 5
/** A request without an answer for so long has failed. */
const GIVE_UP_MS = 90_000

export interface LoadSettings {
  url: string
  model: string
  /** Default 50. */
  perSecond?: number
  /** Inputs of the nth request. Default: a text of its own. */
  inputs?: (index: number) => Record<string, unknown>
  headers?: Record<string, string>
  /** Most connections at a time; a request that finds none waits for one. Default: as many as it takes. */
  connections?: number
  /** What the body of a good answer says. Default: the `text` that was sent. */
  isRight?: (outputs: Record<string, unknown>, inputs: Record<string, unknown>) => boolean
}

/** What became of one request. `reset` and `cut` are what a proxy in front would have to report as 502. */
export type Outcome = 'ok' | 'wrong answer' | 'refused' | 'reset' | 'cut' | 'no answer' | `${number} ${string}`

export interface Shot {
  /** Monotonic ms at which it was to be sent. */
  due: number
  end: number
  outcome: Outcome
  /** In seconds, when the answer had it. */
  retryAfter: string | null
}

/**
 * Sends requests at a fixed rate until stopped. Latency counts from the moment a request was due, so that a host which stands still
 * is charged for all that should have been sent meanwhile (coordinated omission).
 */
export class PacedLoad {
  readonly shots: Shot[] = []
  readonly startedAt = performance.now()
  readonly #settings: Required<Omit<LoadSettings, 'headers' | 'connections'>> & { headers: Record<string, string> }
  readonly #agent: Agent
  readonly #open = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #stoppedAt: number | null = null

  constructor(settings: LoadSettings) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: settings.connections ?? Infinity })
    this.#settings = {
      perSecond: 50, headers: {}, inputs: (index) => ({ text: `request ${index}` }),
      isRight: (outputs, inputs) => outputs['text'] === inputs['text'], ...settings,
    }
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS)
  }

  get sent(): number {
    return this.#sent
  }

  get endedAt(): number {
    return this.#stoppedAt ?? performance.now()
  }

  /** Sends no more, and waits for all answers. */
  async stop(): Promise<this> {
    if (this.#stoppedAt === null) {
      this.#stoppedAt = performance.now()
      clearInterval(this.#timer)
    }
    await Promise.all(this.#open)
    this.#agent.destroy()
    return this
  }

  /** Those that were due from `since` on. */
  from(since: number): Shot[] {
    return this.shots.filter(({ due }) => due >= since)
  }

  failed(): Shot[] {
    return this.shots.filter(({ outcome }) => outcome !== 'ok')
  }

  /** The longest time without a good answer, from the first one due to the last answer. */
  longestGapMs(): number {
    const ends = this.shots.filter(({ outcome }) => outcome === 'ok').map(({ end }) => end).sort((a, b) => a - b)
    let longest = 0
    let before = this.startedAt
    for (const end of [...ends, Math.max(this.endedAt, ends.at(-1) ?? 0)]) {
      longest = Math.max(longest, end - before)
      before = end
    }
    return longest
  }

  /** Latency of the good answers in ms. @param share e.g. 0.99 */
  quantileMs(share: number): number {
    const sorted = this.shots.filter(({ outcome }) => outcome === 'ok').map(({ due, end }) => end - due).sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  }

  #sendDue(): void {
    const intervalMs = 1000 / this.#settings.perSecond
    for (;;) {
      const due = this.startedAt + this.#sent * intervalMs
      if (due > performance.now()) return
      const sending: Promise<void> = this.#send(this.#sent++, due).finally(() => this.#open.delete(sending))
      this.#open.add(sending)
    }
  }

  async #send(index: number, due: number): Promise<void> {
    const { url, model, inputs, headers, isRight } = this.#settings
    const given = inputs(index)
    const answer = await post(`${url}/${model}/predict`, given, { agent: this.#agent, headers })
    const outcome = answer.status === 200 && typeof answer.outcome !== 'string' ? (isRight(answer.outcome, given) ? 'ok' : 'wrong answer') : outcomeOf(answer)
    this.shots.push({ due, end: performance.now(), outcome, retryAfter: answer.retryAfter })
  }
}

interface RawAnswer {
  status: number
  /** The parsed body (of a stream: `{ stream }`, its whole text), or why there is none. */
  outcome: Record<string, unknown> | 'refused' | 'reset' | 'cut' | 'no answer'
  retryAfter: string | null
}

/** `<status> <code>`, or how the connection ended. */
export function outcomeOf({ status, outcome }: RawAnswer): Outcome {
  if (typeof outcome === 'string') return outcome
  return `${status} ${typeof outcome['code'] === 'string' ? outcome['code'] : 'without a code'}`
}

/** One POST of JSON. Never rejects. */
export function post(url: string, body: unknown, { agent, headers = {} }: { agent?: Agent; headers?: Record<string, string> } = {}): Promise<RawAnswer> {
  const text = JSON.stringify(body)
  return new Promise((resolve) => {
    const failed = (outcome: Extract<RawAnswer['outcome'], string>, status = 0): void => resolve({ status, outcome, retryAfter: null })
    const sending = request(url, {
      method: 'POST', ...(agent === undefined ? {} : { agent }), timeout: GIVE_UP_MS,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers },
    }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => failed('cut', response.statusCode))
      response.on('end', () => {
        const retryAfter = response.headers['retry-after'] ?? null
        const text = Buffer.concat(chunks).toString('utf8')
        const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true
        resolve({ status: response.statusCode ?? 0, outcome: isStream ? { stream: text } : parsed(text), retryAfter })
      })
    })
    sending.on('timeout', () => sending.destroy(new Error('no answer')))
    sending.on('error', (error: NodeJS.ErrnoException) => failed(error.message === 'no answer' ? 'no answer' : error.code === 'ECONNREFUSED' ? 'refused' : 'reset'))
    sending.end(text)
  })
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : { value }
  } catch {
    return {}
  }
}
