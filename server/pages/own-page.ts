/** A model's own page: the files of `page/` beside its `model.ts`, made with any tool, on the same API. */
import { realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { Request, Response } from 'express'

import { RequestError } from '../../workers/errors.ts'

/** No dot in front, so neither `..` nor hidden files; nothing that a file system reads as more than a name. */
const SEGMENT = /^[A-Za-z0-9_@~-][A-Za-z0-9_@~.-]{0,127}$/
const MAX_SEGMENTS = 8

/** What a page is made of. Anything else beside it is not for visitors. */
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  txt: 'text/plain; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  ico: 'image/x-icon',
  woff: 'font/woff',
  woff2: 'font/woff2',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  mp4: 'video/mp4',
  webm: 'video/webm',
  wasm: 'application/wasm',
}

/** The author's own scripts and styles, none from elsewhere, and no call to another host. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob: data:",
  "font-src 'self' data:",
  "connect-src 'self' blob:",
  "worker-src 'self' blob:",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ')

interface OwnFile {
  path: string
  etag: string
}

export class OwnPages {
  readonly #models: string

  /** @param models The models folder. */
  constructor(models: string) {
    this.#models = models
  }

  /** Answers with the model's `page/index.html`. @returns False when it brings none; nothing has been sent then. */
  async sendIndex(req: Request, res: Response, model: string): Promise<boolean> {
    const file = await this.#find(model, ['index.html'])
    if (file === null) return false
    await this.#send(req, res, file)
    return true
  }

  /** `GET /<model>/page/<file>` @throws {RequestError} `NOT_FOUND` */
  async sendFile(req: Request, res: Response, model: string, segments: readonly string[]): Promise<void> {
    const file = await this.#find(model, segments)
    if (file === null) throw new RequestError('NOT_FOUND', 'There is nothing at this address.')
    await this.#send(req, res, file)
  }

  /** A regular file inside the model's own `page/`, whatever links there are; null for all else. */
  async #find(model: string, segments: readonly string[]): Promise<OwnFile | null> {
    if (segments.length > MAX_SEGMENTS || !segments.every((segment) => SEGMENT.test(segment)) || typeOf(segments.at(-1)) === undefined) return null
    try {
      const folder = join(await realpath(join(this.#models, model)), 'page')
      const path = join(folder, ...segments)
      // A link anywhere on the way gives another real path, and may lead out.
      if ((await realpath(path)) !== path || !path.startsWith(folder + sep)) return null
      const found = await stat(path)
      return found.isFile() ? { path, etag: `"${found.size.toString(36)}-${Math.floor(found.mtimeMs).toString(36)}"` } : null
    } catch {
      return null
    }
  }

  async #send(req: Request, res: Response, { path, etag }: OwnFile): Promise<void> {
    const headers = {
      etag,
      'content-type': typeOf(path) ?? 'application/octet-stream',
      'content-security-policy': POLICY,
      'referrer-policy': 'same-origin',
      'cache-control': 'no-cache',
    }
    const { promise, resolve } = Promise.withResolvers<unknown>()
    // The path holds the operator's folder, in which a name may well start with a dot.
    res.sendFile(path, { headers, cacheControl: false, dotfiles: 'allow' }, resolve)
    const error = await promise
    if (error !== undefined && !res.headersSent && !req.destroyed) throw error
  }
}

function typeOf(name: string | undefined): string | undefined {
  return TYPES[name?.slice(name.lastIndexOf('.') + 1).toLowerCase() ?? '']
}
