/** Assembles Express: what every request passes, then the routes, then what no route took. Never listens. */
import type { RequestListener } from 'node:http'
import { performance } from 'node:perf_hooks'
import express from 'express'
import type { Express, Request, RequestHandler, Response } from 'express'

import { RequestError } from '../workers/errors.ts'
import type { SupervisionEvent } from '../workers/contract.ts'
import type { Config } from './config.ts'
import type { FileStore } from './files/store.ts'
import type { Gateway } from './gateway.ts'
import { createGradioRouter } from './gradio/index.ts'
import { createErrorHandler } from './http-errors.ts'
import { saneRequestId } from './log.ts'
import type { Logger } from './log.ts'
import type { MemoryGuard } from './memory-guard.ts'
import type { Metrics } from './metrics.ts'
import { createPages } from './pages/routes.ts'
import { mountRest } from './rest/routes.ts'
import { createPlainPredict } from './rest/plain-predict.ts'
import { createPredictHandler } from './rest/predict.ts'
import { createHostCheck } from './security/hosts.ts'
import { createOriginCheck } from './security/origins.ts'
import type { Siblings } from './siblings/siblings.ts'
import { mountStatus } from './status/routes.ts'

/** What the routes need; built once, in main. */
export interface AppDeps {
  config: Config
  gateway: Gateway
  files: FileStore
  metrics: Metrics
  memory: MemoryGuard
  log: Logger
  siblings: Siblings
  startedAt: Date
  version: string
  /** Recent supervision events of all models, oldest first. */
  events(): SupervisionEvent[]
}

declare global {
  namespace Express {
    interface Locals {
      requestId: string
      /** Monotonic ms. */
      startedMs: number
    }
  }
}

/** The whole HTTP face as a request listener. */
export function createApp(deps: AppDeps): Express {
  const app = express()
  app.set('trust proxy', deps.config.trustProxy)
  app.set('case sensitive routing', true)
  app.set('strict routing', true)
  app.set('query parser', 'simple')
  app.set('etag', false)
  app.disable('x-powered-by')
  app.use(createEntrance(deps))
  // First of all routes: the router tries them in order.
  app.post('/:model/predict', createPredictHandler(deps))
  const pages = createPages(app, deps)
  mountStatus(app, deps, pages)
  app.use(createGradioRouter(deps))
  mountRest(app, deps, pages)
  app.use((req: Request) => {
    decodeURIComponent(req.path)
    throw new RequestError('NOT_FOUND', 'There is nothing at this address.')
  })
  app.use(pages.notFound)
  app.use(createErrorHandler(deps.log))
  return app
}

/** The host's face to the network: plain predictions, and before all else that Express has. */
export function createFace(deps: AppDeps, app: Express): RequestListener {
  const plain = createPlainPredict(deps, app)
  return (req, res) => {
    if (!plain(req, res)) app(req, res)
  }
}

/** What every request passes: its id, its measure, and whether it may come in at all. */
function createEntrance({ config, metrics }: AppDeps): RequestHandler {
  const checkHost = createHostCheck(config.allowedHosts)
  const checkOrigin = createOriginCheck(config)
  // One function for all requests; `this` is the response that closed.
  function observe(this: Response): void {
    metrics.observeHttp(routeOf(this.req), this, (performance.now() - this.locals.startedMs) / 1_000)
  }
  return (req, res, next) => {
    res.locals.requestId = saneRequestId(req.headers['x-request-id'])
    res.locals.startedMs = performance.now()
    res.setHeader('x-request-id', res.locals.requestId)
    res.setHeader('x-content-type-options', 'nosniff')
    res.once('close', observe)
    checkHost(req)
    if (checkOrigin(req, res) === 'passed') next()
  }
}

const NO_ROUTE = 'none'

/** The pattern that took the request: few, whatever callers ask for. */
function routeOf(req: Response['req']): string {
  const path: unknown = req.route?.path
  return typeof path === 'string' ? path.replaceAll('{/}', '') : NO_ROUTE
}
