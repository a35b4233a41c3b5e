import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, ExitRecord, FromWorker, SpawnWorker, SupervisionEvent } from '../workers/contract.ts'
import { ProcessBackend } from '../workers/process-backend.ts'
import type { UsageSource } from '../workers/memory-watch.ts'
import type { Config } from './config.ts'
import { HostedModel, type HostedModelDeps } from './hosted-model.ts'
import { effectiveLimits } from './limits.ts'
import type { Logger } from './log.ts'
import type { MemoryGuard } from './memory-guard.ts'
import type { Metrics } from './metrics.ts'

/** Names that are routes of the host's own. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'admin', 'api', 'apps', 'assets', 'config', 'docs', 'file', 'gradio_api', 'health', 'login', 'logout', 'metrics', 'models', 'openapi', 'page', 'static', 'status',
  'theme', 'upload',
])
const MODEL_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
const MODEL_FILES = ['model.ts', 'model.js', 'model.mjs']

/** A folder that is to be hosted. */
export interface FoundModel {
  name: string
  /** Absolute. */
  modelFile: string
}

export interface RegistryDeps {
  config: Config
  /** Absolute. */
  stateDir: string
  spawn: SpawnWorker
  clock: Clock
  random: () => number
  usage: UsageSource
  memory: MemoryGuard
  metrics: Metrics
  log: Logger
  /** Someone calls `reloadModel` when files change. */
  filesAreWatched: boolean
  ended: HostedModelDeps['logEnd']
}

/** Hears of each folder that has a model and can't be hosted. */
export interface LeftOutLog {
  error(fields: { model: string }, message: string): void
}

/** Folders with a model file, by name; what can't be hosted is named in the log and left out. */
export async function findModels(folder: string, log: LeftOutLog): Promise<FoundModel[]> {
  const found: FoundModel[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() && !entry.isSymbolicLink()) continue
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    const modelFile = await modelFileIn(join(folder, entry.name))
    if (modelFile === undefined) continue
    if (MODEL_NAME.test(entry.name) && !RESERVED_NAMES.has(entry.name)) found.push({ name: entry.name, modelFile })
    else log.error({ model: entry.name }, 'a model is left out: its folder needs a name of a-z, 0-9 and - (at most 63) that is not reserved')
  }
  return found.sort((a, b) => a.name.localeCompare(b.name))
}

async function modelFileIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((): string[] => [])
  const file = MODEL_FILES.find((candidate) => names.includes(candidate))
  return file === undefined ? undefined : join(folder, file)
}

/** Names that the operator set limits for and that no folder has: most likely misspelt. */
export function namesOfNothing(limits: Config['limits'], found: readonly FoundModel[]): string[] {
  return Object.keys(limits).filter((name) => !found.some((model) => model.name === name))
}

/** All hosted models: those found at the start, and what has become of their folders since. */
export class Registry {
  readonly #deps: RegistryDeps
  readonly #models = new Map<string, HostedModel>()
  readonly #files = new Map<HostedModel, string>()
  /** Hosted no more; what they accepted still ends. */
  readonly #leaving = new Set<HostedModel>()
  readonly #complainedOf = new Set<string>()
  #reloading: Promise<void> = Promise.resolve()
  #isUnreadable = false
  #isClosing = false

  constructor(deps: RegistryDeps) {
    this.#deps = deps
  }

  /** By name, in the order of names at first; changes in place. */
  get models(): ReadonlyMap<string, HostedModel> {
    return this.#models
  }

