/** Predictions by id: asked again after a lost connection or from the background, and cancelled. */
import type { RequestHandler } from 'express'

import type { Values } from '../../workers/contract.ts'
import { RequestError } from '../../workers/errors.ts'
import type { AppDeps } from '../app.ts'
import { problemOf } from '../http-errors.ts'
import type { Problem } from '../http-errors.ts'
import type { Prediction, PredictionState } from '../prediction.ts'
import { answerForm, createRender, sendJson } from './answer.ts'
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
    const prediction = find(deps, req.params)
    const { spec } = deps.gateway.model(prediction.model)
    const render = createRender(req, spec?.outputs ?? {}, deps.files, deps.config.rootPath)
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
  return (req, res) => {
    const prediction = find(deps, req.params)
    deps.gateway.cancel(prediction)
    sendJson(res, 202, { id: prediction.id, state: prediction.state })
  }
}

function find(deps: AppDeps, { model, id }: PredictionParams): Prediction {
  const { name } = deps.gateway.model(model)
  const prediction = deps.gateway.prediction(name, id)
  if (prediction === undefined) throw new RequestError('NOT_FOUND', 'There is no such prediction; one is kept for 5 minutes after its end.')
  return prediction
}

function viewOf(prediction: Prediction, render: Render): PredictionView {
  const { id, state, outputs, error } = prediction
  const view: PredictionView = { id, state }
  if (outputs !== undefined) view.outputs = render(outputs)
  if (error !== undefined) view.error = problemOf(error, prediction.requestId)
  return view
}
