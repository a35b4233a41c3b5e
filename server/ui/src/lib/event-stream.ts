/** Server-sent events as this host writes them: `event`, `id`, one line of data, comments between. */

export interface ServerEvent {
  event: string
  id: number
  data: unknown
}

/** Splits text, whatever pieces it comes in, into events. */
export class EventReader {
  #rest = ''

  /** The events that are whole with this piece. */
  take(piece: string): ServerEvent[] {
    const blocks = (this.#rest + piece).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    return blocks.map(eventOf).filter((event) => event !== null)
  }
}

function eventOf(block: string): ServerEvent | null {
  let event = ''
  let id = 0
  let data = ''
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 2)
    if (field === 'event') event = value
    else if (field === 'id') id = Number(value)
    else if (field === 'data') data = value
  }
  return event === '' || data === '' ? null : { event, id, data: JSON.parse(data) as unknown }
}

/**
 * Events that came together as few as say the same: text that grew in several steps grew in one, of several outputs or reports of progress in a
 * row the last holds. A fast model would else have the page drawn for every token.
 */
export function coalesced(events: readonly ServerEvent[]): ServerEvent[] {
  const few: ServerEvent[] = []
  for (const event of events) {
    const last = few.at(-1)
    const merged = last === undefined ? null : merge(last, event)
    if (merged === null) few.push(event)
    else few[few.length - 1] = merged
  }
  return few
}

const REPLACED: ReadonlySet<string> = new Set(['output', 'progress', 'queued'])

function merge(earlier: ServerEvent, later: ServerEvent): ServerEvent | null {
  if (earlier.event !== later.event) return null
  if (REPLACED.has(later.event)) return later
  if (!isAppend(earlier) || !isAppend(later) || earlier.data.output !== later.data.output) return null
  return { ...later, data: { output: later.data.output, text: earlier.data.text + later.data.text } }
}

function isAppend(event: ServerEvent): event is ServerEvent & { data: { output: string; text: string } } {
  const { data } = event
  return event.event === 'append' && typeof data === 'object' && data !== null && 'text' in data && typeof data.text === 'string' && 'output' in data && typeof data.output === 'string'
}
