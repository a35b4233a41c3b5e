/** Tables as data: comparing, searching, and the text forms that spreadsheets speak. */

export interface Table {
  headers: string[]
  data: unknown[][]
}

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && 'headers' in value && Array.isArray(value.headers) && 'data' in value && Array.isArray(value.data)
}

/** A cell as text: empty for null, JSON for what is not flat. */
export function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return ''
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell)
}

/** What a visitor typed into a cell: a number where it is one exactly, so that `007` and `1.50` stay text. */
export function cellValue(text: string): unknown {
  if (text === '') return null
  if (text === 'true' || text === 'false') return text === 'true'
  const number = Number(text)
  return Number.isFinite(number) && String(number) === text ? number : text
}

/** Does the column hold numbers (and empty cells) only? */
export function isNumeric(rows: readonly unknown[][], column: number): boolean {
  const cells = rows.map((row) => row[column]).filter((cell) => cell !== null && cell !== undefined)
  return cells.length > 0 && cells.every((cell) => typeof cell === 'number')
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

/** Order for sorting: numbers by size, texts as a reader would, empty cells last in both directions. */
export function sortedIndexes(rows: readonly unknown[][], column: number, direction: 'ascending' | 'descending'): number[] {
  const sign = direction === 'ascending' ? 1 : -1
  return rows
    .map((row, index) => ({ index, cell: row[column] ?? null }))
    .sort((a, b) => {
      if (a.cell === null || b.cell === null) return Number(a.cell === null) - Number(b.cell === null) || a.index - b.index
      const order = typeof a.cell === 'number' && typeof b.cell === 'number' ? a.cell - b.cell : collator.compare(cellText(a.cell), cellText(b.cell))
      return order * sign || a.index - b.index
    })
    .map(({ index }) => index)
}

/** Rows, by index, that have all the words somewhere. */
export function matchingIndexes(rows: readonly unknown[][], query: string): number[] {
  const wanted = query.toLowerCase().split(/\s+/).filter((word) => word !== '')
  const indexes = rows.map((_row, index) => index)
  if (wanted.length === 0) return indexes
  return indexes.filter((index) => {
    const text = (rows[index] ?? []).map(cellText).join('\n').toLowerCase()
    return wanted.every((word) => text.includes(word))
  })
}

/** RFC 4180, and safe to open in a spreadsheet: a text that would be taken for a formula gets an apostrophe. */
export function toCsv({ headers, data }: Table): string {
  return [headers, ...data].map((row) => row.map(csvField).join(',')).join('\r\n')
}

function csvField(cell: unknown): string {
  const text = cellText(cell)
  const isFormula = typeof cell === 'string' && /^[=+\-@\t\r]/.test(text) && !/^[+-][\d\s.,()/-]*$/.test(text)
  const harmless = isFormula ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** Cells out of text that was copied from a spreadsheet (tabs) or a CSV file; quotes hold separators and line breaks. */
export function parseCells(text: string): string[][] {
  const separator = text.includes('\t') ? '\t' : ','
  const rows: string[][] = [[]]
  let [field, isQuoted] = ['', false]
  const endField = (): void => {
    rows.at(-1)?.push(field)
    field = ''
  }
  const source = text.replaceAll(/\r\n?/g, '\n').replace(/\n$/, '')
  for (let at = 0; at < source.length; at++) {
    const character = source.charAt(at)
    if (isQuoted && character === '"' && source[at + 1] === '"') field += source.charAt(at++)
    else if (character === '"' && (isQuoted || field === '')) isQuoted = !isQuoted
    else if (isQuoted || (character !== separator && character !== '\n')) field += character
    else {
      endField()
      if (character === '\n') rows.push([])
    }
  }
  endField()
  return rows
}
