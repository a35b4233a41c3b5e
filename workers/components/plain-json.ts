import { z } from 'zod'
import { PROTOTYPE_KEYS } from './definition.ts'

/** A JSON value, as `predict` gets it. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** Levels of arrays and objects inside each other that a value may have. */
const MAX_DEPTH = 100

interface Problem {
  path: PropertyKey[]
  message: string
}

/** JSON from a caller: anything but too deep nesting and keys that reach a prototype. */
export const callerJson = z.unknown().superRefine((value, context) => {
  const problem = findProblem(value, [], 0)
  if (problem !== null) context.addIssue({ code: 'custom', path: problem.path, message: problem.message })
})

function findProblem(value: unknown, path: PropertyKey[], depth: number): Problem | null {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return null
  if (typeof value !== 'object') return { path, message: 'must be a JSON value' }
  if (depth >= MAX_DEPTH) return { path: [], message: `must not be nested deeper than ${MAX_DEPTH} levels` }
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value)
  for (const [key, inner] of entries) {
    if (typeof key === 'string' && PROTOTYPE_KEYS.has(key)) return { path, message: `must not have a key named "${key}"` }
    if (typeof inner !== 'object' && Number.isFinite(inner)) continue
    const problem = findProblem(inner, [...path, key], depth + 1)
    if (problem !== null) return problem
  }
  return null
}

/**
 * JSON from a model, as `JSON.stringify` would write it but without its traps: NaN and Infinity are null, typed arrays are arrays of numbers;
 * functions, symbols, bigints, maps and sets are refused rather than lost.
 */
export const modelJson = z.unknown().transform((value, context): JsonValue => {
  try {
    return toJson(value, [], 0) ?? null
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    context.issues.push({ code: 'custom', path: error.path, message: error.message, input: value })
    return z.NEVER
  }
})

class NotJson extends Error {
  readonly path: PropertyKey[]

  constructor(path: PropertyKey[], message: string) {
    super(message)
    this.path = path
  }
}

function toJson(value: unknown, path: PropertyKey[], depth: number): JsonValue | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || value === undefined) return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object') throw new NotJson(path, `is a ${typeof value}, which is not JSON`)
  if (depth >= MAX_DEPTH) throw new NotJson([], `is nested deeper than ${MAX_DEPTH} levels, or holds itself`)
  if (Array.isArray(value)) return Array.from(value, (inner, index) => toJson(inner, [...path, index], depth + 1) ?? null)
  if (ArrayBuffer.isView(value)) return numbersOf(value, path)
  if (value instanceof Map || value instanceof Set) throw new NotJson(path, `is a ${value.constructor.name}, which is not JSON`)
  if ('toJSON' in value && typeof value.toJSON === 'function') return toJson(value.toJSON(), path, depth + 1)
  // fromEntries defines own properties, so that a key `__proto__` stays a key.
  return Object.fromEntries(jsonEntries(value, path, depth))
}

function* jsonEntries(value: object, path: PropertyKey[], depth: number): Generator<[string, JsonValue]> {
  for (const [key, inner] of Object.entries(value)) {
    const json = toJson(inner, [...path, key], depth + 1)
    if (json !== undefined) yield [key, json]
  }
}

function numbersOf(view: ArrayBufferView, path: PropertyKey[]): (number | null)[] {
  if (view instanceof DataView || view instanceof BigInt64Array || view instanceof BigUint64Array) {
    throw new NotJson(path, `is a ${view.constructor.name}, which is not JSON`)
  }
  if (!isNumberArray(view)) throw new NotJson(path, 'is bytes of an unknown kind, which is not JSON')
  return Array.from(view, (number) => (Number.isFinite(number) ? number : null))
}

function isNumberArray(view: ArrayBufferView): view is ArrayBufferView & Iterable<number> {
  return Symbol.iterator in view
}
