import { z } from 'zod'
import { COMPONENTS, type ComponentSpec, componentSpecSchema, isComponentKind, isRequired, PROTOTYPE_KEYS } from './components.ts'
import type { BatchLimits, Limits, Values } from './contract.ts'

type AuthorFunction = (...given: never[]) => unknown

/** The options of `defineModel` after the check: complete, and frozen where they are data. */
export interface CheckedModel {
  title: string
  description: string
  article: string
  inputs: Readonly<Record<string, ComponentSpec>>
  outputs: Readonly<Record<string, ComponentSpec>>
  examples: readonly Values[]
  limits: Readonly<Partial<Limits>>
  batch: Readonly<BatchLimits> | null
  replay: boolean
  apiName: string
  load: 'eager' | 'lazy'
  idleSeconds: number
  canary: boolean
  setup?: AuthorFunction
  predict?: AuthorFunction
  predictBatch?: AuthorFunction
  teardown?: AuthorFunction
}

/** Node's timers fire at once above this. */
const LONGEST_TIMER_MS = 2_147_483_647
/** V8 can't start a thread in much less. */
const LEAST_HEAP_MB = 16
/** A process of Node alone takes more. */
const LEAST_RSS_MB = 32
/** Processes and threads of one model: more than machines have cores for, and few enough that a slip of the finger does not take one down. */
const MOST_WORKERS = 64
const DEFAULT_BATCH: BatchLimits = { maxSize: 32, maxWaitMs: 5 }

const text = z.string({ error: 'must be a string' })
const flag = z.boolean({ error: 'must be true or false' })
const record = z.record(z.string(), z.unknown(), { error: 'must be an object' })
const authorFunction = z.custom<AuthorFunction>((value) => typeof value === 'function', { error: 'must be a function' })

function between(minimum: number, maximum: number): z.ZodNumber {
  const error = `must be a whole number from ${minimum} to ${maximum}`
  return z.int({ error }).min(minimum, { error }).max(maximum, { error })
}

const count = (minimum: number): z.ZodNumber => between(minimum, 1_000_000)
const waitMs = between(0, LONGEST_TIMER_MS)
const boundMs = between(1, LONGEST_TIMER_MS)

const limitShape = {
  setupMs: boundMs.exactOptional(),
  timeoutMs: boundMs.exactOptional(),
  holdMs: waitMs.exactOptional(),
  reattachMs: waitMs.exactOptional(),
  heapMb: count(LEAST_HEAP_MB).exactOptional(),
  rssMb: count(LEAST_RSS_MB).exactOptional(),
  replicas: between(1, MOST_WORKERS).exactOptional(),
  threads: between(1, MOST_WORKERS).exactOptional(),
  concurrency: count(1).exactOptional(),
  queueSize: count(0).exactOptional(),
  maxRequests: between(0, Number.MAX_SAFE_INTEGER).exactOptional(),
} satisfies Record<keyof Limits, z.ZodType>

/** Checks limits that an author or an operator set; every key may be absent, unknown ones are refused. */
export const limitsSchema: z.ZodType<Partial<Limits>> = z.strictObject(limitShape)

const optionShape = {
  title: text.default(''),
  description: text.default(''),
  article: text.default(''),
  inputs: record,
  outputs: record,
  examples: z.array(record, { error: 'must be an array of objects' }).default([]),
  limits: limitsSchema.default({}),
  batch: z
    .strictObject({ maxSize: count(1).default(DEFAULT_BATCH.maxSize), maxWaitMs: waitMs.default(DEFAULT_BATCH.maxWaitMs) }, { error: 'must be { maxSize, maxWaitMs }' })
    .nullable()
    .default(null),
  replay: flag.default(true),
  apiName: text.regex(/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/, { error: 'must be letters, digits, "_" and "-", without a leading "/"' }).default('predict'),
  load: z.enum(['eager', 'lazy'], { error: 'must be "eager" or "lazy"' }).default('eager'),
  idleSeconds: z
    .number({ error: 'must be a number of seconds' })
    .min(0, { error: 'must not be negative' })
    .max(LONGEST_TIMER_MS / 1_000, { error: `must be at most ${Math.floor(LONGEST_TIMER_MS / 1_000)}` })
    .default(0),
  canary: flag.default(false),
  setup: authorFunction.exactOptional(),
  predict: authorFunction.exactOptional(),
  predictBatch: authorFunction.exactOptional(),
  teardown: authorFunction.exactOptional(),
}
const optionsSchema = z.strictObject(optionShape)

