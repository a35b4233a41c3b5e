/** What the form itself can see is missing or out of range, in words that say what to do. The host checks all of it again. */
import type { LabelledSpec } from '../components/types.ts'
import type { Values } from './api-types.ts'
import { capital, count } from './format.ts'
import { text } from './text.ts'
import { Unreadable } from './unreadable.ts'

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 6 })

/** A sentence for each refused input, by name. */
export function checkInputs(inputs: Record<string, LabelledSpec>, values: Values): Record<string, string> {
  const problems: Record<string, string> = {}
  for (const [name, spec] of Object.entries(inputs)) {
    const problem = checkInput(spec, values[name])
    if (problem !== null) problems[name] = problem
  }
  return problems
}

function checkInput(spec: LabelledSpec, value: unknown): string | null {
  if (value instanceof Unreadable) return value.problem
  if (spec.kind === 'number' || spec.kind === 'slider') {
    if (Number.isNaN(value)) return text.refused.noNumber
    if (typeof value === 'number') return outOfRange(value, spec.minimum, spec.maximum, spec.precision === 0)
  }
  if (spec.kind === 'textbox' && typeof value === 'string' && spec.maxLength !== undefined && value.length > spec.maxLength) {
    return text.refused.tooLong(count(spec.maxLength))
  }
  return isMissing(spec, value) ? text.refused.missing(spec.kind) : null
}

function isMissing(spec: LabelledSpec, value: unknown): boolean {
  if (spec.optional === true) return false
  if (value === undefined || value === null) return true
  // An author who takes an empty text says so by a default.
  if (spec.kind === 'textbox' || spec.kind === 'code' || spec.kind === 'markdown') return value === '' && spec.value === undefined
  return spec.kind === 'file' && Array.isArray(value) && value.length === 0 && spec.value === undefined
}

function outOfRange(value: number, minimum: number | undefined, maximum: number | undefined, isWhole: boolean): string | null {
  const isInside = value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity)
  // The host rounds to whole numbers; only what lies outside is refused.
  if (isInside) return null
  const what = isWhole ? text.refused.wholeNumber : text.refused.number
  if (minimum !== undefined && maximum !== undefined) return text.refused.between(what, number.format(minimum), number.format(maximum))
  return minimum !== undefined ? text.refused.atLeast(what, number.format(minimum)) : text.refused.atMost(what, number.format(maximum ?? 0))
}

/** The host's own words for refused inputs, by input. What concerns no input of the form has the key ''. */
export function hostProblems(inputs: Record<string, LabelledSpec>, errors: readonly { path: string; message: string }[]): Record<string, string> {
  const problems: Record<string, string> = {}
  for (const { path, message } of errors) {
    const name = /^[^.[]*/.exec(path)?.[0] ?? ''
    const known = Object.hasOwn(inputs, name) ? name : ''
    const within = known === '' ? `${path} ` : path === name ? '' : `${path.slice(name.length).replace(/^\./, '')} `
    problems[known] ??= `${capital(`${within}${message}`.trim())}${/[.!?]$/.test(message) ? '' : '.'}`
  }
  return problems
}
