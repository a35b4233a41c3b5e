/**
 * The plain prediction, JSON in and JSON out, answered below Express: it is nearly all that a host under load is asked for, and what Express makes of a request
 * costs as much as our own work on it (decisions/013). Whatever is not plain takes the other way, through `predict.ts`, to the same end.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Express, Request } from 'express'

import { hasFiles } from '../../workers/components.ts'
import { freeBuffer } from '../../workers/free-buffer.ts'
import type { AppDeps } from '../app.ts'
import { takeJsonObject } from '../body.ts'
import type { HostedModel } from '../hosted-model.ts'
import { answerError } from '../http-errors.ts'
import { saneRequestId } from '../log.ts'
import type { Prediction } from '../prediction.ts'
import { createHostRule } from '../security/hosts.ts'
import { createRender } from './answer.ts'
import { callerTimeoutMs, submitOptions } from './predict-options.ts'

/** Under this pattern Express knows the route. */
const ROUTE = '/:model/predict'
const ACTION = '/predict'

/** @returns False when the request is another's to answer, untouched. */
export type PlainPredict = (req: IncomingMessage, res: ServerResponse) => boolean

/** @param app What answers all else. */
export function createPlainPredict(deps: AppDeps, app: Express): PlainPredict {
  const isServed = createHostRule(deps.config.allowedHosts)
  const maxBodyBytes = deps.config.maxBodyMb * 1024 * 1024
  return (req, res) => {
    const model = plainModel(deps, req)
    if (model === null || !isServed(req)) return false
    const exchange = new PlainExchange(deps, app, req, res)
    try {
      const timeoutMs = callerTimeoutMs(req)
      takeJsonObject(req, maxBodyBytes, (body, json) => exchange.submit(model, body, timeoutMs, json), (error) => exchange.fail(error))
    } catch (error) {
      exchange.fail(error)
    }
    return true
  }
}

/** The model that the request is for, when nothing about it needs more than its JSON. */
function plainModel({ gateway }: AppDeps, { method, url, headers }: IncomingMessage): HostedModel | null {
  if (method !== 'POST' || headers['content-type'] !== 'application/json' || headers.prefer !== undefined || headers.origin !== undefined) return null
  if (headers.accept !== undefined && headers.accept !== '*/*' && headers.accept !== 'application/json') return null
  if (url === undefined || !url.startsWith('/') || !url.endsWith(ACTION)) return null
  // Whatever else is in the path, no model has such a name.
  const model = gateway.hosted(url.slice(1, -ACTION.length))
  return model !== undefined && model.isPlain ? model : null
}

/** One request and its answer. */
class PlainExchange {
  readonly #deps: AppDeps
  readonly #app: Express
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #requestId: string
  readonly #startedMs = performance.now()
  #prediction: Prediction | null = null

  constructor(deps: AppDeps, app: Express, req: IncomingMessage, res: ServerResponse) {
    this.#deps = deps
    this.#app = app
    this.#req = req
    this.#res = res
    this.#requestId = saneRequestId(req.headers['x-request-id'])
    res.once('close', () => this.#closed())
  }

  submit(model: HostedModel, inputs: unknown, timeoutMs: number | undefined, json: Buffer | undefined): void {
    // He left while his body was read.
    if (this.#res.destroyed) return freeJson(json)
    try {
      this.#prediction = this.#deps.gateway.submit(model, inputs, submitOptions(this.#req, this.#requestId, 'answer', timeoutMs, this.#startedMs), json)
    } catch (error) {
      freeJson(json)
      return this.fail(error)
    }
    this.#prediction.whenEnded((prediction) => this.#answer(prediction))
  }

  fail(thrown: unknown): void {
    const res = this.#res
    if (!res.headersSent) {
      res.setHeader('x-request-id', this.#requestId)
      res.setHeader('x-content-type-options', 'nosniff')
      if (this.#prediction !== null) res.setHeader('x-prediction-id', this.#prediction.id)
    }
    answerError(this.#deps.log, thrown, res, this.#requestId)
  }

  #answer(prediction: Prediction): void {
    if (this.#res.destroyed) return
    if (prediction.error !== undefined) return this.fail(prediction.error)
    try {
      this.#send(prediction.id, this.#bodyOf(prediction))
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  /** The model may have become one that gives files while this waited; links to them depend on the request, which Express can read. */
  #bodyOf(prediction: Prediction): string | Buffer {
    const { encodedOutputs, outputSpecs } = prediction
    if (encodedOutputs !== undefined && !hasFiles(outputSpecs)) {
      encodedOutputs.hold()
      this.#res.once('close', () => encodedOutputs.release())
      return encodedOutputs.bytes
    }
    const { files, config } = this.#deps
    return JSON.stringify(createRender(() => asExpress(this.#app, this.#req), outputSpecs, files, config.rootPath)(prediction.outputs ?? {}))
  }

  #send(predictionId: string, body: string | Buffer): void {
    const length = Buffer.byteLength(body)
    this.#res.writeHead(200, [
      'x-request-id', this.#requestId, 'x-content-type-options', 'nosniff', 'x-prediction-id', predictionId,
      'content-type', 'application/json; charset=utf-8', 'content-length', String(length),
    ])
    // Text without an accent is the same in both, and shorter to write.
    this.#res.end(body, length === body.length ? 'latin1' : 'utf8')
  }

  #closed(): void {
    this.#deps.metrics.observeHttp(ROUTE, this.#res, (performance.now() - this.#startedMs) / 1_000)
    if (this.#prediction !== null && !this.#res.writableEnded) this.#deps.gateway.cancel(this.#prediction)
  }
}

function freeJson(json: Buffer | undefined): void {
  if (json !== undefined) freeBuffer(json)
}

/** What Express does first with each request. */
function asExpress(app: Express, req: IncomingMessage): Request {
  const made: Request = Object.setPrototypeOf(req, app.request)
  return made
}
