/** Predictions by id: asked again after a lost connection or from the background, and cancelled. */
import type { Request, RequestHandler, Response } from 'express'

import type { Values } from '../../workers/contract.ts'
import { RequestError } from '../../workers/errors.ts'
import type { AppDeps } from '../app.ts'
import { problemOf } from '../http-errors.ts'
import type { Problem } from '../http-errors.ts'
import type { Prediction, PredictionState } from '../prediction.ts'
import { answerForm, createOutputRender, sendJson } from './answer.ts'
import type { Render } from './answer.ts'
import { streamPrediction } from './event-stream.ts'
import { lastSeenEvent, wantsAppends } from './predict-options.ts'

type PredictionParams = { model: string; id: string }

/** A prediction as JSON. */
export interface PredictionView {
  id: string
  state: PredictionState
  outputs?: Values
  error?: Problem
}

/** `GET`: the state as JSON, or the latest output and all later events. */
export function createPredictionReader(deps: AppDeps): RequestHandler<PredictionParams> {
  return async (req, res) => {
    const prediction = await find(deps, req, res)
    if (prediction === null) return
    const render = createOutputRender(req, prediction, deps.files, deps.config.rootPath)
    if (answerForm(req) === 'events' && req.method !== 'HEAD') {
      await streamPrediction(res, prediction, { after: lastSeenEvent(req), appends: wantsAppends(req), render })
      return
    }
    res.setHeader('x-prediction-id', prediction.id)
    res.setHeader('cache-control', 'no-store')
    sendJson(res, 200, viewOf(prediction, render))
  }
}

/** `DELETE`: cancels. Of one that has ended, nothing changes. */
export function createPredictionCanceller(deps: AppDeps): RequestHandler<PredictionParams> {
  return async (req, res) => {
    const prediction = await find(deps, req, res)
    if (prediction === null) return
    deps.gateway.cancel(prediction)
    sendJson(res, 202, { id: prediction.id, state: prediction.state })
  }
}

/** Null when another front has it and has answered. */
async function find({ gateway, siblings }: AppDeps, req: Request<PredictionParams>, res: Response): Promise<Prediction | null> {
  const { model, id } = req.params
  // Before the model: it may be hosted no more, and what it did can still be read.
  const known = gateway.prediction(model, id)
  if (known !== undefined) return known
  const { name } = gateway.model(model)
  if (await siblings.pass(req, res, { kind: 'prediction', model: name, id })) return null
  // One that has it no more may have left it to us meanwhile.
  const inherited = gateway.prediction(name, id)
  if (inherited === undefined) throw new RequestError('NOT_FOUND', 'There is no such prediction; one is kept for 5 minutes after its end.')
  return inherited
}

function viewOf(prediction: Prediction, render: Render): PredictionView {
  const { id, state, outputs, error } = prediction
  const view: PredictionView = { id, state }
  if (outputs !== undefined) view.outputs = render(outputs)
  if (error !== undefined) view.error = problemOf(error, prediction.requestId)
  return view
}