  /**
   * Looks at the models folder: hosts what is new, whose workers are not started yet, and lets go of what is gone.
   *
   * @returns What is new.
   */
  async find(): Promise<HostedModel[]> {
    const { config, log } = this.#deps
    const found = await findModels(config.models, { error: (fields, message) => this.#once(fields.model, () => log.error(fields, message)) })
    for (const model of namesOfNothing(config.limits, found)) this.#once(model, () => log.warn({ model }, 'limits are set for a model that is not there'))
    for (const model of [...this.#models.values()]) {
      if (!found.some(({ name, modelFile }) => name === model.name && modelFile === this.#files.get(model))) void this.#letGo(model)
    }
    const fresh = found.filter(({ name }) => !this.#models.has(name))
    return fresh.map((each) => {
      const model = hostModel(each, this.#deps)
      this.#models.set(each.name, model)
      this.#files.set(model, each.modelFile)
      return model
    })
  }

  /** What was said about a folder need not be said again at each look. */
  #once(name: string, say: () => void): void {
    if (this.#complainedOf.has(name)) return
    this.#complainedOf.add(name)
    say()
  }

  /** Brings all models to what is on disk now, one after the other; those that came since are hosted, those that are gone let go of. Asked again meanwhile, it begins anew after that. */
  reload(why: string): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reloadAll(why))
    return this.#reloading
  }

  /** The same for one; for a name that is hosted no more, or not yet, the folder is looked at. */
  async reloadModel(name: string, why: string): Promise<void> {
    const fresh = await this.#findAndStart()
    const model = this.#models.get(name)
    if (fresh !== null && model !== undefined && !fresh.includes(model)) await model.restart(why)
  }

  /** Ends all workers at once. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.all([...this.#models.values(), ...this.#leaving].map((model) => model.backend.close(0)))
  }

  async #reloadAll(why: string): Promise<void> {
    const fresh = await this.#findAndStart()
    if (fresh === null) return
    for (const model of [...this.#models.values()]) if (!this.#isClosing && !fresh.includes(model)) await model.restart(why)
  }

  /** @returns What is new; null when the folder can't be read: then there is no other version that the models could be brought to. */
  async #findAndStart(): Promise<HostedModel[] | null> {
    if (this.#isClosing) return null
    const fresh = await this.find().catch((error: unknown) => this.#unreadable(error))
    if (fresh === null) return null
    this.#isUnreadable = false
    for (const model of fresh) {
      this.#deps.log.info({ model: model.name }, 'a model is new')
      model.backend.start()
    }
    return fresh
  }

  /** Said once, until it could be read again: each of its models would ask for it. */
  #unreadable(error: unknown): null {
    const { config, log } = this.#deps
    if (!this.#isUnreadable) log.warn({ folder: config.models, why: error instanceof Error ? error.message : String(error) }, "the models folder can't be read; the models that were found in it serve on")
    this.#isUnreadable = true
    return null
  }

  async #letGo(model: HostedModel): Promise<void> {
    const { log, metrics, config } = this.#deps
    log.info({ model: model.name }, 'a model is gone')
    this.#models.delete(model.name)
    this.#files.delete(model)
    this.#leaving.add(model)
    await model.retire(config.drainMs)
    this.#leaving.delete(model)
    if (!this.#models.has(model.name)) metrics.removeModel(model.name)
  }
}

function hostModel({ name, modelFile }: FoundModel, deps: RegistryDeps): HostedModel {
  const { config, clock } = deps
  const operator = config.limits[name]
  const initialLimits = effectiveLimits({}, operator)
  const model = new HostedModel(name, {
    clock, initialLimits, metrics: deps.metrics, logEnd: deps.ended,
    effectiveLimits: (spec) => effectiveLimits(spec.limits, operator),
  })
  const backend = new ProcessBackend(
    {
      described: (spec) => model.described(spec),
      inForce: (spec) => model.inForce(spec),
      changed: (worker, what, why) => recordChange(model, { at: new Date().toISOString(), model: name, worker, what, why }, deps.log),
      capacity: () => model.capacityChanged(),
      exited: (record) => logExit(name, record, deps.log),
      log: (message, worker) => logOfModel(deps.log, name, worker, message),
    },
    {
      settings: { model: name, modelFile, stateDir: deps.stateDir, limits: initialLimits },
      spawn: deps.spawn, clock, random: deps.random, wallClock: () => new Date(), drainMs: config.drainMs, usage: deps.usage,
      memory: deps.memory.roomFor(name), filesAreWatched: deps.filesAreWatched,
      meanRunMs: () => model.pace.meanMs,
    },
  )
  model.use(backend)
  return model
}

/** Names in the log that mean trouble. */
const TROUBLE: ReadonlySet<string> = new Set(['backoff', 'quarantined', 'hung', 'suspect', 'over its memory', 'leaks memory', 'gives way', 'ended for its memory', 'being replaced', 'no canary', 'replacement failed', 'thread replaced'])

function recordChange(model: HostedModel, event: SupervisionEvent, log: Logger): void {
  model.changed(event)
  const { at: _, ...fields } = event
  if (TROUBLE.has(event.what)) log.warn(fields, 'a worker changed')
  else log.info(fields, 'a worker changed')
}

/** The one place that tells all of it, the worker's last words among them. */
function logExit(model: string, { pid, planned, ...fields }: ExitRecord, log: Logger): void {
  const line = { model, workerPid: pid, ...fields }
  const message = fields.thread === true ? 'a thread ended' : 'a worker ended'
  if (planned) log.info(line, message)
  else log.warn(line, message)
}

function logOfModel(log: Logger, model: string, worker: number, message: Extract<FromWorker, { type: 'log' }>): void {
  const { level, fields, requestId, traceparent } = message
  log[level]({ ...fields, model, worker, ...(requestId === '' ? {} : { requestId }), ...(traceparent === undefined ? {} : { traceparent }), text: message.message }, 'a model says')
}
