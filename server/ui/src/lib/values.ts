/** What stands in the form: where it starts, how it survives a reload, and how a link carries it. */
import type { LabelledSpec } from '../components/types.ts'
import type { ModelSpec, Values } from './api-types.ts'
import { hasFile, takesFiles } from './request-body.ts'
import { root } from './root.ts'

type Inputs = Record<string, LabelledSpec>

/** The authors' defaults, and each kind's own where there is none. */
export function initialValues(inputs: Inputs): Values {
  return Object.fromEntries(Object.entries(inputs).map(([name, spec]) => [name, initialValue(spec)]))
}

function initialValue(spec: LabelledSpec): unknown {
  if (spec.value !== undefined) return structuredClone(spec.value)
  if (spec.kind === 'checkbox') return false
  if (spec.kind === 'checkboxGroup') return []
  if (spec.kind === 'dropdown') return spec.multiple === true ? [] : firstChoice(spec.choices[0])
  return spec.optional === true ? null : undefined
}

function firstChoice(choice: string | readonly [string, string] | undefined): string | undefined {
  return typeof choice === 'string' ? choice : choice?.[1]
}

/** The form's values: those of the address when they are new to this tab, else those kept from before a reload, else the defaults. */
export function restoredValues({ name, inputs }: ModelSpec, search: string): Values {
  const values = initialValues(inputs)
  const kept = readKept(name)
  const linked = linkedValues(inputs, search)
  for (const [input, value] of Object.entries(kept?.values ?? {})) if (Object.hasOwn(inputs, input)) values[input] = value
  // A reload keeps what was changed after the link was opened.
  if (kept?.search !== search) Object.assign(values, linked)
  return values
}

/** Per tab; files excepted, which no storage of a tab holds. */
export function keepValues({ name }: ModelSpec, values: Values, search: string): void {
  const kept = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && !hasFile(value)))
  try {
    sessionStorage.setItem(keyOf(name), JSON.stringify({ search, values: kept }))
  } catch {
    // No storage, or it is full: then a reload starts anew.
  }
}

function readKept(model: string): { search: string; values: Values } | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(keyOf(model)) ?? 'null')
    if (typeof kept !== 'object' || kept === null || !('values' in kept) || !('search' in kept)) return null
    return { search: String(kept.search), values: typeof kept.values === 'object' && kept.values !== null ? { ...kept.values } : {} }
  } catch {
    return null
  }
}

function keyOf(model: string): string {
  return `footlights:form:${root}${model}`
}

/** `?text=…&steps=20&tags=a&tags=b`: inputs by name; unknown names and what cannot be read are left alone. */
function linkedValues(inputs: Inputs, search: string): Values {
  const query = new URLSearchParams(search)
  const linked: Values = {}
  for (const [name, spec] of Object.entries(inputs)) {
    const texts = query.getAll(name)
    const value = texts.length === 0 ? undefined : linkedValue(spec, texts)
    if (value !== undefined) linked[name] = value
  }
  return linked
}

function linkedValue(spec: LabelledSpec, texts: string[]): unknown {
  const [first = ''] = texts
  switch (spec.kind) {
    case 'textbox':
    case 'markdown':
    case 'html':
    case 'code':
    case 'radio':
      return first
    case 'dropdown':
      return spec.multiple === true ? texts : first
    case 'checkboxGroup':
      return texts
    case 'number':
    case 'slider':
      return first === '' || Number.isNaN(Number(first)) ? undefined : Number(first)
    case 'checkbox':
      return ['true', '1', 'on', 'yes', ''].includes(first.toLowerCase())
    default:
      return takesFiles(spec) && spec.kind !== 'gallery' ? linkedFile(first) : parsed(first)
  }
}

function linkedFile(address: string): { url: string } | undefined {
  return /^https?:\/\//.test(address) ? { url: address } : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** The address of this page with the form's values, as far as an address can carry them. */
export function linkWith(inputs: Inputs, values: Values): string {
  const query = new URLSearchParams()
  for (const [name, spec] of Object.entries(inputs)) {
    for (const text of linkTexts(spec, values[name])) query.append(name, text)
  }
  return `${location.origin}${location.pathname}${query.size > 0 ? `?${query}` : ''}`
}

function linkTexts(spec: LabelledSpec, value: unknown): string[] {
  if (value === undefined || value === null || hasFile(value)) return []
  if (JSON.stringify(value) === JSON.stringify(initialValue(spec))) return []
  if (takesFiles(spec)) return isAddressed(value) ? [value.url] : []
  if ((spec.kind === 'checkboxGroup' || spec.kind === 'dropdown') && Array.isArray(value)) return value.map(String)
  return [typeof value === 'string' ? value : JSON.stringify(value)]
}

function isAddressed(value: unknown): value is { url: string } {
  return typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string'
}
