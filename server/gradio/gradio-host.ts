import type { Request, Response } from 'express'

import type { ModelSpec } from '../../workers/contract.ts'
import type { HostError } from '../../workers/errors.ts'
import type { AppDeps } from '../app.ts'
import { readJsonObject } from '../body.ts'
import type { JsonObject } from '../body.ts'
import type { SubmitOptions } from '../gateway.ts'
import type { HostedModel } from '../hosted-model.ts'
import { toHostError } from '../http-errors.ts'
import type { Prediction } from '../prediction.ts'
import { callerTimeoutMs } from '../rest/predict-options.ts'
import { publicRoot } from '../security/public-root.ts'
import { API_PREFIX } from './app-config.ts'
import type { ConfigContext } from './app-config.ts'
import { GradioEvent, newEventId } from './gradio-event.ts'
import type { GradioEventOptions, Work } from './gradio-event.ts'
import { PaceBoard } from './pace.ts'
import { GradioSessions } from './sessions.ts'
import { mayFetch, readInputs } from './values.ts'

const MIB = 1024 * 1024
/** The Python client waits 5 s for the answer to a call. Inputs that take longer to fetch are waited for behind it. */
const PATIENCE_MS = 2_000

/** A request to a hosted model. */
export interface Call {
  req: Request
  res: Response
  model: HostedModel
  spec: ModelSpec
  arrivedMs: number
}

/** Who calls, and how it is told of the end. */
export type Caller = Pick<GradioEventOptions, 'audience'> & { sessionHash: string | undefined }

/** What all of Gradio's routes work with: the host's parts, and the sessions of each model. */
export class GradioHost {
  readonly deps: AppDeps
  readonly #sessions = new Map<string, GradioSessions>()
  readonly #paces = new PaceBoard(() => performance.now())

  constructor(deps: AppDeps) {
    this.deps = deps
  }

  sessions(model: HostedModel): GradioSessions {
    const known = this.#sessions.get(model.name)
    if (known !== undefined) return known
    const sessions = new GradioSessions(() => this.deps.gateway.isDraining())
    this.#sessions.set(model.name, sessions)
    return sessions
  }

  /** By the model's name; only of models that were called. */
  get allSessions(): ReadonlyMap<string, GradioSessions> {
    return this.#sessions
  }

  pace(model: HostedModel): ReturnType<PaceBoard['of']> {
    return this.#paces.of(model)
  }

  /** @throws {HostError} `MODEL_NOT_FOUND`, or why there is no description of the model yet. */
  async call(req: Request, res: Response): Promise<Call> {
    const arrivedMs = performance.now()
    const model = this.model(req)
    return { req, res, model, spec: model.spec ?? (await model.whenDescribedForWork()), arrivedMs }
  }

  /** What is asked for is the description itself. @throws {HostError} as `call`. */
  async described(req: Request): Promise<Pick<Call, 'model' | 'spec'>> {
    const model = this.model(req)
    return { model, spec: model.spec ?? (await model.whenDescribed()) }
  }

  /** @throws {HostError} `MODEL_NOT_FOUND` */
  model(req: Request): HostedModel {
    const { model: name } = req.params
    return this.deps.gateway.model(typeof name === 'string' ? name : '')
  }

  readBody(req: Request): Promise<JsonObject> {
    return readJsonObject(req, this.deps.config.maxBodyMb * MIB)
  }

  get maxUploadBytes(): number {
    return Math.floor(this.deps.config.maxUploadMb * MIB)
  }

  /** Where this caller sees the model, and how files are shown to it. */
  context(req: Request, model: HostedModel): ConfigContext {
    const { config, files } = this.deps
    const root = `${publicRoot(req, config.rootPath)}/${model.name}`
    return { root, apiRoot: root + API_PREFIX, files, maxUploadBytes: this.maxUploadBytes }
  }

  /** Reads the inputs and submits them. @throws {HostError} */
  async submit(call: Call, data: readonly unknown[], mode: SubmitOptions['mode'], signal: AbortSignal): Promise<Prediction> {
    const { gateway, files, config } = this.deps
    const { req, res, model, spec, arrivedMs } = call
    const timeoutMs = callerTimeoutMs(req)
    const inputs = await readInputs(spec, data, { files, maxBytes: this.maxUploadBytes, allowPrivateUrls: config.allowPrivateUrls, signal })
    const { traceparent } = req.headers
    return gateway.submit(model, inputs, {
      requestId: res.locals.requestId,
      mode,
      // A deadline that passed while files were fetched is told by the gateway like any other.
      timeoutMs: timeoutMs === undefined ? undefined : Math.max(1, Math.ceil(timeoutMs - (performance.now() - arrivedMs))),
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    })
  }

  /**
   * Submits a call whose end is told later. Refused inputs are told there as well; what the host cannot take is thrown at once.
   *
   * @throws {HostError}
   */
  async begin(call: Call, data: readonly unknown[], mode: 'stream' | 'background', caller: Caller): Promise<GradioEvent> {
    const abandon = new AbortController()
    const work = this.submit(call, data, mode, abandon.signal).then((prediction): Work => ({ prediction }), (error: unknown): Work => ({ error: toHostError(error) }))
    const settled = mayFetch(call.spec) ? await firstOf(work, PATIENCE_MS) : await work
    if (settled !== null && 'error' in settled && !isForStream(settled.error)) throw settled.error
    const id = settled !== null && 'prediction' in settled ? settled.prediction.id : newEventId()
    const { gateway, log } = this.deps
    const { model, spec, res } = call
    return new GradioEvent({
      id,
      sessionHash: caller.sessionHash ?? id,
      requestId: res.locals.requestId,
      spec,
      pace: () => this.pace(model),
      work: settled ?? work,
      abandon: () => abandon.abort(),
      audience: caller.audience,
      reattachMs: model.limits.reattachMs,
      gateway,
      log,
    })
  }
}

/** Clients show the text of an event; of a status most show but a number. */
function isForStream(error: HostError): boolean {
  return error.code === 'INVALID_INPUT'
}

async function firstOf<Value>(promise: Promise<Value>, ms: number): Promise<Value | null> {
  const late = Promise.withResolvers<null>()
  const timer = setTimeout(() => late.resolve(null), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
