/** The asking side of the sockets between fronts. */
import { request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Request, Response } from 'express'

import { publicOrigin } from '../security/public-root.ts'
import type { Claim, Question } from './keeper.ts'
import { claimSchema, UNKNOWN } from './keeper.ts'
import { ORIGIN_HEADER } from './passed.ts'

/** No model's name begins with a dash, so these are the fronts' own. */
export const CLAIM_PATH = '/-/claim'
export const BEQUEST_PATH = '/-/bequest'

/** A front that says nothing for so long stands still; whoever waits is answered without it. */
const ANSWER_MS = 1_000
/** It has megabytes to read. */
const BEQUEATH_MS = 5_000

/** Of one connection alone, or said anew by whoever sends. */
const HOP_HEADERS = ['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect', 'proxy-connection']
/** Those of the caller's body; a body that was read is sent on in another form. */
const BODY_HEADERS = ['content-length', 'content-encoding']
/** Said by whoever stood before us; our own word on the origin is in their place. */
const FORWARDED_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', ORIGIN_HEADER]

/** Asks another front. One that does not answer knows nothing. */
export async function ask(socket: string, question: Question): Promise<Claim> {
  try {
    const response = await send(socket, CLAIM_PATH, JSON.stringify(question), ANSWER_MS)
    return claimSchema.parse(JSON.parse(await text(response)))
  } catch {
    return UNKNOWN
  }
}

/** Gives lines of JSON to another front. @returns whether it has taken them. */
export async function bequeathTo(socket: string, lines: readonly string[]): Promise<boolean> {
  try {
    const response = await send(socket, BEQUEST_PATH, `${lines.join('\n')}\n`, BEQUEATH_MS)
    response.resume()
    return response.statusCode === 204
  } catch {
    return false
  }
}

function send(socketPath: string, path: string, body: string, withinMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sending = request({ socketPath, path, method: 'POST', agent: false, signal: AbortSignal.timeout(withinMs), headers: { 'content-length': Buffer.byteLength(body) } }, resolve)
    sending.on('error', reject)
    sending.end(body)
  })
}

/**
 * Sends a request on to another front, and its answer back as it comes. Whoever leaves ends both.
 *
 * @param body Of the request, when it was read already; else the request has none.
 * @returns false when the front could not be reached; the caller has heard nothing then.
 */
export function forward(socketPath: string, req: Request, res: Response, body?: object): Promise<boolean> {
  const payload = body === undefined ? '' : JSON.stringify(body)
  return new Promise((resolve) => {
    const sending = request({ socketPath, path: req.originalUrl, method: req.method, agent: false, headers: { ...headersFor(req, res), 'content-length': Buffer.byteLength(payload) } })
    const leave = (): void => void sending.destroy()
    res.once('close', leave)
    sending.once('response', (answer) => {
      resolve(true)
      giveBack(answer, res)
    })
    sending.on('error', () => {
      res.off('close', leave)
      resolve(res.headersSent || res.destroyed)
    })
    sending.end(payload)
  })
}

function headersFor(req: Request, res: Response): OutgoingHttpHeaders {
  return { ...without(req.headers, [...HOP_HEADERS, ...BODY_HEADERS, ...FORWARDED_HEADERS]), 'x-request-id': res.locals.requestId, [ORIGIN_HEADER]: publicOrigin(req) }
}

function giveBack(answer: IncomingMessage, res: Response): void {
  res.statusCode = answer.statusCode ?? 500
  for (const [name, value] of Object.entries(without(answer.headers, HOP_HEADERS))) if (value !== undefined) res.setHeader(name, value)
  res.flushHeaders()
  // One that breaks off must not look like one that ended.
  answer.once('error', () => res.destroy())
  answer.pipe(res)
}

function without(headers: IncomingHttpHeaders, names: readonly string[]): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))
}
