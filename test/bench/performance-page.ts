/** Fills the tables of docs/performance.md and draws docs/performance/*.svg. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { writeSection } from '../helpers/page-section.ts'
import type { Group } from './bench.ts'
import type { Drawing } from './charts.ts'
import type { Figures } from './figures.ts'
import type { Report } from './report.ts'
import { criteriaTable, figureTable, markdownTable } from './tables.ts'

const PAGE = 'performance.md'
export const DRAWINGS = fileURLToPath(new URL('../../docs/performance/', import.meta.url))

/** Sections of groups that were not run stay as they are; so do the circumstances and the criteria unless all groups were run. */
export async function writePage(report: Report, groups: readonly Group[], figures: Figures, isWhole: boolean): Promise<void> {
  for (const group of groups) await writeSection(PAGE, group.name, markdownTable(figureTable(group, figures)))
  if (!isWhole) return
  await writeSection(PAGE, 'circumstances', circumstances(report))
  await writeSection(PAGE, 'criteria', markdownTable(criteriaTable(report.judged)))
}

export async function writeDrawings(folder: string, drawings: readonly Drawing[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const { file, svg } of drawings) await writeFile(join(folder, file), svg)
}

function circumstances({ at, minutes, machine, versions, settings, complaints }: Report): string {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')
  return [
    `${at.slice(0, 10)}, ${minutes.toFixed(1)} minutes: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}.`,
    `${settings.rounds} round${settings.rounds === 1 ? '' : 's'} of ${settings.seconds} s for each load; medians over the rounds. ${packages}.`,
    ...complaints.map((text) => `Not measured: ${text}`),
  ].join('\n')
}
