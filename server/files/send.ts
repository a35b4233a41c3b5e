import { basename, dirname } from 'node:path'
import type { Request, Response } from 'express'
import type { FileRef } from '../../workers/components.ts'
import { safeFileName } from './names.ts'

/** Shown in place, as what they are: none of them can run a script. All else is saved, as plain bytes. Source: gradio-protocol 9.5. */
const SHOWN_TYPES: ReadonlySet<string> = new Set([
  'image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp',
  'audio/mpeg', 'audio/mp4', 'audio/aac', 'audio/wav', 'audio/x-wav', 'audio/wave', 'audio/ogg', 'audio/webm', 'audio/flac', 'audio/x-flac',
  'video/mp4', 'video/webm', 'video/ogg', 'video/quicktime', 'video/x-msvideo', 'video/mpeg', 'video/x-matroska',
  'text/plain', 'application/json',
])

const SUFFIX_RANGE = /^ *bytes= *- *(\d+) *$/

export interface SendFileOptions {
  /** What a saved copy is called. Default: the file's name. */
  downloadName?: string
}

/**
 * Answers GET or HEAD with a stored file: whole, one range of it (206, or 416 without a body), or 304.
 * Resolves when it is sent, or when the client has left.
 *
 * @throws {Error} of `send`, with `status` 404 when the file is no longer there; nothing has been sent then.
 */
export async function sendFile(request: Request, response: Response, ref: FileRef, { downloadName = ref.name }: SendFileOptions = {}): Promise<void> {
  const isShown = SHOWN_TYPES.has(ref.mimeType)
  const headers = {
    'Content-Type': isShown ? withCharset(ref.mimeType) : 'application/octet-stream',
    'Content-Disposition': disposition(isShown ? 'inline' : 'attachment', downloadName),
    // A file never changes under its name, which nobody can guess.
    'Cache-Control': 'private, max-age=31536000, immutable',
    ETag: `"${basename(dirname(ref.path))}"`,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  }
  askForNoMoreThanThereIs(request, ref.size)
  const { promise, resolve } = Promise.withResolvers<unknown>()
  response.sendFile(ref.path, { headers, cacheControl: false, dotfiles: 'allow' }, resolve)
  const error = await promise
  if (error === undefined || isClientGone(error)) return
  for (const name of [...Object.keys(headers), 'Last-Modified']) if (!response.headersSent) response.removeHeader(name)
  settle(response, error)
}

/** A suffix longer than the file means all of it (RFC 9110, 14.1.2); the parser that Express uses calls it unsatisfiable. */
function askForNoMoreThanThereIs(request: Request, size: number): void {
  const suffix = SUFFIX_RANGE.exec(request.headers.range ?? '')?.[1]
  if (suffix !== undefined && Number(suffix) >= size && size > 0) request.headers.range = 'bytes=0-'
}

function settle(response: Response, error: unknown): void {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  if (response.headersSent) response.destroy()
  else if (status === 416 || status === 412) response.status(status).set('Cache-Control', 'no-store').end()
  else throw error
}

function isClientGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNABORTED' || error.code === 'EPIPE' || error.code === 'ECONNRESET')
}

function withCharset(mimeType: string): string {
  return mimeType === 'text/plain' ? 'text/plain; charset=utf-8' : mimeType
}

/** Source: RFC 6266, with the encoding of RFC 8187 for names that are not plain. */
function disposition(type: 'inline' | 'attachment', name: string): string {
  const plain = safeFileName(name)
  const encoded = encodeURIComponent(name.toWellFormed().replace(/[\p{Cc}/\\]/gu, '_')).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  return plain === name ? `${type}; filename="${plain}"` : `${type}; filename="${plain}"; filename*=UTF-8''${encoded}`
}
