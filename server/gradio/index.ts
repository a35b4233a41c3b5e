/** Gradio's wire protocol as an adapter over the gateway, for `@gradio/client` and `gradio_client`. Its names stop at this folder's door. */
import { Router } from 'express'
import type { NextFunction, Request, RequestHandler, Response } from 'express'

import { RequestError } from '../../workers/errors.ts'
import type { AppDeps } from '../app.ts'
import { RESERVED_NAMES } from '../registry.ts'
import { API_PREFIX } from './app-config.ts'
import { callRoutes } from './call-routes.ts'
import { createGradioErrorHandler } from './errors.ts'
import { fileRoutes } from './file-routes.ts'
import { GradioHost } from './gradio-host.ts'
import { keepForSiblings } from './keepers.ts'
import { queueRoutes } from './queue-routes.ts'
import type { Route } from './routes.ts'
import { apiRoutes, appRoutes } from './small-routes.ts'

/** Below a first segment that is a model's name. */
const OURS = /^\/([^/]+)\/(?:gradio_api(?:\/|$)|(?:config|login|logout|upload|theme\.css|monitoring(?:\/summary)?)\/?$|call\/|file=)/

/** The model that a path names, if it is a path of Gradio's. What the host has at its top beside models is not. */
function modelOf(path: string): string | undefined {
  const name = OURS.exec(path)?.[1]
  return name === undefined || RESERVED_NAMES.has(name) ? undefined : name
}

/** All routes below `/<model>/` that belong to Gradio; every other request passes on untouched. */
export function createGradioRouter(deps: AppDeps): Router {
  const router = Router({ caseSensitive: true })
  const host = new GradioHost(deps)
  keepForSiblings(host)
  const calls = callRoutes(host)
  const files = fileRoutes(host)
  router.use((req, _res, next) => next(modelOf(req.path) === undefined ? 'router' : undefined))
  mount(router, `/:model${API_PREFIX}`, [...queueRoutes(host), ...calls, ...files, ...apiRoutes(host)])
  mount(router, '/:model', appRoutes(host))
  // Older guides leave the prefix out.
  mount(router, '/:model', [...calls, ...files].filter(({ path }) => path.startsWith('/call/') || path === '/upload' || path.startsWith('/file=')))
  router.use((req) => {
    deps.gateway.model(modelOf(req.path) ?? '')
    throw new RequestError('NOT_FOUND', 'Not Found')
  })
  router.use(createGradioErrorHandler(deps.log))
  return router
}

function mount(router: Router, prefix: string, routes: Route[]): void {
  for (const { method, path, handle, streams } of routes) {
    const handler: RequestHandler = (req, res, next) => (streams === true && req.method === 'HEAD' ? next() : handle(req, res))
    router[method](prefix + path, handler)
  }
  for (const [path, methods] of methodsByPath(routes)) router.all(prefix + path, notAllowed(methods))
}

function methodsByPath(routes: Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>()
  for (const { method, path, streams } of routes) methods.set(path, [...(methods.get(path) ?? []), ...allowed(method, streams === true)])
  return methods
}

function allowed(method: Route['method'], isStream: boolean): string[] {
  if (method === 'post') return ['POST']
  return isStream ? ['GET'] : ['GET', 'HEAD']
}

function notAllowed(methods: string[]): RequestHandler {
  return (_req: Request, res: Response, _next: NextFunction) => {
    res.set('allow', methods.join(', '))
    throw new RequestError('METHOD_NOT_ALLOWED', 'Method Not Allowed')
  }
}
