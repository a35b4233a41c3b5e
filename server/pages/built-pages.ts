/**
 * The built pages (`dist/ui`): four documents, and files whose names change with their content. Everything is read and listed once at the
 * start; without a build there is none, and the host serves its plain pages.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Request, RequestHandler, Response } from 'express'

import { RequestError } from '../../workers/errors.ts'
import { publicPrefix } from '../security/public-root.ts'

const FOLDER = fileURLToPath(new URL('../../dist/ui/', import.meta.url))

const DOCUMENTS = ['index', 'model', 'status', 'not-found'] as const
export type PageName = (typeof DOCUMENTS)[number]

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json',
  woff2: 'font/woff2',
}

/** Only our own files, no script or style in the document itself; what a visitor or a model brings is shown as `blob:`. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self' blob:",
  "frame-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ')

type Encoding = 'br' | 'gzip' | 'identity'

interface Asset {
  path: string
  type: string
  /** Bytes of each form that lies there; the plain one always does. */
  sizes: Partial<Record<Encoding, number>> & { identity: number }
}

const SUFFIX = { br: '.br', gzip: '.gz', identity: '' } as const

export interface BuiltPages {
  /** Answers with one of the documents. */
  send(req: Request, res: Response, page: PageName, status?: number): void
  /** `GET /assets/ui/<file>` */
  sendAsset: RequestHandler<{ file: string }>
}

/**
 * @param rootPath The setting: the documents name their files below it.
 * @returns Null when the pages are not built.
 */
export function openBuiltPages(rootPath: string, folder = FOLDER): BuiltPages | null {
  if (!DOCUMENTS.every((name) => existsSync(join(folder, `${name}.html`)))) return null
  const base = `${publicPrefix(rootPath)}/assets/ui/`
  const documents = new Map(DOCUMENTS.map((name) => [name, compressed(readFileSync(join(folder, `${name}.html`), 'utf8').replaceAll('="./', `="${base}`))]))
  const assets = listAssets(folder)
  return {
    send: (req, res, page, status = 200) => sendDocument(req, res, documents.get(page), status),
    sendAsset: async (req, res) => {
      const asset = assets.get(req.params.file)
      if (asset === undefined) throw new RequestError('NOT_FOUND', 'There is no such file.')
      await sendAsset(req, res, asset)
    },
  }
}

function compressed(html: string): Record<Encoding, Buffer> {
  const identity = Buffer.from(html)
  return { identity, br: brotliCompressSync(identity), gzip: gzipSync(identity) }
}

function listAssets(folder: string): Map<string, Asset> {
  const names = readdirSync(folder)
  const assets = new Map<string, Asset>()
  for (const name of names) {
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
    if (type === undefined) continue
    const path = join(folder, name)
    const sizes: Asset['sizes'] = { identity: statSync(path).size }
    for (const encoding of ['br', 'gzip'] as const) {
      if (names.includes(name + SUFFIX[encoding])) sizes[encoding] = statSync(path + SUFFIX[encoding]).size
    }
    assets.set(name, { path, type, sizes })
  }
  return assets
}

function sendDocument(req: Request, res: Response, forms: Record<Encoding, Buffer> | undefined, status: number): void {
  if (forms === undefined) throw new RequestError('NOT_FOUND', 'There is no such page.')
  const encoding = encodingFor(req, ['br', 'gzip', 'identity'])
  res.statusCode = status
  res.setHeader('content-security-policy', POLICY)
  res.setHeader('referrer-policy', 'same-origin')
  res.setHeader('cache-control', 'no-cache')
  res.setHeader('content-type', 'text/html; charset=utf-8')
  res.vary('Accept')
  describe(res, encoding, forms[encoding].length)
  res.end(req.method === 'HEAD' ? undefined : forms[encoding])
}

async function sendAsset(req: Request, res: Response, { path, type, sizes }: Asset): Promise<void> {
  const encoding = encodingFor(req, (['br', 'gzip', 'identity'] as const).filter((form) => sizes[form] !== undefined))
  res.setHeader('cache-control', 'public, max-age=31536000, immutable')
  res.setHeader('content-type', type)
  describe(res, encoding, sizes[encoding] ?? sizes.identity)
  if (req.method === 'HEAD') {
    res.end()
    return
  }
  try {
    await pipeline(createReadStream(path + SUFFIX[encoding]), res)
  } catch (error) {
    // The caller left, or the file went away under a new build: there is nobody to tell, or no way to.
    if (!res.headersSent) throw error
    res.destroy()
  }
}

function encodingFor(req: Request, forms: readonly Encoding[]): Encoding {
  const best = req.acceptsEncodings([...forms])
  return forms.find((form) => form === best) ?? 'identity'
}

function describe(res: Response, encoding: Encoding, bytes: number): void {
  res.vary('Accept-Encoding')
  if (encoding !== 'identity') res.setHeader('content-encoding', encoding)
  res.setHeader('content-length', bytes)
}
