/** Server-sent events of an answer, parsed as the standard says. */

export interface SentEvent {
  type: string
  id: number
  data: Record<string, unknown>
}

/** Follows the events until the answer ends; leaving the loop closes the connection. */
export async function* readEvents(response: Response): AsyncGenerator<SentEvent> {
  if (response.body === null) throw new Error('the answer has no body')
  let buffer = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    buffer += chunk
    for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
      const event = parseEvent(buffer.slice(0, end))
      buffer = buffer.slice(end + 2)
      if (event !== null) yield event
    }
  }
  if (buffer !== '') throw new Error(`the stream ended inside of an event: ${JSON.stringify(buffer)}`)
}

/** All events of an answer. */
export async function allEvents(response: Response): Promise<SentEvent[]> {
  const events: SentEvent[] = []
  for await (const event of readEvents(response)) events.push(event)
  return events
}

/** Null for a comment. @throws {Error} for a line that the contract has not. */
function parseEvent(text: string): SentEvent | null {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^([a-z]*): ?(.*)$/.exec(line) ?? []
    if (fields.has(name)) throw new Error(`the event has two lines of ${name}: ${text}`)
    if (!['event', 'id', 'data', ''].includes(name)) throw new Error(`the event has an unknown line: ${text}`)
    fields.set(name, value)
  }
  const [type, id, data] = [fields.get('event'), fields.get('id'), fields.get('data')]
  if (type === undefined && id === undefined && data === undefined) return null
  if (type === undefined || id === undefined || data === undefined) throw new Error(`the event lacks a line: ${text}`)
  return { type, id: Number(id), data: JSON.parse(data) }
}
