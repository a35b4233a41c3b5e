/** Loads a model in a worker process of its own, as the host would, and asks it its first example. */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../server/config.ts'
import { effectiveLimits } from '../server/limits.ts'
import type { FoundModel } from '../server/registry.ts'
import { workerEnvironment } from '../server/worker-environment.ts'
import { inputsSchema } from '../workers/components.ts'
import type { FromWorker, Limits, ModelSpec, WorkerExit, WorkerHandle } from '../workers/contract.ts'
import type { WireError } from '../workers/errors.ts'
import { LaneListener } from '../workers/lane-listener.ts'
import { OomKills } from '../workers/oom.ts'
import { createSpawnWorker } from '../workers/spawn-worker.ts'

export type Trial =
  | { outcome: 'well'; setupSeconds: number; exampleSeconds: number | null }
  /** `step` is what it did not get through. `error` is the author's own, whole. */
  | { outcome: 'failed'; step: 'load' | 'setup' | 'example'; error: string; place: string | null; lastLines: string[] }

const EXAMPLE_ID = 1
const ENOUGH_FACTS = 1_000_000
const GONE_MS = 3_000

/** @returns What became of it. The process is gone and its files are removed then. */
export async function tryModel({ name, modelFile }: FoundModel, config: Config, env: NodeJS.ProcessEnv): Promise<Trial> {
  const stateDir = await mkdtemp(join(tmpdir(), 'footlights-doctor-'))
  const lanes = await LaneListener.open()
  const worker = new TrialWorker(name, lanes, env)
  try {
    const operator = config.limits[name]
    const before = performance.now()
    const spec = await worker.load({ model: name, modelFile, stateDir, limits: effectiveLimits({}, operator) })
    const limits = effectiveLimits(spec.limits, operator)
    await worker.setup(limits)
    const setupSeconds = (performance.now() - before) / 1000
    return { outcome: 'well', setupSeconds, exampleSeconds: await worker.runExample(spec, limits) }
  } catch (thrown) {
    if (!(thrown instanceof TrialFailure)) throw thrown
    // Stacks name files by where they really are.
    const folder = await realpath(dirname(modelFile))
    return { outcome: 'failed', step: thrown.step, error: thrown.message, place: placeIn(thrown.message, folder), lastLines: worker.lastLines() }
  } finally {
    await worker.end()
    lanes.close()
    await rm(stateDir, { recursive: true, force: true, maxRetries: 3 })
  }
}

class TrialFailure extends Error {
  readonly step: 'load' | 'setup' | 'example'

  constructor(step: TrialFailure['step'], message: string) {
    super(message)
    this.step = step
  }
}

/** One worker process with one question at a time. */
class TrialWorker {
  readonly #handle: WorkerHandle
  readonly #gone: Promise<WorkerExit>
  #hear: (message: FromWorker) => void = () => {}

  constructor(model: string, lanes: LaneListener, env: NodeJS.ProcessEnv) {
    const gone = Promise.withResolvers<WorkerExit>()
    this.#gone = gone.promise
    const spawn = createSpawnWorker({ lanes, onLine: () => {}, onSpawned: () => {}, onExited: () => {}, oomKills: new OomKills(), now: () => performance.now(), env: workerEnvironment(env) })
    this.#handle = spawn(model, 0, { message: (message) => this.#hear(message), exit: gone.resolve })
  }

  load(settings: { model: string; modelFile: string; stateDir: string; limits: Limits }): Promise<ModelSpec> {
    const { setupMs } = settings.limits
    const described = this.#until('load', setupMs, (message) => (message.type === 'described' ? message.spec : null))
    this.#handle.send({ type: 'load', settings })
    return described
  }

  setup(limits: Limits): Promise<true> {
    const ready = this.#until('setup', limits.setupMs, (message) => (message.type === 'ready' ? true : null))
    this.#handle.send({ type: 'setup', limits })
    return ready
  }

  /** @returns Seconds, or null when the model has no example. */
  async runExample(spec: ModelSpec, { timeoutMs }: Limits): Promise<number | null> {
    const [example] = spec.examples
    if (example === undefined) return null
    const checked = inputsSchema(spec.inputs)(example)
    if (!checked.ok) throw new TrialFailure('example', `the first example is refused: ${checked.errors.map(({ path, message }) => `${path}: ${message}`).join('; ')}`)
    const before = performance.now()
    const done = this.#until('example', timeoutMs, (message) => (message.type === 'done' && message.id === EXAMPLE_ID ? true : null))
    this.#handle.send({ type: 'predict', items: [{ id: EXAMPLE_ID, inputs: checked.value, events: false, requestId: 'footlights-doctor' }] })
    this.#handle.send({ type: 'credit', id: EXAMPLE_ID, events: ENOUGH_FACTS })
    await done
    return (performance.now() - before) / 1000
  }

  lastLines(): string[] {
    return this.#handle.lastLines()
  }

  async end(): Promise<void> {
    this.#handle.kill()
    await Promise.race([this.#gone, new Promise((resolve) => setTimeout(resolve, GONE_MS).unref())])
  }

  /** @throws {TrialFailure} when the worker says that it failed, ends, or is late. */
  async #until<T>(step: TrialFailure['step'], withinMs: number, pick: (message: FromWorker) => T | null): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const fail = (why: string): void => reject(new TrialFailure(step, why))
    const late = setTimeout(() => fail(`it did not end within ${withinMs} ms`), withinMs)
    this.#hear = (message) => {
      const found = pick(message)
      if (found !== null) resolve(found)
      else if (message.type === 'setup-failed' || message.type === 'failed') fail(textOf(message.error))
      else if (message.type === 'lost') fail(`its thread ended (${message.death})`)
    }
    void this.#gone.then(({ code, signal }) => fail(`its process ended with ${signal === null ? `exit code ${code}` : `signal ${signal}`}`))
    return promise.finally(() => clearTimeout(late))
  }
}

function textOf({ message, cause }: WireError): string {
  return cause ?? message
}

/** Where in the author's own files: `model.ts:12:5`. Null when the stack does not lead there. */
export function placeIn(stack: string, folder: string): string | null {
  for (const [, path = '', line, column] of stack.matchAll(/((?:file:\/\/)?\/[^\s()'"]+?):(\d+)(?::(\d+))?\b/g)) {
    const file = path.startsWith('file:') ? fileURLToPath(path) : path
    const inside = relative(folder, file)
    if (inside.startsWith('..') || inside.split(sep).includes('node_modules')) continue
    return `${inside}:${line}${column === undefined ? '' : `:${column}`}`
  }
  return null
}
