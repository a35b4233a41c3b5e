/** The figures and the criteria as tables, for the terminal and as Markdown. */
import type { Group } from './bench.ts'
import type { Judged } from './criteria.ts'
import { type Figure, type Figures, TARGETS } from './figures.ts'

/** A workload a row, a target a column, unless the group has a form of its own. */
export function figureTable(group: Group, figures: Figures): string[][] {
  if (group.table !== undefined) return group.table(figures)
  const measured = figures.of(group.name)
  const targets = TARGETS.filter((target) => measured.some((figure) => figure.target === target))
  const workloads = [...new Set(measured.map(({ workload }) => workload))]
  return [
    ['workload', ...targets],
    ...workloads.map((workload) => [workload, ...targets.map((target) => cell(group, measured.find((figure) => figure.workload === workload && figure.target === target)))]),
  ]
}

function cell({ columns }: Group, figure: Figure | undefined): string {
  if (figure === undefined) return '–'
  const shown = columns.map(({ measure, show }) => {
    const value = figure.medians[measure]
    return value === undefined || Number.isNaN(value) ? '' : show(value)
  })
  return shown.filter((text) => text !== '').join(' · ')
}

export function criteriaTable(judged: readonly Judged[]): string[][] {
  return [['what', 'required', 'measured', ''], ...judged.map(({ title, required, measured, verdict }) => [title, required, measured, verdict])]
}

/** Columns of equal width. */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => (row[index] ?? '').length)))
  return rows.map((row) => row.map((text, index) => text.padEnd(widths[index] ?? 0)).join('  ').trimEnd()).join('\n')
}

export function markdownTable([titles = [], ...rows]: readonly (readonly string[])[]): string {
  const escaped = (text: string): string => text.replaceAll('|', '\\|')
  return [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n')
}