/** @throws {TypeError} that names the option. */
export function checkModelOptions(options: unknown): CheckedModel {
  if (typeof options !== 'object' || options === null) throw new TypeError('defineModel takes an object of options')
  const parsed = optionsSchema.safeParse(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)))
  if (!parsed.success) throw refused(problemText(parsed.error.issues[0]))
  const checked = parsed.data
  checkFunctions(checked)
  const inputs = checkComponents('inputs', checked.inputs)
  const outputs = checkComponents('outputs', checked.outputs)
  if (Object.keys(outputs).length === 0) throw refused('"outputs" must have at least one component')
  checkChoices(inputs)
  checkComparisons(inputs, outputs)
  const examples = checked.examples.map((example, index) => checkExample(`examples[${index}]`, example, inputs))
  return { ...checked, inputs: deepFreeze(inputs), outputs: deepFreeze(outputs), examples, limits: deepFreeze(checked.limits), batch: deepFreeze(checked.batch) }
}

function refused(text: string): TypeError {
  return new TypeError(`defineModel: ${text}`)
}

function problemText(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'bad options'
  const at = issue.path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') return `"${at}" ${issue.message}`
  const key = issue.keys[0] ?? ''
  if (at !== '') return `unknown option "${at}.${key}"`
  return `unknown option "${key}"; ${key in limitShape ? `it belongs under "limits"` : `there are ${Object.keys(optionShape).join(', ')}`}`
}

function checkFunctions({ batch, predict, predictBatch }: { batch: BatchLimits | null; predict?: AuthorFunction; predictBatch?: AuthorFunction }): void {
  if (predict !== undefined && predictBatch !== undefined) throw refused('give either "predict" or "batch" with "predictBatch", not both')
  if (batch !== null && predictBatch === undefined) throw refused('"batch" needs "predictBatch"')
  if (predictBatch !== undefined && batch === null) throw refused('"predictBatch" needs "batch"')
  if (batch === null && predict === undefined) throw refused('"predict" is missing')
}

/** The name of an input is a multipart field, a keyword of Gradio's Python client and a JSON key. */
const NAME = /^[\p{L}_][\p{L}\p{N}_-]{0,63}$/u

function checkComponents(side: 'inputs' | 'outputs', given: Record<string, unknown>): Record<string, ComponentSpec> {
  const checked: Record<string, ComponentSpec> = {}
  for (const [name, spec] of Object.entries(given)) {
    if (PROTOTYPE_KEYS.has(name)) throw refused(`"${side}.${name}": this name is reserved`)
    if (!NAME.test(name)) throw refused(`"${side}" has a component named ${JSON.stringify(name)}; names are letters, digits, "_" and "-", at most 64, beginning with a letter`)
    checked[name] = checkComponent(`${side}.${name}`, spec)
  }
  return checked
}

function checkComponent(at: string, spec: unknown): ComponentSpec {
  if (typeof spec !== 'object' || spec === null || !('kind' in spec) || !isComponentKind(spec.kind)) {
    throw refused(`"${at}" is no component: make one with textbox(), image(), …`)
  }
  const parsed = componentSpecSchema.safeParse(spec)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw refused(`"${[at, ...(issue?.path ?? [])].map(String).join('.')}" ${issue?.message ?? 'is no good component'}`)
}

function checkChoices(inputs: Record<string, ComponentSpec>): void {
  for (const [name, spec] of Object.entries(inputs)) {
    if ('choices' in spec && spec.choices.length === 0) throw refused(`"inputs.${name}" needs at least one of "choices"`)
  }
}

function checkComparisons(inputs: Record<string, ComponentSpec>, outputs: Record<string, ComponentSpec>): void {
  for (const [name, spec] of Object.entries(inputs)) {
    if (spec.kind === 'image' && spec.compareWith !== undefined) throw refused(`"inputs.${name}.compareWith" is for outputs`)
  }
  for (const [name, spec] of Object.entries(outputs)) {
    if (spec.kind !== 'image' || spec.compareWith === undefined) continue
    if (!Object.hasOwn(inputs, spec.compareWith) || inputs[spec.compareWith]?.kind !== 'image') {
      throw refused(`"outputs.${name}.compareWith" must name an image input`)
    }
  }
}

/** Checked, not normalised: what callers send takes the same way later. */
function checkExample(at: string, example: Values, inputs: Record<string, ComponentSpec>): Values {
  for (const name of Object.keys(example)) if (!Object.hasOwn(inputs, name)) throw refused(`"${at}.${name}" is not an input`)
  for (const [name, spec] of Object.entries(inputs)) {
    const value = example[name]
    const problem = value === undefined ? (isRequired(spec) ? ' is missing, and the input has no default' : null) : exampleProblem(spec, value)
    if (problem !== null) throw refused(`"${at}.${name}"${problem}`)
  }
  return Object.freeze({ ...example })
}

function exampleProblem(spec: ComponentSpec, value: unknown): string | null {
  if (value === null) return spec.optional === true ? null : ' must not be null'
  const definition = COMPONENTS[spec.kind]
  // Files of examples are paths still; the shape that a default may have is theirs.
  const result = definition.hasFiles ? definition.spec.safeParse({ ...spec, value }) : definition.input(spec).safeParse(value)
  const issue = result.error?.issues[0]
  return issue === undefined ? null : ` ${issue.message}`
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
