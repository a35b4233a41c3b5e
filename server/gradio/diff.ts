import { grownBy } from '../../workers/grown-text.ts'

/**
 * What changed between two JSON values, as the edits that Gradio's clients apply.
 * Arrays shrink from the highest index down, so no edit shifts the target of a later one.
 *
 * Source: client/js/src/utils/stream.ts and client/python/gradio_client/utils.py of Gradio 6 (`apply_diff`).
 */
export type Edit = [operation: 'replace' | 'append' | 'add' | 'delete', path: (string | number)[], value: unknown]

/** Beyond this many edits the whole value is shorter and easier for everyone. */
const MAX_EDITS = 64

/** The edits that turn `before` into `after`; none when they are equal. Both are JSON values. */
export function diff(before: unknown, after: unknown): Edit[] {
  const edits: Edit[] = []
  return collect(before, after, [], edits) ? edits : [['replace', [], after]]
}

/** Appends edits; false once there are too many. */
function collect(before: unknown, after: unknown, path: (string | number)[], edits: Edit[]): boolean {
  if (before === after) return true
  if (edits.length >= MAX_EDITS) return false
  const grown = typeof before === 'string' && typeof after === 'string' ? grownBy(before, after) : undefined
  if (grown !== undefined) {
    edits.push(['append', path, grown])
    return true
  }
  if (Array.isArray(before) && Array.isArray(after)) return collectArray(before, after, path, edits)
  if (isObject(before) && isObject(after)) return collectObject(before, after, path, edits)
  edits.push(['replace', path, after])
  return true
}

function collectArray(before: unknown[], after: unknown[], path: (string | number)[], edits: Edit[]): boolean {
  const common = Math.min(before.length, after.length)
  if (Math.abs(before.length - after.length) > MAX_EDITS) return false
  for (let index = 0; index < common; index++) {
    if (!collect(before[index], after[index], [...path, index], edits)) return false
  }
  for (let index = before.length - 1; index >= common; index--) edits.push(['delete', [...path, index], null])
  for (let index = common; index < after.length; index++) edits.push(['add', [...path, index], after[index]])
  return edits.length <= MAX_EDITS
}

function collectObject(before: Record<string, unknown>, after: Record<string, unknown>, path: (string | number)[], edits: Edit[]): boolean {
  // Clients walk paths with plain property access, where this key would reach their prototypes.
  if (Object.hasOwn(before, '__proto__') || Object.hasOwn(after, '__proto__')) return false
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) edits.push(['delete', [...path, key], null])
  }
  for (const [key, value] of Object.entries(after)) {
    if (!Object.hasOwn(before, key)) edits.push(['add', [...path, key], value])
    else if (!collect(before[key], value, [...path, key], edits)) return false
  }
  return edits.length <= MAX_EDITS
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
