/** What operators and their tools ask: health, status, metrics, and the orders they give. */
import type { Express } from 'express'

import type { AppDeps } from '../app.ts'
import type { Pages } from '../pages/routes.ts'
import { addRoute } from '../rest/route.ts'
import { createCanaryHandler, createRestartHandler } from '../security/admin.ts'
import { createReadyHandler, createServingHandler, sendLive } from './health.ts'
import { createMetricsHandler } from './metrics.ts'
import { createStatusHandler } from './status.ts'

export function mountStatus(app: Express, deps: AppDeps, pages: Pages): void {
  app.get('/status{/}', pages.status)
  addRoute(app, '/health{/}', { get: sendLive })
  addRoute(app, '/health/live{/}', { get: sendLive })
  addRoute(app, '/health/ready{/}', { get: createReadyHandler(deps.gateway) })
  addRoute(app, '/health/serving{/}', { get: createServingHandler(deps.gateway) })
  addRoute(app, '/status{/}', { get: createStatusHandler(deps) })
  addRoute(app, '/metrics{/}', { get: createMetricsHandler(deps.metrics) })
  addRoute(app, '/admin/:model/restart{/}', { post: createRestartHandler(deps) })
  addRoute(app, '/admin/:model/canary{/}', { post: createCanaryHandler(deps) })
}
