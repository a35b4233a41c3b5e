import { styleText } from 'node:util'
import type { Finding, Level } from './finding.ts'
import type { Summary } from './summary.ts'

const MARK: Record<Level, string> = { ok: 'ok', warning: 'warning', wrong: 'wrong', unknown: 'unseen' }
const COLOUR = { ok: 'green', warning: 'yellow', wrong: 'red', unknown: 'magenta' } as const
const MARK_WIDTH = 7
const CHECK_WIDTH = 13
const INDENT = ' '.repeat(MARK_WIDTH + CHECK_WIDTH + 2)

/** One finding for a person: a line, below it what to do, and what else there is to read. */
export function textOf({ check, level, text, advice, details = [] }: Finding): string {
  const head = `${styleText(COLOUR[level], MARK[level].padEnd(MARK_WIDTH))} ${check.padEnd(CHECK_WIDTH)} ${text}`
  const below = [...(advice === undefined ? [] : [`→ ${advice}`]), ...details.map((line) => `| ${line}`)]
  return [head, ...below.map((line) => `${INDENT}${line}`)].join('\n')
}

export function textOfSummary({ text, first }: Summary): string {
  return `\n${text}${first === undefined ? '' : `\nFirst: ${first}`}`
}
