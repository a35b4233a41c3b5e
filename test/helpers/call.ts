/** One call of the native API, as a test reads it. */
export interface Answer {
  status: number
  headers: Headers
  // Tests look into answers whose shape is what they check.
  body: Record<string, unknown>
}

/** `POST /<model>/predict` with JSON inputs. */
export async function predict(url: string, model: string, inputs: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${url}/${model}/predict`, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(inputs),
  })
  return { status: response.status, headers: response.headers, body: asObject(await response.json()) }
}

export async function getJson(url: string, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}${path}`, { headers: { accept: 'application/json' } })
  return asObject(await response.json())
}

export interface ModelStatus {
  name: string
  state: string
  cause?: string
  update?: { state: string; cause?: string; at: string }
  queue: { depth: number; running: number }
  replicas: { worker: number; pid: number | null; state: string; restarts: number; rssSlopeBytesPerMinute: number | null; lastExit: { reason: string; signal: string | null } | null }[]
}

/** One model of `/status`. */
export async function statusOf(url: string, model: string): Promise<ModelStatus> {
  const response = await fetch(`${url}/status`, { headers: { accept: 'application/json' } })
  const { models } = (await response.json()) as { models: ModelStatus[] }
  const found = models.find(({ name }) => name === model)
  if (found === undefined) throw new Error(`the host has no model ${model}`)
  return found
}

/** The value of one series in `/metrics`; 0 when it is not there. @param series e.g. `footlights_replays_total{model="echo",outcome="replayed"}` */
export async function metric(url: string, series: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return line === undefined ? 0 : Number(line.slice(series.length + 1))
}

/** Asks until the answer fits; for what has no event to wait for over HTTP. @throws after `withinMs`. */
export async function eventually<T>(ask: () => Promise<T>, fits: (value: T) => boolean, withinMs = 20_000): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await ask()
    if (fits(value)) return value
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(value)} after ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export async function ready(url: string, model: string): Promise<ModelStatus> {
  return eventually(() => statusOf(url, model), ({ replicas }) => replicas.length > 0 && replicas.every(({ state }) => state === 'ready'))
}

/** Good predictions, one after the other, until stopped; the counter-check that the rest of the host did not notice. */
export class Neighbour {
  readonly #url: string
  readonly #model: string
  readonly #done: Promise<void>
  #stopped = false
  #answered = 0
  readonly #wrong: Answer[] = []

  constructor(url: string, model: string) {
    this.#url = url
    this.#model = model
    this.#done = this.#call()
  }

  /** @returns How many were answered, and the answers other than 200. */
  async stop(): Promise<{ answered: number; wrong: Answer[] }> {
    this.#stopped = true
    await this.#done
    return { answered: this.#answered, wrong: this.#wrong }
  }

  async #call(): Promise<void> {
    while (!this.#stopped) {
      const answer = await predict(this.#url, this.#model, { text: 'neighbour' })
      this.#answered++
      if (answer.status !== 200) this.#wrong.push(answer)
    }
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : { value }
}
