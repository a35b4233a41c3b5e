import { defaultValue } from '../../workers/components.ts'
import type { ModelSpec } from '../../workers/contract.ts'

/** Words that the clients' call functions take for themselves. */
const RESERVED = new Set(['api_name', 'fn_index', 'result_callbacks'])

/** The names by which clients give the inputs, in order. */
export function parameterNames(spec: ModelSpec): string[] {
  return Object.keys(spec.inputs).map((name, index) => (RESERVED.has(name) ? `param_${index}` : name))
}

/** A call by names as a call by positions. What is left out is so at the end, or stands as its default. */
export function positional(spec: ModelSpec, named: Record<string, unknown>): { data: unknown[] } | { problem: string } {
  const names = parameterNames(spec)
  const unknown = Object.keys(named).find((name) => !names.includes(name))
  if (unknown !== undefined) return { problem: `There is no parameter ${JSON.stringify(unknown.slice(0, 64))}; the parameters are ${names.join(', ')}.` }
  const components = Object.values(spec.inputs)
  const missing = names.find((name, index) => !Object.hasOwn(named, name) && components[index] !== undefined && defaultValue(components[index]) === undefined)
  return missing === undefined ? { data: names.map((name) => (Object.hasOwn(named, name) ? named[name] : LEFT_OUT)) } : { problem: `The parameter ${missing} is missing.` }
}

/** Stands where a call by names gave nothing: the component's default holds. */
export const LEFT_OUT = Symbol('left out')
