import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkOutputs, type ComponentSpec, componentSpecSchema, defaultValue, hasFiles, mapAuthorFiles, mapOutputFiles } from './components.ts'
import type { LogLevel, ModelSpec, NoticeLevel, PredictItem, Values } from './contract.ts'
import { createHostError, type HostError } from './errors.ts'
import { type AnyModelDefinition, type BatchContext, describeModel, isModelDefinition, type ModelLog, type PredictContext } from './model.ts'
import { OutputGrowth, type OutputSink } from './output-growth.ts'
import { ResultFiles } from './result-files.ts'
import type { ReadableItem } from './thread-contract.ts'
import { charactersOf } from './value-size.ts'

/** Where the facts about one prediction go. */
export interface RunnerSink extends OutputSink {
  progress(fraction: number, text: string): void
  notice(level: NoticeLevel, text: string): void
}

export type RunnerLog = (level: LogLevel, fields: Record<string, unknown>, message: string, item?: PredictItem) => void

/** The end of one item: its outputs (absent when the sink has seen them all), or what was thrown. */
export type ItemEnd = { outputs: Values | undefined } | { error: unknown }

/** Text above this (characters, over all outputs) is refused: it would travel in one message. */
const MAX_OUTPUT_CHARACTERS = 64 * 1024 * 1024

/**
 * Runs one model: loads it, sets it up once, predicts. The same code in a worker thread and in a test; knows nothing of messages.
 */
export class Runner {
  readonly #definition: AnyModelDefinition
  readonly #files: ResultFiles
  readonly #hasFiles: boolean
  readonly #log: RunnerLog
  readonly spec: ModelSpec
  #state: unknown

  private constructor(definition: AnyModelDefinition, files: ResultFiles, log: RunnerLog) {
    this.#definition = definition
    this.#files = files
    this.#hasFiles = hasFiles(definition.outputs)
    this.#log = log
    this.spec = describeModel(definition)
  }

  /**
   * Imports a model.
   *
   * @throws {HostError} `MODEL_FAILED` when the file can't be imported or has no default export made by `defineModel`; the cause says which.
   */
  static async load(modelFile: string, stateDir: string, log: RunnerLog): Promise<Runner> {
    const module: unknown = await import(pathToFileURL(modelFile).href)
    const definition = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
    if (!isModelDefinition(definition)) {
      throw new Error(`${modelFile} has no default export made by defineModel(…)`)
    }
    return new Runner(definition, new ResultFiles(stateDir, dirname(modelFile)), log)
  }

