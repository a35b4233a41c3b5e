/**
 * The public authoring API, and the package's main export: `defineModel`, every component, `UserError`.
 */
import { type ComponentSpec, displayLabel, type GivenOf, type InOf, type OutOf } from './components.ts'
import type { BatchLimits, Limits, LogLevel, ModelSpec, NoticeLevel, Values } from './contract.ts'
import { checkModelOptions } from './model-options.ts'

export {
  audio,
  chatbot,
  checkbox,
  checkboxGroup,
  code,
  dataframe,
  dropdown,
  file,
  gallery,
  highlightedText,
  html,
  image,
  json,
  label,
  markdown,
  number,
  radio,
  slider,
  textbox,
  video,
} from './components.ts'
export type { ChatMessage, Choice, Component, ComponentKind, ComponentSpec, Dataframe, DataframeLike, FileOutput, FileRef, JsonValue } from './components.ts'
export { type ConfigFile, defineConfig } from './config-file.ts'
export type { BatchLimits, Limits, NoticeLevel } from './contract.ts'
export { UserError } from './errors.ts'

/** Components by name, in the order in which the page and Gradio's positional calls show them. */
export type ComponentRecord = Readonly<Record<string, ComponentSpec>>

/** What `predict` gets. */
export type Inputs<I extends ComponentRecord> = { [Name in keyof I]: InOf<I[Name]> }

/** What `predict` returns; null leaves an output empty. */
export type Outputs<O extends ComponentRecord> = { [Name in keyof O]: OutOf<O[Name]> | null }

/** An example: values of inputs, files as `{ path }` relative to the model's folder. Inputs with a default may be left out. */
export type Example<I extends ComponentRecord> = { [Name in keyof I]?: GivenOf<I[Name]> }

/** Writes to the operator's log, tagged with the model and the request; never to the caller. */
export type ModelLog = Readonly<Record<LogLevel, (fields: Record<string, unknown>, message?: string) => void>>

export interface SetupContext {
  /** Aborted when `setupMs` is over or the worker stops. */
  readonly signal: AbortSignal
  readonly log: ModelLog
}

export interface BatchContext<State> extends SetupContext {
  /** What `setup` returned, in this thread. */
  readonly state: State
  /** Aborted when the caller left, cancelled, or the deadline passed. A model that does not stop soon after is stopped by force. */
  readonly signal: AbortSignal
  /** @param fraction 0 to 1 */
  readonly progress: (fraction: number, text?: string) => void
  /** Shows the caller a notice. Default level `info`. */
  readonly notify: (text: string, level?: NoticeLevel) => void
}

export interface PredictContext<State> extends BatchContext<State> {
  /** The `x-request-id` of the caller's answer. */
  readonly requestId: string
}

/** One value, a promise of it, or a generator whose every yield replaces the outputs. */
export type Prediction<O extends ComponentRecord> =
  | Outputs<O>
  | Promise<Outputs<O>>
  | AsyncGenerator<Outputs<O>, void, undefined>
  | Generator<Outputs<O>, void, undefined>

interface CommonOptions<I extends ComponentRecord, O extends ComponentRecord, State> {
  /** Default: the folder's name. */
  title?: string
  /** Markdown, shown above the inputs. */
  description?: string
  /** Markdown, shown below the outputs. */
  article?: string
  inputs: I
  outputs: O
  /** Shown on the page; the first one warms up every thread before it takes work. */
  examples?: readonly NoInfer<Example<I>>[]
  /** Bounds; times in ms, memory in MiB. The operator's configuration overrides them. */
  limits?: Partial<Limits>
  /** False: a prediction that was lost with its worker is never run again. Default true. */
  replay?: boolean
  /** Name of the Gradio endpoint. Default `predict`. */
  apiName?: string
  /** `lazy`: the first request starts the workers. Default `eager`. */
  load?: 'eager' | 'lazy'
  /** Workers stop after this long without work, and start again with the next request. Default 0: never. */
  idleSeconds?: number
  /** Each ready worker runs the first example now and then, past the queue: one that fails it is routed around, then replaced. Default false. */
  canary?: boolean
  /** Runs once in each thread, before any prediction, within `setupMs`. What it returns is `state`. */
  setup?: (context: SetupContext) => State | Promise<State>
  /** Runs when a thread ends in an orderly way. Not after a crash or a forced stop. */
  teardown?: (state: NoInfer<State>) => unknown
}

interface SingleOptions<I extends ComponentRecord, O extends ComponentRecord, State> {
  batch?: never
  predictBatch?: never
  predict: (inputs: Inputs<I>, context: PredictContext<NoInfer<State>>) => Prediction<O>
}

