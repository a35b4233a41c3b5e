/**
 * `npm run drills`: every drill, one row each. `npm run drills -- kill-only-worker …` runs those named.
 *
 * --quick          only those that are a part of `npm test`
 * --list           names them
 * --repeat=3       the whole so many times
 * --full-length    the keep-alive race with its real time-outs (minutes)
 * --markdown       writes the tables of the last round into docs/reliability.md
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'

import { DRILLS } from './catalogue.ts'
import { writeSection } from './reliability-page.ts'
import { headLine, markdownTables, type Row, rowLines } from './row.ts'
import { runDrill } from './run-drill.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false }, list: { type: 'boolean', default: false }, markdown: { type: 'boolean', default: false },
    'full-length': { type: 'boolean', default: false }, repeat: { type: 'string', default: '1' },
  },
})

async function main(): Promise<number> {
  const unknown = positionals.filter((name) => !DRILLS.some((drill) => drill.name === name))
  if (unknown.length > 0) return usage(`There is no drill named ${unknown.join(', ')}.`)
  if (values.list) return usage('')
  const chosen = DRILLS.filter(({ name, isQuick }) => (positionals.length === 0 || positionals.includes(name)) && (!values.quick || isQuick))
  let failed = 0
  for (let round = 1; round <= Number(values.repeat); round++) {
    const rows = await playRound(chosen)
    failed += rows.filter(({ complaints }) => complaints.length > 0).length
    if (values.markdown) await writeSection('drills', `${circumstances(rows)}\n\n${markdownTables(rows)}`)
  }
  return failed === 0 ? 0 : 1
}

function usage(text: string): number {
  console.error(text)
  console.error(DRILLS.map(({ name, fault }) => `  ${name.padEnd(28)} ${fault}`).join('\n'))
  return text === '' ? 0 : 1
}

async function playRound(drills: typeof DRILLS): Promise<Row[]> {
  const rows: Row[] = []
  console.log(headLine())
  for (const drill of drills) {
    const row = await runDrill(drill, { slack: 1, fullLength: values['full-length'] })
    console.log(rowLines(row))
    rows.push(row)
  }
  console.log(circumstances(rows))
  return rows
}

function circumstances(rows: readonly Row[]): string {
  const passed = rows.filter(({ complaints }) => complaints.length === 0).length
  const minutes = rows.reduce((sum, { tookMs }) => sum + tookMs, 0) / 60_000
  return `${passed} of ${rows.length} PASS, ${minutes.toFixed(1)} minutes, Node ${process.versions.node}, ${cpus().length} cores.`
}

process.exitCode = await main()
