/** `/call/*` for plain HTTP, and `/run/*`, which answers at once. */
import type { Request, Response } from 'express'

import { RequestError } from '../../workers/errors.ts'
import type { JsonObject } from '../body.ts'
import { EventStream } from '../event-stream.ts'
import { toHostError } from '../http-errors.ts'
import { dataOf, optionalSessionHash, requireFunction } from './bodies.ts'
import { sendError } from './errors.ts'
import type { Call, GradioHost } from './gradio-host.ts'
import { failureOutput, successOutput } from './messages.ts'
import { positional } from './parameters.ts'
import type { Route } from './routes.ts'
import { Transcript } from './transcript.ts'
import type { Step } from './transcript.ts'
import { renderOutputs } from './values.ts'

export function callRoutes(host: GradioHost): Route[] {
  const follow = (req: Request, res: Response): Promise<void> => followCall(host, req, res)
  return [
    { method: 'post', path: '/call/:api', handle: (req, res) => call(host, req, res, dataOf) },
    { method: 'post', path: '/call/v2/:api', handle: (req, res) => call(host, req, res, dataByName) },
    { method: 'get', path: '/call/:api/:event', streams: true, handle: follow },
    { method: 'get', path: '/call/v2/:api/:event', streams: true, handle: follow },
    { method: 'post', path: '/run/:api', handle: (req, res) => run(host, req, res) },
    { method: 'post', path: '/api/:api', handle: (req, res) => run(host, req, res) },
  ]
}

/** @throws {RequestError} `NOT_FOUND` unless the path names the model's endpoint. */
function requireEndpoint({ req, spec }: Call): void {
  if (req.params['api'] !== spec.apiName) throw new RequestError('NOT_FOUND', `There is no endpoint of this name; the endpoint is /${spec.apiName}.`)
}

function dataByName(body: JsonObject, { spec }: Call): unknown[] {
  const { oauth_token: _token, session_hash: _hash, ...named } = body
  const given = Object.hasOwn(spec.inputs, 'session_hash') || Object.hasOwn(spec.inputs, 'oauth_token') ? body : named
  const result = positional(spec, given)
  if ('problem' in result) throw new RequestError('INVALID_INPUT', result.problem)
  return result.data
}

async function call(host: GradioHost, req: Request, res: Response, readData: (body: JsonObject, call: Call) => unknown[]): Promise<void> {
  host.model(req)
  const body = await host.readBody(req)
  const accepted = await host.call(req, res)
  requireEndpoint(accepted)
  // Nobody reads yet, and whoever calls by hand takes its time: until a first reader left, only the deadline ends it.
  const event = await host.begin(accepted, readData(body, accepted), 'background', { sessionHash: optionalSessionHash(body), audience: 'plain' })
  host.sessions(accepted.model).add(event, null)
  // Published one-liners cut the id out of this line by its quotes.
  res.json({ event_id: event.id })
}

async function followCall(host: GradioHost, req: Request, res: Response): Promise<void> {
  const model = host.model(req)
  const { event: eventId } = req.params
  const id = typeof eventId === 'string' ? eventId : ''
  if (host.sessions(model).event(id) === undefined && (await host.deps.siblings.pass(req, res, { kind: 'event', model: model.name, id }))) return
  const event = host.sessions(model).event(id)
  const stream = new EventStream(res, namedEvent('heartbeat', null))
  if (event === undefined) {
    stream.end(namedEvent('error', '404: Not Found'))
    return
  }
  const transcript = new Transcript(event.subject)
  const write = (step: Step): void => stream.write(plainEvent(step))
  await event.follow(stream, { transcript, after: undefined, appends: false, context: host.context(req, model), write })
  stream.end()
}

function namedEvent(name: 'generating' | 'complete' | 'error' | 'heartbeat', data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}

/** Only results are told; a cancelled or failed call ends with `error`. */
function plainEvent({ message }: Step): string {
  if (message.msg === 'process_generating') return namedEvent('generating', message.output.data)
  if (message.msg !== 'process_completed') return ''
  return message.success && 'data' in message.output ? namedEvent('complete', message.output.data) : namedEvent('error', message.output)
}

async function run(host: GradioHost, req: Request, res: Response): Promise<void> {
  host.model(req)
  const body = await host.readBody(req)
  const accepted = await host.call(req, res)
  // The function wins over the path: the JavaScript client always posts to /run/predict.
  if (body['fn_index'] !== undefined && body['fn_index'] !== null) requireFunction(body)
  else requireEndpoint(accepted)
  const data = dataOf(body)
  const left = new AbortController()
  res.once('close', () => left.abort())
  try {
    await runToEnd(host, accepted, data, left.signal)
  } catch (error) {
    if (res.destroyed) return
    const failure = toHostError(error)
    if (failure.code === 'INTERNAL') throw error
    sendError(res, failure, { ...failureOutput(failure, res.locals.requestId) })
  }
}

async function runToEnd(host: GradioHost, accepted: Call, data: unknown[], left: AbortSignal): Promise<void> {
  const { req, res, model } = accepted
  const prediction = await host.submit(accepted, data, 'answer', left)
  const cancel = (): void => host.deps.gateway.cancel(prediction)
  if (left.aborted) cancel()
  left.addEventListener('abort', cancel, { once: true })
  const outputs = await prediction.result()
  if (res.destroyed) return
  res.json(successOutput(renderOutputs(prediction.outputSpecs, outputs, host.context(req, model)), false, prediction.runSeconds, host.pace(model).usualSeconds))
}
