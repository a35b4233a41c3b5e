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
  const problem = findProblem(value, [])
  if (problem !== null) context.addIssue({ code: 'custom', path: problem.path, message: problem.message })
})

/** `path` is a stack that the walk pushes to and pops from: a copy per value would cost more than the walk. */
function findProblem(value: unknown, path: PropertyKey[]): Problem | null {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return null
  if (typeof value !== 'object') return { path: [...path], message: 'must be a JSON value' }
  if (path.length >= MAX_DEPTH) return { path: [], message: `must not be nested deeper than ${MAX_DEPTH} levels` }
  for (const [key, inner] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    if (typeof key === 'string' && PROTOTYPE_KEYS.has(key)) return { path: [...path], message: `must not have a key named "${key}"` }
    path.push(key)
    const problem = findProblem(inner, path)
    if (problem !== null) return problem
    path.pop()
  }
  return null
}

/**
 * JSON from a model, as `JSON.stringify` would write it but without its traps: NaN and Infinity are null, typed arrays are arrays of numbers;
 * functions, symbols, bigints, maps and sets are refused rather than lost.
 */
export const modelJson = z.unknown().transform((value, context): JsonValue => {
  try {
    return toJson(value, []) ?? null
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

/** `path` is a stack, as above. */
function toJson(value: unknown, path: PropertyKey[]): JsonValue | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || value === undefined) return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object') throw new NotJson(path, `is a ${typeof value}, which is not JSON`)
  if (path.length >= MAX_DEPTH) throw new NotJson([], `is nested deeper than ${MAX_DEPTH} levels, or holds itself`)
  if (Array.isArray(value)) return Array.from(value, (inner, index) => below(inner, index, path) ?? null)
  if (ArrayBuffer.isView(value)) return numbersOf(value, path)
  if (value instanceof Map || value instanceof Set) throw new NotJson(path, `is a ${value.constructor.name}, which is not JSON`)
  if ('toJSON' in value && typeof value.toJSON === 'function') return below(value.toJSON(), 'toJSON()', path)
  // fromEntries defines own properties, so that a key `__proto__` stays a key.
  return Object.fromEntries(jsonEntries(value, path))
}

function below(value: unknown, key: PropertyKey, path: PropertyKey[]): JsonValue | undefined {
  path.push(key)
  const json = toJson(value, path)
  path.pop()
  return json
}

function* jsonEntries(value: object, path: PropertyKey[]): Generator<[string, JsonValue]> {
  for (const [key, inner] of Object.entries(value)) {
    const json = below(inner, key, path)
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
