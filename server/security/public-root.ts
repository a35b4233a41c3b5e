/** Where callers see this host: the base of every absolute URL in an answer, computed for each request and kept for none. */
import type { Request } from 'express'

import { originOfPassed } from '../siblings/passed.ts'

const SANE_HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i

/** Scheme, host and port as the caller used them. Forwarded headers count when Express's `trust proxy` trusts who sent them; another front of ours is believed. */
export function publicOrigin(req: Request): string {
  const passed = originOfPassed(req)
  if (passed !== undefined) return passed
  const forwarded = req.host
  const host = forwarded !== undefined && SANE_HOST.test(forwarded) ? forwarded : socketHost(req)
  return `${req.protocol === 'https' ? 'https' : 'http'}://${host}`
}

/**
 * The absolute public URL of `/`, without a final slash.
 *
 * @param rootPath The setting: empty, a path like `/demos`, or a full URL, which then decides alone.
 */
export function publicRoot(req: Request, rootPath: string): string {
  const path = rootPath.replace(/\/+$/, '')
  if (/^https?:\/\//i.test(path)) return path
  return publicOrigin(req) + withSlash(path)
}

/** The path prefix alone, for redirects: empty, or like `/demos`. */
export function publicPrefix(rootPath: string): string {
  const path = /^https?:\/\//i.test(rootPath) ? new URL(rootPath).pathname : rootPath
  return withSlash(path.replace(/\/+$/, ''))
}

function withSlash(path: string): string {
  return path === '' || path.startsWith('/') ? path : `/${path}`
}

function socketHost(req: Request): string {
  const { localAddress = '127.0.0.1', localPort = 80 } = req.socket
  return `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`
}
