/** Examples as the page lists them. */
import { named } from '../components/choices.ts'
import type { LabelledSpec } from '../components/types.ts'
import type { ModelSpec, Values } from './api-types.ts'
import { text } from './text.ts'

export interface Column {
  name: string
  spec: LabelledSpec
  isNumber: boolean
}

/** The inputs that any example gives, in the form's order. */
export function columnsOf({ inputs, examples }: ModelSpec): Column[] {
  return Object.entries(inputs)
    .filter(([name]) => examples.some((example) => example[name] !== undefined))
    .map(([name, spec]) => ({ name, spec, isNumber: spec.kind === 'number' || spec.kind === 'slider' }))
}

/** The picture that stands for an example, when it has one. */
export function thumbnailOf({ inputs }: ModelSpec, example: Values): { url: string; name: string } | null {
  const image = Object.entries(inputs).find(([name, { kind }]) => kind === 'image' && isFile(example[name]))
  const value = image === undefined ? undefined : example[image[0]]
  return isFile(value) ? value : null
}

function isFile(value: unknown): value is { url: string; name: string } {
  return typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string' && 'name' in value && typeof value.name === 'string'
}

/** What an example gives beside its picture, in a few words: several may share one picture. */
export function besidePicture(columns: Column[], example: Values): string {
  return columns.filter(({ spec }) => spec.kind !== 'image').map(({ name, spec }) => cellText(spec, example[name])).filter((words) => words !== '').join(', ')
}

/** A value in a few words. */
export function cellText(spec: LabelledSpec, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'boolean') return value ? text.form.yes : text.form.no
  if ('choices' in spec) return [value].flat().map((each) => named(spec.choices).find((choice) => choice.value === each)?.label ?? String(each)).join(', ')
  if (isFile(value)) return value.name
  if (Array.isArray(value) && value.every(isFile)) return value.map(({ name }) => name).join(', ')
  if (spec.kind === 'chatbot' && Array.isArray(value)) return lastMessage(value)
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : JSON.stringify(value)
}

function lastMessage(messages: unknown[]): string {
  const last: unknown = messages.at(-1)
  return typeof last === 'object' && last !== null && 'content' in last ? String(last.content) : ''
}

/** Does the form hold just this example? */
export function isChosen(example: Values, values: Values): boolean {
  return Object.entries(example).every(([name, value]) => JSON.stringify(value) === JSON.stringify(values[name]))
}
