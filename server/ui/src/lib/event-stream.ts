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
