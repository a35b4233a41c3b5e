/** Health for load balancers and orchestrators: live means that the process answers, ready that work sent now is taken, serving that work has come out lately. */
import type { RequestHandler } from 'express'

import { HTTP_STATUS } from '../http-errors.ts'
import type { Gateway } from '../gateway.ts'
import { withoutPaths } from './public-text.ts'
import { sendJson } from '../rest/answer.ts'
import type { ModelView } from '../model-view.ts'
import type { ServingSnapshot } from '../serving.ts'

/** Why the host is not ready; `model` is absent when it concerns all. */
export interface NotReadyReason {
  model?: string
  state: string
  cause?: string
  retryAt?: string
}

export const sendLive: RequestHandler = (_req, res) => {
  res.setHeader('cache-control', 'no-store')
  sendJson(res, 200, { status: 'live' })
}

export function createReadyHandler(gateway: Gateway): RequestHandler {
  return (_req, res) => {
    const reasons = notReadyReasons(gateway)
    const isReady = reasons.length === 0
    res.setHeader('cache-control', 'no-store')
    if (!isReady) res.setHeader('retry-after', '1')
    sendJson(res, isReady ? 200 : HTTP_STATUS.NOT_READY, { status: isReady ? 'ready' : 'not ready', reasons })
  }
}

/** For whoever watches: the first two say what should work, this one what did. 503 while a model is asked and finishes nothing. */
export function createServingHandler(gateway: Gateway): RequestHandler {
  return (_req, res) => {
    const models = gateway.models().map((model) => servingOf(model.view()))
    const isServing = models.every(({ serving }) => serving)
    res.setHeader('cache-control', 'no-store')
    sendJson(res, isServing ? 200 : HTTP_STATUS.NOT_READY, { status: isServing ? 'serving' : 'not serving', models })
  }
}

function servingOf({ name, serving, lastSuccessAt, lastFinishedAt }: ModelView): ServingSnapshot & { model: string } {
  return { model: name, serving, lastSuccessAt, lastFinishedAt }
}

function notReadyReasons(gateway: Gateway): NotReadyReason[] {
  const reasons: NotReadyReason[] = gateway.isDraining() ? [{ state: 'draining', cause: 'the host is stopping' }] : []
  for (const model of gateway.models()) {
    const view = model.view()
    if (view.state !== 'ready' && !view.quarantined) reasons.push(reasonFor(view))
  }
  return reasons
}

function reasonFor({ name, state, cause, retryAt }: ModelView): NotReadyReason {
  return { model: name, state, ...(cause !== null && { cause: withoutPaths(cause) }), ...(retryAt !== null && { retryAt }) }
}
