/** Named inputs from a multipart form: files under the input's name, all else as text fields. */
import { COMPONENTS, fromFormField } from '../../workers/components.ts'
import type { ComponentSpec, FileRef } from '../../workers/components.ts'
import type { JsonObject } from '../body.ts'

export interface FormParts {
  fields: Readonly<Record<string, readonly string[]>>
  files: readonly { field: string; ref: FileRef }[]
}

/** Does a field of this name take files? */
export function takesFiles(specs: Readonly<Record<string, ComponentSpec>>, name: string): boolean {
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
  return spec !== undefined && COMPONENTS[spec.kind].hasFiles
}

/** Unknown names are passed on, for the gateway to refuse them by name. */
export function inputsFromForm(specs: Readonly<Record<string, ComponentSpec>>, { fields, files }: FormParts): JsonObject {
  const inputs = new Map<string, unknown>()
  for (const [name, texts] of Object.entries(fields)) {
    const value = fieldValue(Object.hasOwn(specs, name) ? specs[name] : undefined, texts)
    if (value !== undefined) inputs.set(name, value)
  }
  for (const [name, refs] of filesByField(files)) {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
    inputs.set(name, spec === undefined ? null : filesValue(spec, refs))
  }
  return Object.fromEntries(inputs)
}

function filesByField(files: FormParts['files']): Map<string, FileRef[]> {
  const byField = new Map<string, FileRef[]>()
  for (const { field, ref } of files) {
    const refs = byField.get(field)
    if (refs === undefined) byField.set(field, [ref])
    else refs.push(ref)
  }
  return byField
}

/** Several files for an input that takes one stay an array, which its component refuses. */
function filesValue(spec: ComponentSpec, refs: FileRef[]): unknown {
  if (spec.kind === 'gallery') return refs.map((image) => ({ image }))
  const takesMany = spec.kind === 'file' && spec.multiple === true
  return takesMany || refs.length > 1 ? refs : refs[0]
}

/** Undefined: an empty field of a kind that has no empty text means that the input was left out, as a browser's form sends it. */
function fieldValue(spec: ComponentSpec | undefined, texts: readonly string[]): unknown {
  const [first = ''] = texts
  if (spec === undefined) return first
  if (takesList(spec)) return listValue(spec, texts)
  if (texts.length > 1) return [...texts]
  if (spec.kind === 'checkbox') return CHECKED[first.trim().toLowerCase()] ?? fromFormField(spec, first)
  if (COMPONENTS[spec.kind].hasFiles) return fileText(first)
  const value = fromFormField(spec, first)
  return first === '' && value === '' && !HAS_EMPTY_TEXT.has(spec.kind) ? undefined : value
}

const HAS_EMPTY_TEXT: ReadonlySet<ComponentSpec['kind']> = new Set(['textbox', 'markdown', 'html', 'code', 'label'])

/** What browsers, curl users and Python send for a tick. */
const CHECKED: Readonly<Record<string, boolean>> = { on: true, true: true, yes: true, 1: true, off: false, false: false, no: false, 0: false, '': false }

function takesList(spec: ComponentSpec): boolean {
  return spec.kind === 'checkboxGroup' || (spec.kind === 'dropdown' && spec.multiple === true)
}

function listValue(spec: ComponentSpec, texts: readonly string[]): unknown {
  const [first = ''] = texts
  if (texts.length > 1) return [...texts]
  if (first === '') return []
  const value = fromFormField(spec, first)
  return Array.isArray(value) ? value : [first]
}

/** A file named in a text field: JSON as in a JSON body, or a bare address. */
function fileText(text: string): unknown {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  if (/^(?:https?|data):/i.test(trimmed)) return { url: trimmed }
  try {
    return JSON.parse(trimmed)
  } catch {
    // No JSON and no address: the component says what a file looks like.
    return text
  }
}
