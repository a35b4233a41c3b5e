/** The end of a paragraph, a token like any other. */
export const PARAGRAPH = '\n\n'

/** A word with its apostrophes and hyphens, or one mark. Titles and initials keep their stop. */
const TOKEN = /(?:Mr|Mrs|Messrs|Dr|St|Esq|M|[A-Z](?=\. ?[A-Z]))\.|&c\.?|[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*|\d+(?:[.,]\d+)*|-{2,}|\S/gu

/**
 * Cuts text into words and marks. Quotation marks become opening “ or closing ” ones by what stands before them,
 * and empty lines become PARAGRAPH.
 */
export function* tokenise(text: string): Generator<string, void, undefined> {
  for (const [at, paragraph] of text.split(/\n{2,}/).entries()) {
    if (at > 0) yield PARAGRAPH
    for (const { 0: token, index } of paragraph.matchAll(TOKEN)) yield canonical(token, paragraph[index - 1] ?? ' ')
  }
}

function canonical(token: string, before: string): string {
  if (token === '"') return /[\s(—-]/.test(before) ? '“' : '”'
  if (token === '—' || token.startsWith('--')) return '—'
  return token.replaceAll('’', "'")
}

const NO_SPACE_BEFORE = /^[,.;:!?”)\]—…]/
const NO_SPACE_AFTER = /[“(\[—]$|\n$/

/** What must be written to set `token` after `text`: the token, after a space where one belongs. */
export function spaced(text: string, token: string): string {
  if (token === PARAGRAPH) return text === '' ? '' : PARAGRAPH
  const isTight = text === '' || /\s$/.test(text) || NO_SPACE_BEFORE.test(token) || NO_SPACE_AFTER.test(text)
  return isTight ? token : ` ${token}`
}
