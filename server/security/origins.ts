/** Which web pages may call: the same origin, and those of `allowedOrigins`. Callers that are no browser send no `Origin` and pass. */
import type { Request, Response } from 'express'

import { RequestError } from '../../workers/errors.ts'
import { publicOrigin } from './public-root.ts'

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
const EXPOSED_HEADERS = 'x-request-id, x-prediction-id, location, retry-after, preference-applied'
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
const PREFLIGHT_SECONDS = '600'

export interface OriginSettings {
  /** Origins like `https://example.org`, or `*` for all. */
  allowedOrigins: readonly string[]
  rootPath: string
}

/** Has the request been answered already (a preflight), or does it go on? */
export type OriginVerdict = 'answered' | 'passed'

/**
 * @returns A check for requests that carry an `Origin`: grants CORS to whom it is due, answers preflights.
 *   Throws `FORBIDDEN` for a preflight or an unsafe request of any other page; a safe one passes without a grant, so that the page cannot read the answer.
 */
export function createOriginCheck(settings: OriginSettings): (req: Request, res: Response) => OriginVerdict {
  const allowsAll = settings.allowedOrigins.includes('*')
  const allowed = new Set(settings.allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')))
  return (req, res) => {
    const { origin } = req.headers
    if (origin === undefined) return 'passed'
    res.vary('origin')
    const same = isSameOrigin(req, settings.rootPath)
    const isPreflight = req.method === 'OPTIONS' && req.headers['access-control-request-method'] !== undefined
    if (!same && !allowsAll && !allowed.has(origin.toLowerCase())) {
      if (isPreflight || !SAFE_METHODS.has(req.method)) {
        throw new RequestError('FORBIDDEN', 'Pages of this origin may not call here. The setting allowedOrigins lists those that may.')
      }
      return 'passed'
    }
    grant(res, origin)
    if (!isPreflight) return 'passed'
    answerPreflight(req, res)
    return 'answered'
  }
}

/** Does the calling page come from this host itself? */
export function isSameOrigin(req: Request, rootPath: string): boolean {
  const { origin } = req.headers
  if (origin === undefined || origin === 'null') return false
  // A proxy may end TLS and not say so; the browser's own word then decides. The host check has already refused rebound names.
  if (req.headers['sec-fetch-site'] === 'same-origin') return true
  if (origin.toLowerCase() === publicOrigin(req).toLowerCase()) return true
  return URL.canParse(rootPath) && new URL(rootPath).origin === origin.toLowerCase()
}

/** Credentials are allowed because Gradio's client in a page always sends its requests with them. */
function grant(res: Response, origin: string): void {
  res.setHeader('access-control-allow-origin', origin)
  res.setHeader('access-control-allow-credentials', 'true')
  res.setHeader('access-control-expose-headers', EXPOSED_HEADERS)
}

function answerPreflight(req: Request, res: Response): void {
  res.setHeader('access-control-allow-methods', METHODS)
  const headers = req.headers['access-control-request-headers']
  if (headers !== undefined) res.setHeader('access-control-allow-headers', headers)
  res.setHeader('access-control-max-age', PREFLIGHT_SECONDS)
  res.status(204).end()
}
