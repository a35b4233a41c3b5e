import type { z } from 'zod'
import type { Values } from '../contract.ts'
import type { InputProblem } from '../errors.ts'
import { pathText, PROTOTYPE_KEYS } from './definition.ts'

/** One input, ready to check values. */
export interface CompiledInput {
  name: string
  schema: z.ZodType
  optional: boolean
  /** Undefined: required. */
  defaultValue: unknown
}

export type InputsResult = { ok: true; value: Values } | { ok: false; errors: InputProblem[] }

/** At most this many problems are named, so that a hostile body can't ask for a long answer. */
const MAX_PROBLEMS = 50
const MAX_NAME_SHOWN = 64

/** Checks all inputs of a model; see `inputsSchema`. */
export function compileInputs(inputs: CompiledInput[]): (raw: unknown) => InputsResult {
  const names = new Set(inputs.map((input) => input.name))
  for (const name of names) if (PROTOTYPE_KEYS.has(name)) throw new TypeError(`an input can't be named "${name}"`)
  return (raw) => {
    if (!isRecord(raw)) return { ok: false, errors: [{ path: '', message: 'must be an object of named inputs' }] }
    const value: Values = {}
    const errors: InputProblem[] = []
    let seen = 0
    for (const input of inputs) {
      const isGiven = Object.hasOwn(raw, input.name)
      if (isGiven) seen += 1
      const given = isGiven ? raw[input.name] : undefined
      value[input.name] = checkOne(input, given, errors)
    }
    if (Object.keys(raw).length > seen) nameStrangers(raw, names, errors)
    return errors.length === 0 ? { ok: true, value } : { ok: false, errors: errors.slice(0, MAX_PROBLEMS) }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function checkOne(input: CompiledInput, given: unknown, errors: InputProblem[]): unknown {
  if (given === undefined) return fillIn(input, errors)
  if (given === null) {
    if (!input.optional) errors.push({ path: input.name, message: 'must not be null' })
    return null
  }
  const result = input.schema.safeParse(given)
  if (result.success) return result.data
  for (const issue of result.error.issues.slice(0, MAX_PROBLEMS)) errors.push({ path: pathText(input.name, issue.path), message: issueText(issue) })
  return null
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message
  return `must not have ${issue.keys.slice(0, 5).map((key) => JSON.stringify(key.slice(0, MAX_NAME_SHOWN))).join(', ')}`
}

/** Every prediction gets its own copy: an author may change what it was given. */
function fillIn(input: CompiledInput, errors: InputProblem[]): unknown {
  const { defaultValue } = input
  if (defaultValue === undefined) errors.push({ path: input.name, message: 'is required' })
  return typeof defaultValue === 'object' && defaultValue !== null ? structuredClone(defaultValue) : defaultValue
}

function nameStrangers(raw: Record<string, unknown>, names: ReadonlySet<string>, errors: InputProblem[]): void {
  for (const key of Object.keys(raw)) {
    if (!names.has(key)) errors.push({ path: key.slice(0, MAX_NAME_SHOWN), message: 'is not an input of this model' })
    if (errors.length >= MAX_PROBLEMS) return
  }
}