interface BatchOptions<I extends ComponentRecord, O extends ComponentRecord, State> {
  /** How many predictions one call takes at most (default 32), and how long the first waits for others (default 5 ms). */
  batch: Partial<BatchLimits>
  predict?: never
  /** The outputs of each item at its index, or an error for it alone. */
  predictBatch: (
    items: Inputs<I>[],
    context: BatchContext<NoInfer<State>>,
  ) => readonly (Outputs<O> | Error)[] | Promise<readonly (Outputs<O> | Error)[]>
}

export type ModelOptions<I extends ComponentRecord, O extends ComponentRecord, State> = CommonOptions<I, O, State> &
  (SingleOptions<I, O, State> | BatchOptions<I, O, State>)

/** Shared between copies of the package, should a model bring its own. */
const BRAND = Symbol.for('footlights.model')

/** A checked model, frozen. `I`, `O` and `State` are known to its author and his tests; the host uses `AnyModelDefinition`. */
export interface ModelDefinition<I extends ComponentRecord, O extends ComponentRecord, State> {
  readonly [BRAND]: true
  readonly title: string
  readonly description: string
  readonly article: string
  readonly inputs: I
  readonly outputs: O
  readonly examples: readonly Example<I>[]
  readonly limits: Readonly<Partial<Limits>>
  readonly batch: Readonly<BatchLimits> | null
  readonly replay: boolean
  readonly apiName: string
  readonly load: 'eager' | 'lazy'
  readonly idleSeconds: number
  readonly canary: boolean
  setup?(context: SetupContext): State | Promise<State>
  /** Absent in a model with `batch`. */
  predict?(inputs: Inputs<I>, context: PredictContext<State>): Prediction<O>
  /** Present in a model with `batch`. */
  predictBatch?(items: Inputs<I>[], context: BatchContext<State>): readonly (Outputs<O> | Error)[] | Promise<readonly (Outputs<O> | Error)[]>
  teardown?(state: State): unknown
}

/** A model whose types are not known: what it takes and returns is checked when it runs. */
export interface AnyModelDefinition {
  readonly [BRAND]: true
  readonly title: string
  readonly description: string
  readonly article: string
  readonly inputs: ComponentRecord
  readonly outputs: ComponentRecord
  readonly examples: readonly Values[]
  readonly limits: Readonly<Partial<Limits>>
  readonly batch: Readonly<BatchLimits> | null
  readonly replay: boolean
  readonly apiName: string
  readonly load: 'eager' | 'lazy'
  readonly idleSeconds: number
  readonly canary: boolean
  setup?(context: SetupContext): unknown
  predict?(inputs: Values, context: PredictContext<unknown>): unknown
  predictBatch?(items: Values[], context: BatchContext<unknown>): unknown
  teardown?(state: unknown): unknown
}

/**
 * Defines a model: the default export of `models/<name>/model.ts`. Runs nothing of it.
 * Write `setup` before `predict`, so that the type of `state` is known there.
 *
 * @throws {TypeError} naming the option, for unknown, missing or contradictory ones and for examples that the inputs would refuse.
 */
export function defineModel<I extends ComponentRecord, O extends ComponentRecord, State = undefined>(
  options: ModelOptions<I, O, State>,
): ModelDefinition<I, O, State>
export function defineModel(options: object): AnyModelDefinition {
  return Object.freeze({ [BRAND]: true as const, ...checkModelOptions(options) })
}

export function isModelDefinition(value: unknown): value is AnyModelDefinition {
  return typeof value === 'object' && value !== null && BRAND in value && value[BRAND] === true
}

/** The model as the data that its worker announces. Labels are filled in; files of examples and defaults are still the author's paths. */
export function describeModel(definition: AnyModelDefinition): ModelSpec {
  const { title, description, article, inputs, outputs, examples, limits, batch, replay, apiName, load, idleSeconds, canary } = definition
  return {
    title,
    description,
    article,
    inputs: withLabels(inputs),
    outputs: withLabels(outputs),
    examples: examples.map((example) => ({ ...example })),
    limits: { ...limits },
    batch: batch === null ? null : { ...batch },
    replay,
    streams: isGenerator(definition.predict),
    apiName,
    load,
    idleSeconds,
    canary,
  }
}

function withLabels(components: ComponentRecord): Record<string, ComponentSpec> {
  return Object.fromEntries(Object.entries(components).map(([name, spec]) => [name, { ...spec, label: displayLabel(name, spec) }]))
}

/** By its tag: the constructors of generator functions are no globals. */
function isGenerator(predict: unknown): boolean {
  return typeof predict === 'function' && Object.prototype.toString.call(predict).endsWith('GeneratorFunction]')
}
