/**
 * `GET /docs`: the API description in a reader, swagger-ui, served from its package; nothing comes from elsewhere.
 * It needs `style-src 'unsafe-inline'` and `img-src data:` from the content security policy, and no `eval`.
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import express from 'express'
import type { RequestHandler } from 'express'

import { RequestError } from '../../workers/errors.ts'
import { sendPage } from '../security/headers.ts'

/** The package's own start page and script name another API; these are all that is needed. */
const ASSETS: ReadonlySet<string> = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'])
/** Ours, beside the package's: as it comes, it has faint colours, a link within a button, and controls without a name. */
const OWN_ASSETS: ReadonlySet<string> = new Set(['start.js', 'reader.css'])
const OWN_FOLDER = fileURLToPath(new URL('reader/', import.meta.url))

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>API · Footlights</title>
<link rel="icon" href="docs/assets/favicon-32x32.png"><link rel="stylesheet" href="docs/assets/swagger-ui.css"><link rel="stylesheet" href="docs/assets/reader.css"></head>
<body><main id="reader"></main><script src="docs/assets/swagger-ui-bundle.js"></script><script src="docs/assets/start.js"></script></body></html>`

export const sendDocsPage: RequestHandler = (_req, res) => sendPage(res, PAGE)

export function createDocsAssets(): RequestHandler<{ asset: string }> {
  const root = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const options = { index: false, redirect: false, fallthrough: false }
  const serve = express.static(root, { ...options, maxAge: '1h' })
  const serveOwn = express.static(OWN_FOLDER, { ...options, cacheControl: false, setHeaders: (res) => void res.setHeader('cache-control', 'no-cache') })
  return (req, res, next) => {
    const { asset } = req.params
    if (!ASSETS.has(asset) && !OWN_ASSETS.has(asset)) throw new RequestError('NOT_FOUND', 'There is no such file.')
    req.url = `/${asset}`
    const send = OWN_ASSETS.has(asset) ? serveOwn : serve
    send(req, res, next)
  }
}
