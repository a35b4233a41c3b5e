/** Pages for people: the built ones where there is a build, the plain ones where there is none, a model's own where it brings one. */
import type { ErrorRequestHandler, Express, Request, RequestHandler } from 'express'

import { HostError } from '../../workers/errors.ts'
import type { AppDeps } from '../app.ts'
import { namedModel } from '../rest/named-model.ts'
import { createIndexPage as createPlainIndex, createModelPage as createPlainModelPage } from '../rest/pages.ts'
import type { ModelParams } from '../rest/predict.ts'
import { addRoute } from '../rest/route.ts'
import { type BuiltPages, openBuiltPages } from './built-pages.ts'
import { OwnPages } from './own-page.ts'

export interface Pages {
  index: RequestHandler
  model: RequestHandler<ModelParams>
  /** Takes a request that wants a page, and leaves a program's to `next`. */
  status: RequestHandler
  /** An unknown address, opened in a browser, is a page. Everything else goes on to the error handler. */
  notFound: ErrorRequestHandler
}

export function createPages(app: Express, deps: AppDeps): Pages {
  const built = openBuiltPages(deps.config.rootPath)
  if (built === null) deps.log.warn('the pages are not built, the plain ones are served: run `npm run build:ui`')
  else addRoute(app, '/assets/ui/:file', { get: built.sendAsset })
  return {
    index: built === null ? createPlainIndex(deps) : (req, res) => built.send(req, res, 'index'),
    model: createModelPage(app, deps, built),
    status: (req, res, next) => {
      if (built !== null && wantsPage(req)) built.send(req, res, 'status')
      else next()
    },
    notFound: (error, req, res, next) => {
      if (built !== null && isNotFound(error) && !res.headersSent && wantsPage(req)) built.send(req, res, 'not-found', 404)
      else next(error)
    },
  }
}

function createModelPage(app: Express, deps: AppDeps, built: BuiltPages | null): RequestHandler<ModelParams> {
  const own = new OwnPages(deps.config.models)
  const plain = createPlainModelPage(deps)
  const isHosted = ({ model }: ModelParams): void => void namedModel(deps.gateway, model)
  addRoute<OwnFileParams>(app, '/:model/page/*file', { get: async (req, res) => await own.sendFile(req, res, namedModel(deps.gateway, req.params.model).name, req.params.file) }, isHosted)
  return async (req, res, next) => {
    const { name } = namedModel(deps.gateway, req.params.model)
    if (await own.sendIndex(req, res, name)) return
    if (built === null) await plain(req, res, next)
    else built.send(req, res, 'model')
  }
}

type OwnFileParams = { model: string; file: string[] }

/** A program that takes anything gets data; a browser says that it prefers a page. */
function wantsPage(req: Request): boolean {
  return (req.method === 'GET' || req.method === 'HEAD') && req.accepts(['application/json', 'text/html']) === 'text/html'
}

function isNotFound(error: unknown): boolean {
  return error instanceof HostError && (error.code === 'NOT_FOUND' || error.code === 'MODEL_NOT_FOUND')
}
