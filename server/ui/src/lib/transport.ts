/** One POST whose answer is a stream of text, telling how much of a form has been sent. */
import type { RequestBody } from './request-body.ts'

export interface Answer {
  status: number
  headers: Headers
  /** The body as it comes; ends or throws with the connection. */
  text: AsyncIterable<string>
}

export interface Posting {
  /** Shares of a form that have been sent, 0 to 1; ends when the answer begins. Empty for JSON. */
  sent: AsyncIterable<number>
  head: Promise<Answer>
}

const ACCEPT = 'text/event-stream'

export function post(url: string, body: RequestBody, signal: AbortSignal): Posting {
  return 'form' in body ? postForm(url, body.form, signal) : { sent: none(), head: postJson(url, body.json, signal) }
}

async function postJson(url: string, json: string, signal: AbortSignal): Promise<Answer> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', accept: ACCEPT }, body: json, signal })
  return { status: answer.status, headers: answer.headers, text: decoded(answer.body) }
}

async function* none(): AsyncGenerator<number, void> {}

/** A body as text, piece by piece. */
export async function* decoded(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string, void> {
  if (body === null) return
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield decoder.decode(read.value, { stream: true })
  } finally {
    void reader.cancel().catch(() => {})
  }
}

/** `fetch` cannot tell how much it has sent; XMLHttpRequest can, and its answer grows as it comes. */
function postForm(url: string, form: FormData, signal: AbortSignal): Posting {
  const request = new XMLHttpRequest()
  const sent = new Channel<number>()
  const text = new Channel<string>()
  const head = Promise.withResolvers<Answer>()
  let taken = 0
  const takeText = (): void => {
    if (request.responseText.length === taken) return
    text.push(request.responseText.slice(taken))
    taken = request.responseText.length
  }
  const fail = (): void => {
    const error = signal.aborted ? signal.reason : new TypeError('the connection broke')
    sent.close()
    text.close(error)
    head.reject(error)
  }
  request.upload.onprogress = ({ loaded, total }) => sent.push(total === 0 ? 1 : loaded / total)
  request.onreadystatechange = () => {
    if (request.readyState !== XMLHttpRequest.HEADERS_RECEIVED || request.status === 0) return
    sent.close()
    head.resolve({ status: request.status, headers: headersOf(request), text })
  }
  request.onprogress = takeText
  request.onload = () => {
    takeText()
    text.close()
  }
  request.onerror = fail
  request.onabort = fail
  signal.addEventListener('abort', () => request.abort(), { once: true })
  request.open('POST', url)
  request.setRequestHeader('accept', ACCEPT)
  request.send(form)
  return { sent, head: head.promise }
}

function headersOf(request: XMLHttpRequest): Headers {
  const headers = new Headers()
  for (const line of request.getAllResponseHeaders().trim().split(/[\r\n]+/)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return headers
}

/** What callbacks say, as an iterator for one reader. */
class Channel<Item> implements AsyncIterable<Item> {
  #items: Item[] = []
  #isClosed = false
  #error: unknown
  #wake: () => void = () => {}

  push(item: Item): void {
    this.#items.push(item)
    this.#wake()
  }

  close(error?: unknown): void {
    this.#isClosed = true
    this.#error = error
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void> {
    for (;;) {
      yield* this.#items.splice(0)
      if (this.#items.length > 0) continue
      if (this.#isClosed) break
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    if (this.#error !== undefined) throw this.#error
  }
}
