import { z } from 'zod'
import { type Component, type ComponentDefinition, COMMON_OPTIONS, createSpec, type Nullable, type OptionsOf, outputBy, text } from './definition.ts'
import { callerJson, modelJson } from './plain-json.ts'
import type { DataframeSpec } from './spec.ts'

/** A table. Every row has one cell for each header; a cell is a JSON value. */
export interface Dataframe {
  headers: string[]
  data: unknown[][]
}

/** What else is taken for a table: rows as arrays, or as objects by column name. */
export type DataframeLike = { readonly headers: readonly string[]; readonly data: readonly (readonly unknown[])[] } | readonly (readonly unknown[])[] | readonly object[]

const SHAPE = 'must be { headers, data }, an array of rows or an array of objects'

interface Report {
  (path: PropertyKey[], message: string): void
}

/** The table, its short rows filled up with null. Takes JSON values only. */
function normalise(value: unknown, headers: readonly string[] | undefined, report: Report): Dataframe | null {
  if (Array.isArray(value)) return value.every(Array.isArray) ? fromRows(headers, value, [], report) : fromObjects(headers ?? [], value, report)
  if (!isTable(value)) return fail(report, [], SHAPE)
  if (!value.headers.every((header) => typeof header === 'string')) return fail(report, ['headers'], 'must be strings')
  if (!value.data.every(Array.isArray)) return fail(report, ['data'], 'must be an array of rows')
  return fromRows(value.headers, value.data, ['data'], report)
}

function isTable(value: unknown): value is { headers: unknown[]; data: unknown[] } {
  return typeof value === 'object' && value !== null && 'headers' in value && Array.isArray(value.headers) && 'data' in value && Array.isArray(value.data)
}

function fail(report: Report, path: PropertyKey[], message: string): null {
  report(path, message)
  return null
}

function fromRows(given: readonly string[] | undefined, rows: unknown[][], path: PropertyKey[], report: Report): Dataframe | null {
  const headers = given === undefined ? numbered(rows) : [...given]
  const tooLong = rows.findIndex((row) => row.length > headers.length)
  if (tooLong >= 0) return fail(report, [...path, tooLong], `has ${rows[tooLong]?.length} cells for ${headers.length} headers`)
  return { headers, data: rows.map((row) => Array.from(headers, (_header, column) => row[column] ?? null)) }
}

function numbered(rows: unknown[][]): string[] {
  const width = rows.reduce((widest, row) => Math.max(widest, row.length), 0)
  return Array.from({ length: width }, (_nothing, column) => String(column + 1))
}

function fromObjects(first: readonly string[], rows: unknown[], report: Report): Dataframe | null {
  const wrong = rows.findIndex((row) => typeof row !== 'object' || row === null || Array.isArray(row))
  if (wrong >= 0) return fail(report, [wrong], 'must be of the same kind as the other rows')
  const cells = rows.map((row) => new Map<string, unknown>(Object.entries(row ?? {})))
  const headers = [...new Set([...first, ...cells.flatMap((row) => [...row.keys()])])]
  return { headers, data: cells.map((row) => headers.map((header) => row.get(header) ?? null)) }
}

function table(cells: z.ZodType, spec: DataframeSpec): z.ZodType<Dataframe> {
  return cells.transform((value, context): Dataframe => {
    const report: Report = (path, message) => void context.issues.push({ code: 'custom', path, message, input: value })
    return normalise(value, spec.headers, report) ?? z.NEVER
  })
}

const rows = z.array(z.array(z.unknown()))
const wireTable = z.strictObject({ headers: z.array(z.string()), data: rows })

export const dataframeDefinition: ComponentDefinition<DataframeSpec> = {
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('dataframe'), headers: z.array(text, { error: 'must be an array of strings' }).exactOptional() }),
  input: (spec) => table(callerJson, spec),
  output: outputBy((spec) => table(modelJson, spec)),
  wire: (_spec, side) => (side === 'input' ? z.union([wireTable, rows, z.array(z.record(z.string(), z.unknown()))]) : wireTable),
  example: ({ headers = ['a', 'b'] }) => ({ headers: [...headers], data: [headers.map((_header, column) => column + 1)] }),
  hasFiles: false,
}

/** A table. */
export function dataframe<Optional extends boolean = false>(
  options: OptionsOf<'dataframe', DataframeLike, Optional> = {},
): Component<Nullable<Dataframe, Optional>, DataframeLike, Nullable<DataframeLike, Optional>, 'dataframe'> {
  return createSpec('dataframe', dataframeDefinition, options)
}
