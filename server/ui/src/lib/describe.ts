/** Inputs and outputs in the words of the API. */
import { named } from '../components/choices.ts'
import type { LabelledSpec } from '../components/types.ts'
import { bytes, count } from './format.ts'
import { drawerText } from './text-drawer.ts'

const TYPE: Readonly<Record<string, string>> = {
  textbox: 'string', markdown: 'string', html: 'string', code: 'string', radio: 'string', number: 'number', slider: 'number', checkbox: 'boolean', checkboxGroup: 'string[]',
  image: 'file', audio: 'file', video: 'file', gallery: '{ image, caption? }[]', label: 'object or string', highlightedText: '{ text, label }[]', json: 'any JSON',
  dataframe: '{ headers, data }', chatbot: '{ role, content }[]',
}
const MEANING: Readonly<Record<string, string>> = {
  label: 'Label to confidence, 0 to 1', image: '{ url, name, size, mimeType }', audio: '{ url, name, size, mimeType }', video: '{ url, name, size, mimeType }',
  file: '{ url, name, size, mimeType }', markdown: 'Markdown', html: 'HTML',
}
const MOST_CHOICES = 6
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 6 })

export function typeOf(spec: LabelledSpec): string {
  if (spec.kind === 'dropdown') return spec.multiple === true ? 'string[]' : 'string'
  if (spec.kind === 'file') return spec.multiple === true ? 'file[]' : 'file'
  return TYPE[spec.kind] ?? 'any'
}

/** What a caller has to keep to. */
export function rulesOf(spec: LabelledSpec): string {
  const isRequired = spec.optional !== true && spec.value === undefined && !['checkbox', 'checkboxGroup', 'dropdown'].includes(spec.kind)
  const rules = [isRequired ? drawerText.required : drawerText.optional]
  if ('maxLength' in spec && spec.maxLength !== undefined) rules.push(drawerText.upTo(count(spec.maxLength)))
  if (spec.kind === 'number' || spec.kind === 'slider') rules.push(...rangeOf(spec.minimum, spec.maximum))
  if ('choices' in spec) rules.push(choicesOf(spec))
  if ('maxSize' in spec && spec.maxSize !== undefined) rules.push(bytes(spec.maxSize))
  if (typeof spec.value === 'number' || typeof spec.value === 'boolean') rules.push(drawerText.byDefault(String(spec.value)))
  return rules.join(', ')
}

function rangeOf(minimum: number | undefined, maximum: number | undefined): string[] {
  if (minimum !== undefined && maximum !== undefined) return [drawerText.from(number.format(minimum), number.format(maximum))]
  if (minimum !== undefined) return [drawerText.atLeast(number.format(minimum))]
  return maximum === undefined ? [] : [drawerText.atMost(number.format(maximum))]
}

function choicesOf(spec: Extract<LabelledSpec, { choices: unknown }>): string {
  const values = named(spec.choices).map(({ value }) => value)
  const shown = values.slice(0, MOST_CHOICES).join(', ') + (values.length > MOST_CHOICES ? `, ${drawerText.more(values.length - MOST_CHOICES)}` : '')
  const isMany = spec.kind === 'checkboxGroup' || (spec.kind === 'dropdown' && spec.multiple === true)
  return isMany ? drawerText.someOf(shown) : drawerText.oneOf(shown)
}

export function meaningOf(spec: LabelledSpec): string {
  return MEANING[spec.kind] ?? spec.info ?? spec.label
}
