/** Who may give orders: the bearer of the token; without a token, only callers on this machine. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Request, RequestHandler, Response } from 'express'

import { RequestError } from '../../workers/errors.ts'
import { sendJson } from '../rest/answer.ts'
import type { AppDeps } from '../app.ts'
import { withoutPaths } from '../status/public-text.ts'
import { isLoopbackAddress } from './hosts.ts'
import { isSameOrigin } from './origins.ts'

/** `POST /admin/<model>/restart`: 202, the workers are replaced one by one. */
export function createRestartHandler(deps: AppDeps): RequestHandler<{ model: string }> {
  return (req, res) => {
    requireOperator(req, res, deps)
    const model = deps.gateway.model(req.params.model)
    void model.restart('asked for by an operator')
    deps.log.info({ model: model.name, requestId: res.locals.requestId }, 'restart asked for')
    sendJson(res, 202, { model: model.name, state: model.view().state })
  }
}

/** `POST /admin/<model>/canary`: runs the first example on each ready worker, past the queue, and says what became of it; 200 whatever that is. */
export function createCanaryHandler(deps: AppDeps): RequestHandler<{ model: string }> {
  return async (req, res) => {
    requireOperator(req, res, deps)
    const model = deps.gateway.model(req.params.model)
    const { replicas, reason } = await model.backend.runCanaries()
    const shown = replicas.map(({ error, ...result }) => ({ ...result, ...(error !== undefined && { error: withoutPaths(error) }) }))
    sendJson(res, 200, { model: model.name, replicas: shown, ...(reason !== undefined && { reason }) })
  }
}

/** @throws {RequestError} when the caller may not give orders: `UNAUTHORIZED` without the token, `FORBIDDEN` from elsewhere. */
function requireOperator(req: Request, res: Response, deps: AppDeps): void {
  if (isOperator(req, deps)) return
  if (deps.config.adminToken === undefined) throw new RequestError('FORBIDDEN', 'Without the setting adminToken only callers on the same machine may do this.')
  res.setHeader('www-authenticate', 'Bearer')
  throw new RequestError('UNAUTHORIZED', 'This needs the bearer token of the setting adminToken.')
}

/** May the caller give orders, and see what is only for those who may? */
export function isOperator(req: Request, { config }: AppDeps): boolean {
  if (config.adminToken !== undefined) return isBearer(req, config.adminToken)
  // Stricter than `allowedOrigins`: that a page may call models does not mean that it may restart them.
  const isForeignPage = req.headers.origin !== undefined && !isSameOrigin(req, config.rootPath)
  return !isForeignPage && callerAddresses(req).every(isLoopbackAddress)
}

/** Hashed, so that neither the time nor the length of a comparison says anything. */
function isBearer(req: Request, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1]
  return given !== undefined && timingSafeEqual(digest(given), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Everyone between the caller and us, as far as is known. One that is not on this machine is enough to refuse, whoever is trusted: a forged address can only harm its sender. */
function callerAddresses(req: Request): string[] {
  const forwarded = [req.headers['x-forwarded-for'], req.headers['x-real-ip']].flat().filter((header) => header !== undefined)
  const hops = forwarded.join(',').split(',').map((address) => address.trim())
  // The standard header has a grammar of its own; no proxy on the same machine that serves only this machine sends it.
  const standard = req.headers.forwarded === undefined ? [] : ['unknown']
  return [req.socket.remoteAddress ?? 'unknown', ...hops.filter((address) => address !== ''), ...standard]
}
