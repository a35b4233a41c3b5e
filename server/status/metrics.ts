/** `GET /metrics`, for Prometheus. */
import type { RequestHandler } from 'express'

import type { Metrics } from '../metrics.ts'

export function createMetricsHandler(metrics: Metrics): RequestHandler {
  return async (_req, res) => {
    const text = await metrics.text()
    res.setHeader('content-type', metrics.contentType)
    res.setHeader('cache-control', 'no-store')
    res.end(text)
  }
}
