/** `POST /<model>/predict`: named inputs in; one answer, a stream of events, or a place to ask later. */
import { performance } from 'node:perf_hooks'
import type { Request, RequestHandler, Response } from 'express'

import { hasFiles } from '../../workers/components.ts'
import { RequestError } from '../../workers/errors.ts'
import type { AppDeps } from '../app.ts'
import { readJsonObject } from '../body.ts'
import type { JsonObject } from '../body.ts'
import type { SubmitMode, SubmitOptions } from '../gateway.ts'
import type { HostedModel } from '../hosted-model.ts'
import type { Prediction } from '../prediction.ts'
import { publicPrefix } from '../security/public-root.ts'
import { answerForm, createOutputRender, createRender, sendJson } from './answer.ts'
import { streamPrediction } from './event-stream.ts'
import { removeFiles } from './input-files.ts'
import type { StoredInputs } from './input-files.ts'
import { isMultipart, readInputs } from './inputs.ts'
import { callerTimeoutMs, deadlinePassed, prefersAsync, submitOptions, wantsAppends } from './predict-options.ts'

export type ModelParams = { model: string }

/** What is not as plain as `plain-predict.ts` wants it: files, forms, streams, `Prefer`, pages of other origins. */
export function createPredictHandler(deps: AppDeps): RequestHandler<ModelParams> {
  const maxBodyBytes = deps.config.maxBodyMb * 1024 * 1024
  return async (req, res) => {
    const arrivedMs = performance.now()
    const model = deps.gateway.model(req.params.model)
    const mode = modeOf(req)
    const timeoutMs = callerTimeoutMs(req)
    const body = isMultipart(req) ? null : await readJsonObject(req, maxBodyBytes)
    const isReady = body !== null && model.spec !== null && !hasFiles(model.spec.inputs)
    const stored = isReady ? { inputs: body, used: [], made: [] } : await prepare(deps, req, res, model, body, timeoutMs)
    if (res.destroyed) {
      discard(deps, stored)
      return
    }
    const prediction = submit(deps, res, model, stored, submitOptions(req, res.locals.requestId, mode, timeoutMs, arrivedMs))
    // Returned, not awaited: while thousands wait, nothing of this function is kept.
    if (mode === 'answer') return answer(deps, req, res, prediction)
    if (mode === 'background') return accept(deps, res, prediction)
    const render = createOutputRender(req, prediction, deps.files, deps.config.rootPath)
    return streamPrediction(res, prediction, { after: undefined, appends: wantsAppends(req), render })
  }
}

/** `Prefer: respond-async` wins over an accepted event stream, which is what the caller can still open at the place it is told. */
function modeOf(req: Request<ModelParams>): SubmitMode {
  const form = answerForm(req)
  if (prefersAsync(req)) return 'background'
  return form === 'events' ? 'stream' : 'answer'
}

/** What may take time before a prediction exists: the model's description, a form, files. Ends when the caller leaves or its deadline passes. */
async function prepare(
  deps: AppDeps, req: Request<ModelParams>, res: Response, model: HostedModel, body: JsonObject | null, timeoutMs: number | undefined,
): Promise<StoredInputs> {
  const waiting = startWaiting(res, timeoutMs)
  try {
    const spec = model.spec ?? (await model.whenDescribedForWork(waiting.signal))
    return await readInputs(deps, req, spec, body, waiting.signal)
  } catch (error) {
    // Whoever stops for the signal may throw an error of its own; the reason is what the caller is told.
    throw waiting.signal.aborted ? waiting.signal.reason : error
  } finally {
    waiting.stop()
  }
}

/** Files of a prediction stay until it has ended; those of a refused one go at once. */
function submit(deps: AppDeps, res: Response, model: HostedModel, stored: StoredInputs, options: SubmitOptions): Prediction {
  try {
    const prediction = deps.gateway.submit(model, stored.inputs, options)
    if (stored.used.length > 0) holdFiles(deps, prediction, stored)
    return prediction
  } catch (error) {
    discard(deps, stored)
    throw error
  }
}

function holdFiles({ files }: AppDeps, prediction: Prediction, { used }: StoredInputs): void {
  const releases = used.map((file) => files.hold(file))
  const release = (): void => releases.forEach((giveBack) => giveBack())
  prediction.result().then(release, release)
}

function discard({ files, log }: AppDeps, { made }: StoredInputs): void {
  if (made.length > 0) removeFiles(files, made).catch((error: unknown) => log.debug({ error }, 'files of a refused request not removed'))
}

function startWaiting(res: Response, timeoutMs: number | undefined): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  const leave = (): void => controller.abort(new RequestError('CANCELLED', 'The caller left.'))
  const pass = (): void => controller.abort(deadlinePassed())
  const timer = timeoutMs === undefined ? undefined : setTimeout(pass, timeoutMs)
  res.once('close', leave)
  const stop = (): void => {
    clearTimeout(timer)
    res.off('close', leave)
  }
  return { signal: controller.signal, stop }
}

function answer(deps: AppDeps, req: Request<ModelParams>, res: Response, prediction: Prediction): Promise<void> {
  res.setHeader('x-prediction-id', prediction.id)
  res.on('close', () => {
    if (!res.writableEnded) deps.gateway.cancel(prediction)
  })
  return prediction.result().then((outputs) => {
    if (res.destroyed) return
    // What it gives is known only now: the model may have become another while it waited.
    sendJson(res, 200, createRender(() => req, prediction.outputSpecs, deps.files, deps.config.rootPath)(outputs))
  })
}

function accept(deps: AppDeps, res: Response, prediction: Prediction): void {
  res.setHeader('x-prediction-id', prediction.id)
  res.setHeader('location', `${publicPrefix(deps.config.rootPath)}/${prediction.model}/predictions/${prediction.id}`)
  res.setHeader('preference-applied', 'respond-async')
  sendJson(res, 202, { id: prediction.id, state: prediction.state })
}