  /** The spec with the files of its examples and default values kept in the state folder. */
  async describe(): Promise<ModelSpec> {
    const { spec } = this
    const examples: Values[] = []
    for (const example of spec.examples) examples.push(await this.#keepAuthorFiles(example))
    const inputs: Record<string, ComponentSpec> = {}
    for (const [name, input] of Object.entries(spec.inputs)) inputs[name] = await this.#keepDefault(input)
    return { ...spec, examples, inputs }
  }

  async #keepAuthorFiles(example: Values): Promise<Values> {
    const kept: Values = {}
    for (const [name, value] of Object.entries(example)) {
      const input = this.spec.inputs[name]
      kept[name] = input === undefined ? value : await mapAuthorFiles(input, value, (file) => this.#files.keepExample(file.path))
    }
    return kept
  }

  async #keepDefault(input: ComponentSpec): Promise<ComponentSpec> {
    if (input.value === undefined || !hasFiles({ input })) return input
    const value = await mapAuthorFiles(input, input.value, (file) => this.#files.keepExample(file.path))
    return componentSpecSchema.parse({ ...input, value })
  }

  /** Runs the author's `setup`, once. */
  async setup(signal: AbortSignal): Promise<void> {
    this.#state = await this.#definition.setup?.({ signal, log: this.#modelLog() })
  }

  /**
   * Runs the items together: `predict` for one item, `predictBatch` for a model with `batch`.
   *
   * @returns The end of each item, at its index. Never rejects.
   */
  async run(items: ReadableItem[], signal: AbortSignal, sinks: RunnerSink[]): Promise<ItemEnd[]> {
    if (this.#definition.predictBatch !== undefined) return this.#runBatch(items, signal, sinks)
    const [item, sink] = [items[0], sinks[0]]
    if (item === undefined || sink === undefined) return []
    try {
      return [{ outputs: await this.#runOne(item, signal, sink) }]
    } catch (error) {
      return [{ error }]
    }
  }

  async #runOne(item: ReadableItem, signal: AbortSignal, sink: RunnerSink): Promise<Values | undefined> {
    const returned: unknown = this.#definition.predict?.(item.inputs, this.#context(item, signal, sink))
    if (!isIterator(returned)) return this.#normalise(await returned)
    const last = await (item.events ? this.#tellEach(returned, signal, sink) : this.#lastOf(returned, signal))
    signal.throwIfAborted()
    if (last === undefined) throw invalidOutput(new Error('predict yielded nothing'))
    return item.events ? undefined : last
  }

  async #tellEach(yields: Yields, signal: AbortSignal, sink: RunnerSink): Promise<Values | undefined> {
    const growth = new OutputGrowth(sink)
    let last: Values | undefined
    try {
      for await (const yielded of yields) {
        if (signal.aborted) break
        last = this.#checked(yielded)
        if (this.#hasFiles) last = await this.#keepFiles(last)
        const room = growth.send(last)
        if (room !== undefined) await room
      }
    } finally {
      await growth.finish()
    }
    return last
  }

  async #lastOf(yields: Yields, signal: AbortSignal): Promise<Values | undefined> {
    let last: Values | undefined
    for await (const yielded of yields) {
      if (signal.aborted) break
      last = await this.#normalise(yielded)
    }
    return last
  }

  async #runBatch(items: ReadableItem[], signal: AbortSignal, sinks: RunnerSink[]): Promise<ItemEnd[]> {
    try {
      const all: RunnerSink = {
        progress: (fraction, text) => sinks.forEach((sink) => sink.progress(fraction, text)),
        notice: (level, text) => sinks.forEach((sink) => sink.notice(level, text)),
        // A batch yields nothing.
        output: () => undefined,
        append: () => undefined,
        hasRoom: () => true,
        room: async () => {},
      }
      const inputs = items.map((item) => item.inputs)
      const results: unknown = await this.#definition.predictBatch?.(inputs, this.#batchContext(signal, all))
      if (!Array.isArray(results) || results.length !== items.length) {
        throw invalidOutput(new Error(`predictBatch returned ${Array.isArray(results) ? `${results.length} results` : typeof results} for ${items.length} items`))
      }
      // Unlike `map`, this visits what was left out too.
      return this.#hasFiles ? await Promise.all(Array.from(results, (result: unknown) => this.#batchEnd(result))) : Array.from(results, (result: unknown) => this.#endOf(result))
    } catch (error) {
      return items.map(() => ({ error }))
    }
  }

  async #batchEnd(result: unknown): Promise<ItemEnd> {
    const end = this.#endOf(result)
    try {
      return 'outputs' in end && end.outputs !== undefined ? { outputs: await this.#keepFiles(end.outputs) } : end
    } catch (error) {
      return { error }
    }
  }

  /** Without its files. */
  #endOf(result: unknown): ItemEnd {
    try {
      return result instanceof Error ? { error: result } : { outputs: this.#checked(result) }
    } catch (error) {
      return { error }
    }
  }

  /** What the author returned, checked by the components, its files kept. */
  async #normalise(returned: unknown): Promise<Values> {
    const outputs = this.#checked(returned)
    return this.#hasFiles ? this.#keepFiles(outputs) : outputs
  }

  #checked(returned: unknown): Values {
    const outputs = checked(() => checkOutputs(this.spec.outputs, returned))
    if (charactersOf(outputs) > MAX_OUTPUT_CHARACTERS) throw invalidOutput(new Error(`more than the ${MAX_OUTPUT_CHARACTERS} characters that travel at once`))
    return outputs
  }

  async #keepFiles(outputs: Values): Promise<Values> {
    const kept: Values = {}
    try {
      for (const [name, spec] of Object.entries(this.spec.outputs)) kept[name] = await mapOutputFiles(spec, outputs[name], (file) => this.#files.keep(file), name)
    } catch (cause) {
      throw invalidOutput(cause)
    }
    return kept
  }

  #context(item: PredictItem, signal: AbortSignal, sink: RunnerSink): PredictContext<unknown> {
    return { ...this.#batchContext(signal, sink, item), requestId: item.requestId }
  }

  #batchContext(signal: AbortSignal, sink: RunnerSink, item?: PredictItem): BatchContext<unknown> {
    return {
      state: this.#state,
      signal,
      progress: (fraction, text = '') => sink.progress(Math.min(1, Math.max(0, Number(fraction) || 0)), String(text)),
      notify: (text, level = 'info') => sink.notice(level, String(text)),
      log: this.#modelLog(item),
    }
  }

  #modelLog(item?: PredictItem): ModelLog {
    const at = (level: LogLevel) => (fields: Record<string, unknown>, message = '') => this.#log(level, fields, message, item)
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  /** The first example with the defaults of the inputs that it leaves out; undefined when the model has none. */
  async warmUpInputs(): Promise<Values | undefined> {
    const first = this.spec.examples[0]
    if (first === undefined) return undefined
    const given = await this.#keepAuthorFiles(first)
    const entries = Object.entries(this.spec.inputs).map(([name, spec]) => [name, given[name] ?? defaultValue(spec)] as const)
    return Object.fromEntries(entries)
  }

  /** The author's own clean-up, when there is one. */
  async teardown(): Promise<void> {
    await this.#definition.teardown?.(this.#state)
  }
}

function checked<T>(check: () => T): T {
  try {
    return check()
  } catch (cause) {
    throw invalidOutput(cause)
  }
}

/** @param cause What was wrong, for the operator. */
function invalidOutput(cause: unknown): HostError {
  return createHostError('INVALID_OUTPUT', 'The model returned something that can not be sent. The operator finds the cause in the log under the request id.', { cause })
}

type Yields = AsyncIterable<unknown> | Iterable<unknown>

function isIterator(value: unknown): value is Yields {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
}
