import { z } from 'zod'
import type { CommonSpec, ComponentKind, SpecOf } from './spec.ts'

export type Side = 'input' | 'output'

/**
 * All that the host knows about one kind of component. Methods take the announced spec, which is trusted to be of this kind.
 */
export interface ComponentDefinition<Spec> {
  /** Checks an announced spec; defaults of options are filled in. */
  readonly spec: z.ZodType<Spec>
  /** The validated input in JSON form, files resolved to `FileRef`s. Null is not its business. */
  input(spec: Spec): z.ZodType
  /**
   * Checks and normalises what `predict` returned. Files are not touched; null (nothing to show) passes.
   *
   * @throws {OutputShapeError} with the path inside the value.
   */
  output(spec: Spec, value: unknown): unknown
  /** The JSON form over native HTTP, for its JSON Schema. */
  wire(spec: Spec, side: Side): z.ZodType
  /** The default when the author gave no `value`; undefined: the input is required. */
  emptyValue?(spec: Spec): unknown
  /** A plausible value in the JSON form over native HTTP, for documentation. */
  example(spec: Spec): unknown
  /** Values of this kind hold files. */
  readonly hasFiles: boolean
}

/** Keys that reach an object's prototype in careless code; never accepted from a caller. */
export const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** What a model returned does not fit its output component. For the operator: the text may name values. */
export class OutputShapeError extends Error {
  /** Inside the output's value, e.g. `[2].caption`; empty for the value itself. */
  readonly path: string

  constructor(path: string, message: string) {
    super(path === '' ? message : `${path} ${message}`)
    this.name = 'OutputShapeError'
    this.path = path
  }
}

/** The options that every kind takes, for `z.strictObject`. */
export const COMMON_OPTIONS = {
  label: z.string({ error: 'must be a string' }).exactOptional(),
  info: z.string({ error: 'must be a string' }).exactOptional(),
  optional: z.boolean({ error: 'must be true or false' }).exactOptional(),
  value: z.unknown().exactOptional(),
}

export const text = z.string({ error: 'must be a string' })
export const flag = z.boolean({ error: 'must be true or false' })
export const finite = z.number({ error: 'must be a finite number' })

/** A whole number from `minimum` on. */
export function whole(minimum: number): z.ZodNumber {
  const error = `must be a whole number of at least ${minimum}`
  return z.int({ error }).min(minimum, { error })
}

/** `a.b[2]` from the keys and indexes of a zod issue. */
export function pathText(start: string, path: readonly PropertyKey[]): string {
  let joined = start
  for (const step of path) {
    if (typeof step === 'number') joined += `[${step}]`
    else joined += joined === '' ? String(step) : `.${String(step)}`
  }
  return joined
}

/** An `output` method from a schema that normalises: compiled once per spec. */
export function outputBy<Spec extends object>(build: (spec: Spec) => z.ZodType): (spec: Spec, value: unknown) => unknown {
  const built = new WeakMap<Spec, z.ZodType>()
  return (spec, value) => {
    if (value === null) return null
    let schema = built.get(spec)
    if (schema === undefined) built.set(spec, (schema = build(spec)))
    const result = schema.safeParse(value)
    if (result.success) return result.data
    const issue = result.error.issues[0]
    throw new OutputShapeError(pathText('', issue?.path ?? []), issue?.message ?? 'does not fit')
  }
}

declare const phantom: unique symbol

/** Carries the types of a component's values; no key of it exists when the code runs. */
export interface Typed<In, Out, Given> {
  readonly [phantom]?: { readonly in: In; readonly out: Out; readonly given: Given }
}

/**
 * A component as its factory makes it: the spec, and the types of its values.
 * `In` is what `predict` gets, `Out` what it may return, `Given` what `examples` hold.
 */
export type Component<In, Out, Given = In, Kind extends ComponentKind = ComponentKind> = SpecOf<Kind> & Typed<In, Out, Given>

/** What `predict` gets from a component. */
export type InOf<C> = C extends Typed<infer In, unknown, unknown> ? In : never
/** What `predict` may return for a component. */
export type OutOf<C> = C extends Typed<unknown, infer Out, unknown> ? Out : never
/** What an example holds for a component. */
export type GivenOf<C> = C extends Typed<unknown, unknown, infer Given> ? Given : never

/** `T`, or null as well for an optional component. */
export type Nullable<T, Optional extends boolean> = Optional extends true ? T | null : T

/** The options of a factory: those of the spec, with `value` and `optional` typed by the call. */
export type OptionsOf<Kind extends ComponentKind, Value, Optional extends boolean> = Omit<SpecOf<Kind>, 'kind' | 'value' | 'optional'> & {
  value?: Nullable<Value, Optional>
  optional?: Optional
}

/**
 * The spec that a factory returns.
 *
 * @throws {TypeError} naming the option, for an unknown or bad one and for a default that the component itself would refuse.
 */
export function createSpec<Spec extends CommonSpec<unknown> & { kind: string }>(kind: Spec['kind'], definition: ComponentDefinition<Spec>, options: object): Spec {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new TypeError(`${kind}(options): options must be an object`)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const parsed = definition.spec.safeParse({ kind, ...given })
  if (!parsed.success) throw new TypeError(`${kind}: ${optionProblem(parsed.error.issues[0])}`)
  const problem = valueProblem(definition, parsed.data)
  if (problem !== null) throw new TypeError(`${kind}: ${problem}`)
  return parsed.data
}

function optionProblem(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'bad options'
  if (issue.code === 'unrecognized_keys') return `unknown option ${issue.keys.map((key) => `"${key}"`).join(', ')}`
  return issue.path.length === 0 ? issue.message : `option "${pathText('', issue.path)}" ${issue.message}`
}

/** Why the component would refuse its own default, or null. Default files are checked in shape by the spec itself. */
export function valueProblem<Spec extends CommonSpec<unknown>>(definition: ComponentDefinition<Spec>, spec: Spec): string | null {
  if (spec.value === undefined || (definition.hasFiles && spec.value !== null)) return null
  if (spec.value === null) return spec.optional === true ? null : 'option "value" is null, which needs optional: true'
  const issue = definition.input(spec).safeParse(spec.value).error?.issues[0]
  return issue === undefined ? null : `option "${pathText('value', issue.path)}" ${issue.message}`
}
