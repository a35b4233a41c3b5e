/** What else the clients ask for: the description of the model, and the little things around it. */
import type { Request, Response } from 'express'

import { RequestError } from '../../workers/errors.ts'
import { readBody } from '../body.ts'
import { apiInfo } from './api-info.ts'
import { APP_ID, appConfig } from './app-config.ts'
import type { GradioHost } from './gradio-host.ts'
import type { Route } from './routes.ts'

const MAX_CREDENTIALS_BYTES = 64 * 1024
const THEME = ':root{color-scheme:light dark}\n'

/** Below the API prefix. */
export function apiRoutes(host: GradioHost): Route[] {
  const started = new Set<string>()
  return [
    { method: 'get', path: '/info', handle: (req, res) => info(host, req, res) },
    { method: 'get', path: '/app_id', handle: answer(host, () => ({ app_id: APP_ID })) },
    { method: 'get', path: '/user', handle: answer(host, () => null) },
    { method: 'get', path: '/token', handle: answer(host, () => ({ token: null, user: null })) },
    { method: 'get', path: '/login_check', handle: answer(host, () => null) },
    { method: 'get', path: '/startup-events', handle: answer(host, (req) => started.size < started.add(host.model(req).name).size) },
    { method: 'get', path: '/theme.css', handle: (req, res) => theme(host, req, res) },
    { method: 'post', path: '/component_server', handle: refuse(host, 'NOT_FOUND', 'Function not found.') },
    { method: 'get', path: '/proxy=*url', handle: refuse(host, 'MALFORMED_BODY', 'This host proxies nothing.') },
  ]
}

/** Beside the API prefix, directly below the model. */
export function appRoutes(host: GradioHost): Route[] {
  return [
    { method: 'get', path: '/config', handle: (req, res) => config(host, req, res) },
    { method: 'post', path: '/login', handle: (req, res) => login(host, req, res) },
    { method: 'get', path: '/logout', handle: (req, res) => logout(host, req, res) },
    { method: 'get', path: '/theme.css', handle: (req, res) => theme(host, req, res) },
    { method: 'get', path: '/monitoring/summary', handle: (req, res) => summary(host, req, res) },
    { method: 'get', path: '/monitoring', handle: refuse(host, 'FORBIDDEN', 'Monitoring is not enabled.') },
  ]
}

async function config(host: GradioHost, req: Request, res: Response): Promise<void> {
  const { model, spec } = await host.described(req)
  sendFresh(res, appConfig(model.name, spec, host.context(req, model)))
}

async function info(host: GradioHost, req: Request, res: Response): Promise<void> {
  const { model, spec } = await host.described(req)
  sendFresh(res, apiInfo(spec, host.context(req, model)))
}

/** Answers hold the caller's own view of the host's address, so no cache may give them to another. */
function sendFresh(res: Response, body: unknown): void {
  res.set('cache-control', 'no-store').json(body)
}

function answer(host: GradioHost, body: (req: Request) => unknown): Route['handle'] {
  return (req, res) => {
    host.model(req)
    sendFresh(res, body(req))
  }
}

function refuse(host: GradioHost, code: 'NOT_FOUND' | 'MALFORMED_BODY' | 'FORBIDDEN', message: string): Route['handle'] {
  return (req) => {
    host.model(req)
    throw new RequestError(code, message)
  }
}

function theme(host: GradioHost, req: Request, res: Response): void {
  host.model(req)
  res.type('text/css').send(THEME)
}

/** There are no accounts: any credentials are right, so clients that were given some still connect. */
async function login(host: GradioHost, req: Request, res: Response): Promise<void> {
  host.model(req)
  await readBody(req, MAX_CREDENTIALS_BYTES)
  res.json({ success: true })
}

function logout(host: GradioHost, req: Request, res: Response): void {
  res.redirect(302, `${host.context(req, host.model(req)).root}/`)
}

async function summary(host: GradioHost, req: Request, res: Response): Promise<void> {
  const { model, spec } = await host.described(req)
  const { outcomes, latency } = model.view()
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
  const percentiles = { '50th': latency.p50, '90th': latency.p95, '99th': latency.p95 }
  const successRate = total === 0 ? null : (outcomes.succeeded ?? 0) / total
  sendFresh(res, { functions: { [spec.apiName]: { success_rate: successRate, process_time_percentiles: percentiles, total_requests: total } } })
}
