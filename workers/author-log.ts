const MAX_CHARACTERS = 65_536
/** What an entry weighs beside its text. */
const ENVELOPE_BYTES = 256

export interface AuthorLogEntry {
  fields: Record<string, unknown>
  message: string
  /** What it counts against the rate that is kept. */
  bytes: number
}

/**
 * What an author's `log.info(fields, message)` becomes. Authors in JavaScript pass what they like: a text alone is the message, an error keeps
 * its stack, and nothing throws in the middle of their work.
 */
export function authorLogEntry(fields: unknown, message: unknown): AuthorLogEntry {
  const given = fields instanceof Error ? { err: fields } : fields
  const [kept, text] = typeof given === 'string' ? [{}, message === '' ? given : `${given} ${asText(message)}`] : [plainFields(given), asText(message)]
  const cut = text.slice(0, MAX_CHARACTERS)
  return { fields: kept, message: cut, bytes: cut.length + JSON.stringify(kept).length + ENVELOPE_BYTES }
}

function asText(value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'a value that has no text form'
  }
}

/** Only what survives a JSON round trip may cross. */
function plainFields(fields: unknown): Record<string, unknown> {
  try {
    const text = JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? value.stack ?? String(value) : value))
    if (text === undefined || text.length > MAX_CHARACTERS) return { note: 'fields too large or not plain data' }
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : { value: parsed }
  } catch {
    return { note: 'fields are not plain data' }
  }
}
