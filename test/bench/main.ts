/**
 * `npm run bench`: Footlights beside its ceilings and, with `--peers`, beside its peers, on this machine in one go. Prints a table for each
 * group of workloads, and what must come out with what came out; writes all figures as JSON. How to read it: docs/performance.md.
 *
 * --only=echo,cpu  these groups alone          --peers        FastAPI, LitServe, mosec and Gradio too, installed at the first time
 * --rounds=3       turns of every target       --seconds=1.5  of each load
 * --quick          a smoke of two minutes      --json=FILE    instead of node_modules/.cache/footlights-bench/latest.json
 * --markdown       fills docs/performance.md and draws docs/performance/*.svg
 * --svg            draws beside the JSON file
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

import { venvWith } from '../helpers/python-venv.ts'
import type { Bench, Group } from './bench.ts'
import { drawings } from './charts.ts'
import { judge } from './criteria.ts'
import { Figures } from './figures.ts'
import { batching } from './groups/batching.ts'
import { cpu } from './groups/cpu.ts'
import { echo } from './groups/echo.ts'
import { gradio } from './groups/gradio.ts'
import { layers } from './groups/layers.ts'
import { load as offered } from './groups/load.ts'
import { memory } from './groups/memory.ts'
import { streaming } from './groups/streaming.ts'
import { LoadProcess } from './load/load-process.ts'
import { DRAWINGS, writeDrawings, writePage } from './performance-page.ts'
import { machineOf, PEER_REQUIREMENTS, type Report, versionsOf } from './report.ts'
import { parseSettings, type Settings, USAGE } from './settings.ts'
import { criteriaTable, figureTable, plainTable } from './tables.ts'

const INSTALL_MS = 900_000
/** 128 and the number of SIGINT, as a shell has it. */
const EXIT_INTERRUPTED = 130
const ALL: readonly Group[] = [echo, offered, cpu, streaming, batching, gradio, memory, layers]

async function main(settings: Settings): Promise<number> {
  const startedAt = performance.now()
  const groups = ALL.filter(({ name }) => settings.groups.includes(name))
  const figures = new Figures()
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
  const complaints = await measure(settings, groups, figures, stopping.signal)
  if (stopping.signal.aborted) return EXIT_INTERRUPTED
  const report: Report = {
    at: new Date().toISOString(), minutes: (performance.now() - startedAt) / 60_000, machine: machineOf(), versions: await versionsOf(settings.peers), settings,
    figures: figures.all(), judged: judge(figures, settings.groups, settings.peers), complaints,
  }
  if (report.judged.length > 0) console.log(`What must come out\n${plainTable(criteriaTable(report.judged))}\n`)
  await mkdir(dirname(settings.jsonFile), { recursive: true })
  await writeFile(settings.jsonFile, `${JSON.stringify(report, null, 1)}\n`)
  if (settings.svg) await writeDrawings(dirname(settings.jsonFile), drawings(figures))
  if (settings.markdown) {
    await writePage(report, groups, figures, groups.length === ALL.length)
    await writeDrawings(DRAWINGS, drawings(figures))
  }
  console.log(`${report.minutes.toFixed(1)} minutes; ${complaints.length} could not be measured; all figures: ${settings.jsonFile}`)
  return complaints.length === 0 ? 0 : 1
}

/** @returns What could not be measured. */
async function measure(settings: Settings, groups: readonly Group[], figures: Figures, stopped: AbortSignal): Promise<string[]> {
  const complaints: string[] = []
  using load = new LoadProcess()
  // What is under way fails then, and its target is ended as always.
  stopped.addEventListener('abort', () => load[Symbol.dispose]())
  const bench: Bench = {
    settings, load, figures, stopped, python: settings.peers ? await venvWith(PEER_REQUIREMENTS, INSTALL_MS) : undefined,
    say: (text) => process.stderr.write(`  ${text}\n`),
    complain: (text) => {
      complaints.push(text)
      process.stderr.write(`  ✗ ${text}\n`)
    },
  }
  for (const group of groups) {
    if (stopped.aborted) break
    process.stderr.write(`${group.title}\n`)
    await group.run(bench)
    console.log(`\n${group.title}\n${plainTable(figureTable(group, figures))}\n`)
  }
  return complaints
}

try {
  process.exitCode = await main(parseSettings(process.argv.slice(2)))
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  process.exitCode = 1
}
