/** Gradio's wire as plain HTTP, read as strictly as the strictest client does. */
import assert from 'node:assert/strict'

export type Message = Record<string, unknown> & { msg: string; event_id: string | null }

export interface Join {
  data?: unknown
  session?: string
  headers?: Record<string, string>
}

/** @param app The URL of a model, without a final slash. */
export function post(app: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${app}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) })
}

/** Joins the queue. @returns the event's id. */
export async function join(app: string, { data = [], session = 'session', headers = {} }: Join = {}): Promise<string> {
  const response = await post(app, '/gradio_api/queue/join?', { data, fn_index: 0, session_hash: session }, headers)
  assert.equal(response.status, 200, await response.clone().text())
  return eventId(await response.json())
}

export function eventId(answer: unknown): string {
  assert.ok(typeof answer === 'object' && answer !== null && 'event_id' in answer && typeof answer.event_id === 'string')
  assert.match(answer.event_id, /^[0-9a-f]{32}$/)
  return answer.event_id
}

/** Opens a session's stream. Every event must be exactly one `data:` line of JSON, as the Python client demands. */
export async function* listen(app: string, session = 'session', signal?: AbortSignal): AsyncGenerator<Message> {
  const response = await fetch(`${app}/gradio_api/queue/data?session_hash=${encodeURIComponent(session)}`, signal === undefined ? {} : { signal })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  for await (const block of blocks(response)) {
    assert.match(block, /^data: [^\n]+$/)
    yield message(JSON.parse(block.slice(6)))
  }
}

function message(value: unknown): Message {
  assert.ok(typeof value === 'object' && value !== null && 'msg' in value && typeof value.msg === 'string')
  assert.ok('event_id' in value && (typeof value.event_id === 'string' || value.event_id === null), 'event_id is always there')
  return { ...value, msg: value.msg, event_id: value.event_id }
}

/** Everything of a session until its stream ends; it must end with `close_stream` or an `unexpected_error`. */
export async function listenToEnd(app: string, session = 'session'): Promise<Message[]> {
  const messages: Message[] = []
  for await (const told of listen(app, session)) messages.push(told)
  return messages
}

/** The events of a server-sent stream as raw text. */
export async function* blocks(response: Response): AsyncGenerator<string> {
  assert.ok(response.body)
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield text.slice(0, end)
      text = text.slice(end + 2)
    }
  }
  assert.equal(text, '', 'the stream ends after a whole event')
}

/** Calls by plain HTTP. @returns the event's id, cut out as the published one-liners do. */
export async function call(app: string, body: unknown, name = 'predict'): Promise<string> {
  const response = await post(app, `/gradio_api/call/${name}`, body)
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return text.split('"')[3] ?? ''
}

/** The named events of a call, as `[event, data]`. */
export async function result(app: string, id: string, name = 'predict'): Promise<[event: string, data: unknown][]> {
  const response = await fetch(`${app}/gradio_api/call/${name}/${id}`)
  assert.equal(response.status, 200)
  const events: [string, unknown][] = []
  for await (const block of blocks(response)) {
    const [, event, data] = /^event: (\w+)\ndata: ([^\n]*)$/.exec(block) ?? []
    assert.ok(event !== undefined && data !== undefined, block)
    events.push([event, JSON.parse(data)])
  }
  return events
}

/** The messages of one event. */
export function of(messages: Message[], event: string): Message[] {
  return messages.filter((told) => told.event_id === event)
}

export function names(messages: Message[]): string[] {
  return messages.map(({ msg }) => msg)
}
