/** The native routes, but for the hot one. */
import type { Express } from 'express'

import type { AppDeps } from '../app.ts'
import type { Pages } from '../pages/routes.ts'
import { createDocsAssets, sendDocsPage } from './docs.ts'
import { createModelsHandler, createSpecHandler } from './models.ts'
import { namedModel } from './named-model.ts'
import { createModelOpenApiHandler, createOpenApiHandler } from './openapi.ts'
import { createSlashRedirect } from './pages.ts'
import type { ModelParams } from './predict.ts'
import { createPredictHandler } from './predict.ts'
import { createPredictionCanceller, createPredictionReader } from './predictions.ts'
import { addRoute } from './route.ts'
import { createFileHandler } from './stored-file.ts'

export function mountRest(app: Express, deps: AppDeps, pages: Pages): void {
  mountHost(app, deps, pages)
  mountModel(app, deps, pages)
}

function mountHost(app: Express, deps: AppDeps, pages: Pages): void {
  addRoute(app, '/', { get: pages.index })
  addRoute(app, '/models{/}', { get: createModelsHandler(deps) })
  addRoute(app, '/openapi.json', { get: createOpenApiHandler(deps) })
  addRoute(app, '/docs', { get: sendDocsPage })
  addRoute(app, '/docs/assets/:asset', { get: createDocsAssets() })
  addRoute(app, '/file/:area/:id/:name', { get: createFileHandler(deps) })
}

function mountModel(app: Express, deps: AppDeps, pages: Pages): void {
  const isHosted = ({ model }: ModelParams): void => void namedModel(deps.gateway, model)
  addRoute(app, '/:model/predict{/}', { post: createPredictHandler(deps) }, isHosted)
  addRoute(app, '/:model/predictions/:id', { get: createPredictionReader(deps), delete: createPredictionCanceller(deps) }, isHosted)
  addRoute(app, '/:model/spec{/}', { get: createSpecHandler(deps) }, isHosted)
  addRoute(app, '/:model/openapi.json', { get: createModelOpenApiHandler(deps) }, isHosted)
  addRoute(app, '/:model', { get: createSlashRedirect(deps) }, isHosted)
  addRoute(app, '/:model/', { get: pages.model }, isHosted)
}
