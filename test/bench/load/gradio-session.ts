import { randomBytes } from 'node:crypto'
import { Client } from 'undici'

import { exchange, JSON_TYPE } from './exchange.ts'

const EVENT_ID = /"event_id":\s?"([0-9a-f]+)"/

export interface GradioEndpoint {
  /** Of the app, without a final slash. */
  url: string
  apiName: string
}

/**
 * One client of Gradio's queue. Joins for each call; opens its session's stream when it knows of no open one, and believes it open until `close_stream`
 * comes or it ends, as the published clients do.
 */
export class GradioSession {
  readonly #base: string
  readonly #joining: Client
  readonly #listening: Client
  readonly #session = randomBytes(6).toString('hex')
  readonly #body: string
  /** Ends that came before their call was told its id. */
  readonly #ended = new Map<string, boolean>()
  readonly #waiting = new Map<string, (succeeded: boolean) => void>()
  #isOpen = false
  #stream: Promise<void> = Promise.resolve()

  /** @param index Of the function, from the app's configuration. */
  constructor({ url }: GradioEndpoint, index: number, data: readonly unknown[]) {
    const { origin, pathname } = new URL(url)
    this.#base = `${pathname.replace(/\/$/, '')}/gradio_api/queue`
    this.#joining = new Client(origin)
    this.#listening = new Client(origin)
    this.#body = JSON.stringify({ data, fn_index: index, session_hash: this.#session, event_data: null, trigger_id: null })
  }

  /** One call to its end. @returns Whether it succeeded. */
  async call(): Promise<boolean> {
    const id = await this.join()
    if (id === null) return false
    if (!this.#isOpen) this.#open()
    const ended = this.#ended.get(id)
    if (ended !== undefined) {
      this.#ended.delete(id)
      return ended
    }
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }

  /** @returns The event's id, or null when it was refused. */
  async join(): Promise<string | null> {
    const { status, body } = await exchange(this.#joining, 'POST', `${this.#base}/join?`, JSON_TYPE, this.#body)
    return status === 200 ? (EVENT_ID.exec(body.toString('utf8'))?.[1] ?? null) : null
  }

  get streamPath(): string {
    return `${this.#base}/data?session_hash=${this.#session}`
  }

  async close(): Promise<void> {
    await this.#joining.close()
    await this.#listening.destroy()
    await this.#stream
  }

  #open(): void {
    this.#isOpen = true
    let text = ''
    const hear = (chunk: Buffer): void => {
      text += chunk.toString('utf8')
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        this.#hear(text.slice(0, end))
        text = text.slice(end + 2)
      }
    }
    const ended = (): void => {
      this.#isOpen = false
      // A call that crossed the close hears nothing any more.
      for (const resolve of this.#waiting.values()) resolve(false)
      this.#waiting.clear()
    }
    this.#stream = exchange(this.#listening, 'GET', this.streamPath, {}, null, hear).then(ended, ended)
  }

  #hear(message: string): void {
    if (message.includes('"msg":"close_stream"')) {
      this.#isOpen = false
      return
    }
    if (!message.includes('"msg":"process_completed"')) return
    const id = EVENT_ID.exec(message)?.[1] ?? ''
    const succeeded = message.includes('"success":true')
    const resolve = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (resolve === undefined) this.#ended.set(id, succeeded)
    else resolve(succeeded)
  }
}

/** @throws {Error} when the app has no such endpoint. */
export async function indexOf({ url, apiName }: GradioEndpoint): Promise<number> {
  const response = await fetch(`${url}/config`)
  const { dependencies } = (await response.json()) as { dependencies: { id: number; api_name: string }[] }
  const found = dependencies.find(({ api_name }) => api_name === apiName)
  if (found === undefined) throw new Error(`${url} has no endpoint ${apiName}`)
  return found.id
}
