/** What one drill found, as it stands in the table. */
export interface Row {
  name: string
  fault: string
  criterion: string
  sent: number
  succeeded: number
  /** Failed requests of the good load, by outcome. */
  failed: Record<string, number>
  /** What a proxy in front would have had to report as 502: a 502, a reset, an answer cut short. */
  bare502: number
  longestGapMs: number | null
  /** From the fault to the host's first word about it. */
  detectMs: number | null
  /** From the fault until all is as it was before. */
  recoverMs: number | null
  /** Resident memory of the front. */
  memoryBefore: number | null
  memoryAfter: number | null
  left: number
  /** Answers to the fault's own requests, by outcome. */
  answers: Record<string, number>
  /** What did not hold; empty is PASS. */
  complaints: string[]
  /** Beside the criterion, for the reader. */
  notes: string[]
  tookMs: number
}

interface Column {
  title: string
  width: number
  text: (row: Row) => string
}

const COLUMNS: readonly Column[] = [
  { title: 'drill', width: 26, text: ({ name }) => name },
  { title: 'sent', width: 6, text: ({ sent }) => String(sent) },
  { title: 'succeeded', width: 9, text: ({ succeeded }) => String(succeeded) },
  { title: 'failed by status', width: 24, text: ({ failed }) => counts(failed, '0') },
  { title: 'bare 502', width: 8, text: ({ bare502 }) => String(bare502) },
  { title: 'longest gap', width: 11, text: ({ longestGapMs }) => seconds(longestGapMs) },
  { title: 'detect', width: 8, text: ({ detectMs }) => seconds(detectMs) },
  { title: 'recover', width: 8, text: ({ recoverMs }) => seconds(recoverMs) },
  { title: 'front before → after', width: 20, text: ({ memoryBefore, memoryAfter }) => (memoryBefore === null ? '–' : `${megabytes(memoryBefore)} → ${megabytes(memoryAfter ?? 0)} MB`) },
  { title: 'left', width: 4, text: ({ left }) => String(left) },
  { title: 'verdict', width: 7, text: ({ complaints }) => (complaints.length === 0 ? 'PASS' : 'FAIL') },
]

export function headLine(): string {
  return COLUMNS.map(({ title, width }) => title.padEnd(width)).join('  ').trimEnd()
}

/** One line, and below it what did not hold and what else is worth knowing. */
export function rowLines(row: Row): string {
  const line = COLUMNS.map(({ text, width }) => text(row).padEnd(width)).join('  ').trimEnd()
  const answers = Object.keys(row.answers).length === 0 ? [] : [`answers to the fault's own requests: ${counts(row.answers, 'none')}`]
  return [line, ...row.complaints.map((text) => `    ✗ ${text}`), ...[...answers, ...row.notes].map((text) => `    ${text}`)].join('\n')
}

/** The whole as Markdown: one table of what must hold, one of what was measured. */
export function markdownTables(rows: readonly Row[]): string {
  const measured = table(COLUMNS.map(({ title }) => title), rows.map((row) => COLUMNS.map(({ text }, index) => (index === 0 ? `\`${row.name}\`` : text(row)))))
  const held = table(['drill', 'fault', 'must hold', 'seen'], rows.map((row) => [
    `\`${row.name}\``, row.fault, row.criterion,
    [...(Object.keys(row.answers).length === 0 ? [] : [`the fault's own requests: ${counts(row.answers, 'none')}`]), ...row.notes, ...row.complaints.map((text) => `**did not hold:** ${text}`)].join('; '),
  ]))
  return `${measured}\n\n${held}\n`
}

function table(titles: readonly string[], lines: readonly (readonly string[])[]): string {
  const escaped = (cell: string): string => cell.replaceAll('|', '\\|')
  return [titles, titles.map(() => '---'), ...lines].map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n')
}

function counts(of: Record<string, number>, none: string): string {
  const entries = Object.entries(of)
  return entries.length === 0 ? none : entries.map(([outcome, count]) => `${count} × ${outcome}`).join(', ')
}

function seconds(ms: number | null): string {
  return ms === null ? '–' : `${(ms / 1000).toFixed(2)} s`
}

function megabytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024))
}
