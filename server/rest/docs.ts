/**
 * `GET /docs`: the API description in a reader, swagger-ui, served from its package; nothing comes from elsewhere.
 * It needs `style-src 'unsafe-inline'` and `img-src data:` from the content security policy, and no `eval`.
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import express from 'express'
import type { RequestHandler } from 'express'

import { RequestError } from '../../workers/errors.ts'
import { sendPage } from '../security/headers.ts'

/** The package's own start page and script name another API; these are all that is needed. */
const ASSETS: ReadonlySet<string> = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'])
const START_SCRIPT = "SwaggerUIBundle({ url: 'openapi.json', dom_id: '#reader', deepLinking: true, tryItOutEnabled: true, validatorUrl: null })\n"

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>API · Footlights</title>
<link rel="icon" href="docs/assets/favicon-32x32.png"><link rel="stylesheet" href="docs/assets/swagger-ui.css"></head>
<body><div id="reader"></div><script src="docs/assets/swagger-ui-bundle.js"></script><script src="docs/assets/start.js"></script></body></html>`

export const sendDocsPage: RequestHandler = (_req, res) => sendPage(res, PAGE)

export function createDocsAssets(): RequestHandler<{ asset: string }> {
  const root = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const serve = express.static(root, { index: false, redirect: false, maxAge: '1h', fallthrough: false })
  return (req, res, next) => {
    const { asset } = req.params
    if (asset === 'start.js') {
      res.setHeader('cache-control', 'no-cache')
      res.type('text/javascript').send(START_SCRIPT)
      return
    }
    if (!ASSETS.has(asset)) throw new RequestError('NOT_FOUND', 'There is no such file.')
    req.url = `/${asset}`
    serve(req, res, next)
  }
}
