/** The form's values as a request body: JSON, or a form when files travel. */
import { FILE_KINDS, type LabelledSpec } from '../components/types.ts'
import type { ModelSpec, Values } from './api-types.ts'

export type RequestBody = { json: string } | { form: FormData }

/**
 * Files go as a form, which streams and has no base64. What a form cannot say (files beside addresses in one input, captions) goes as JSON
 * with the files inside. Inputs that were never given are left out, for the host to fill in or to refuse.
 */
export async function requestBody({ inputs }: Pick<ModelSpec, 'inputs'>, values: Values): Promise<RequestBody> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  if (!given.some(([, value]) => hasFile(value))) return { json: JSON.stringify(Object.fromEntries(given)) }
  if (given.every(([name, value]) => fitsForm(inputs[name], value))) return { form: formOf(given) }
  const entries = given.map(async ([name, value]) => [name, await withFilesInside(value)] as const)
  return { json: JSON.stringify(Object.fromEntries(await Promise.all(entries))) }
}

/** Does the value hold a file of this browser, at any depth? */
export function hasFile(value: unknown): boolean {
  if (value instanceof File) return true
  if (Array.isArray(value)) return value.some(hasFile)
  return typeof value === 'object' && value !== null && Object.values(value).some(hasFile)
}

function fitsForm(spec: LabelledSpec | undefined, value: unknown): boolean {
  if (spec === undefined || !hasFile(value)) return value !== null || spec?.value === undefined
  if (spec.kind === 'gallery') return Array.isArray(value) && value.every((item: { image?: unknown; caption?: string }) => item.image instanceof File && !item.caption)
  return value instanceof File || (Array.isArray(value) && value.every((item) => item instanceof File))
}

function formOf(given: [string, unknown][]): FormData {
  const form = new FormData()
  for (const [name, value] of given) {
    const files = filesOf(value)
    for (const file of files) form.append(name, file)
    // A field cannot say null; the host takes what is left out and has no default as null.
    if (files.length === 0 && value !== null) form.append(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return form
}

/** All files of a value, in order. */
export function filesOf(value: unknown): File[] {
  if (value instanceof File) return [value]
  if (Array.isArray(value)) return value.flatMap(filesOf)
  return typeof value === 'object' && value !== null && 'image' in value ? filesOf(value.image) : []
}

async function withFilesInside(value: unknown): Promise<unknown> {
  if (value instanceof File) return { data: await base64(value), mimeType: value.type, name: value.name }
  if (Array.isArray(value)) return await Promise.all(value.map(withFilesInside))
  if (typeof value !== 'object' || value === null || !hasFile(value)) return value
  const entries = Object.entries(value).map(async ([key, inner]) => [key, await withFilesInside(inner)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''))
    reader.onerror = () => reject(reader.error ?? new Error('the file cannot be read'))
    reader.readAsDataURL(file)
  })
}

/** Is it an input whose value is one or more files? */
export function takesFiles(spec: LabelledSpec): boolean {
  return FILE_KINDS.has(spec.kind)
}
