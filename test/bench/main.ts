/**
 * `npm run bench`: Footlights beside its ceilings and, with `--peers`, beside its peers, on this machine in one go. Prints a table for each
 * group of workloads, and what must come out with what came out; writes all figures as JSON. How to read it: docs/performance.md.
 *
 * --only=echo,cpu  these groups alone          --peers    FastAPI, LitServe, mosec and Gradio too, installed at the first time
 * --rounds=3       turns of every target       --seconds=2  of each load
 * --quick          a smoke of a minute         --json=FILE  instead of node_modules/.cache/footlights-bench/latest.json
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

import { venvWith } from '../helpers/python-venv.ts'
import type { Bench, Group } from './bench.ts'
import { judge } from './criteria.ts'
import { Figures } from './figures.ts'
import { echo } from './groups/echo.ts'
import { LoadProcess } from './load/load-process.ts'
import { parseSettings, type Settings, USAGE } from './settings.ts'
import { criteriaTable, figureTable, plainTable } from './tables.ts'

const PEERS = fileURLToPath(new URL('peers/requirements.txt', import.meta.url))
const INSTALL_MS = 900_000
const ALL: readonly Group[] = [echo]

async function main(settings: Settings): Promise<number> {
  const startedAt = performance.now()
  const groups = ALL.filter(({ name }) => settings.groups.includes(name))
  const complaints: string[] = []
  using load = new LoadProcess()
  const figures = new Figures()
  const bench: Bench = {
    settings, load, figures, python: settings.peers ? await venvWith(PEERS, INSTALL_MS) : undefined,
    say: (text) => process.stderr.write(`  ${text}\n`),
    complain: (text) => {
      complaints.push(text)
      process.stderr.write(`  ✗ ${text}\n`)
    },
  }
  for (const group of groups) {
    process.stderr.write(`${group.title}\n`)
    await group.run(bench)
    console.log(`\n${group.title}\n${plainTable(figureTable(group, figures))}\n`)
  }
  const judged = judge(figures, settings.groups, settings.peers)
  console.log(`What must come out\n${plainTable(criteriaTable(judged))}\n`)
  const minutes = (performance.now() - startedAt) / 60_000
  await mkdir(dirname(settings.jsonFile), { recursive: true })
  await writeFile(settings.jsonFile, `${JSON.stringify({ at: new Date(), node: process.versions.node, cores: cpus().length, settings, minutes, figures: figures.all(), judged, complaints }, null, 1)}\n`)
  console.log(`${minutes.toFixed(1)} minutes; ${complaints.length} could not be measured; all figures: ${settings.jsonFile}`)
  return complaints.length === 0 ? 0 : 1
}

try {
  process.exitCode = await main(parseSettings(process.argv.slice(2)))
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  process.exitCode = 1
}
