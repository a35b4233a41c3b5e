/** `/queue/*`, `/cancel`, `/reset` and `/heartbeat`: calls that are told on their session's stream. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request, Response } from 'express'

import type { JsonObject } from '../body.ts'
import { EventStream } from '../event-stream.ts'
import type { HostedModel } from '../hosted-model.ts'
import { sendJson } from '../rest/answer.ts'
import { isPassed } from '../siblings/passed.ts'
import type { Owner } from '../siblings/siblings.ts'
import { dataOf, requireFunction, sessionHashOf } from './bodies.ts'
import type { GradioHost } from './gradio-host.ts'
import { dataLine } from './messages.ts'
import type { Route } from './routes.ts'

const HEARTBEAT = dataLine({ msg: 'heartbeat', event_id: null })
const ALIVE = 'data: ALIVE\n\n'
const LOOK_FOR_DRAINING_MS = 500

export function queueRoutes(host: GradioHost): Route[] {
  const heartbeats = new Heartbeats(() => host.deps.gateway.isDraining())
  return [
    { method: 'post', path: '/queue/join', handle: (req, res) => join(host, req, res) },
    { method: 'get', path: '/queue/data', streams: true, handle: (req, res) => data(host, req, res) },
    { method: 'get', path: '/queue/status', handle: (req, res) => status(host, req, res) },
    { method: 'post', path: '/cancel', handle: (req, res) => cancel(host, req, res) },
    { method: 'post', path: '/reset', handle: (req, res) => reset(host, req, res) },
    {
      method: 'get',
      path: '/heartbeat/:session',
      streams: true,
      handle: (req, res) => {
        host.model(req)
        heartbeats.open(res)
      },
    },
  ]
}

async function join(host: GradioHost, req: Request, res: Response): Promise<void> {
  const { name } = host.model(req)
  const body = await host.readBody(req)
  requireFunction(body)
  const sessionHash = sessionHashOf(body)
  const data = dataOf(body)
  const owner = await ownerOf(host, req, name, sessionHash)
  if (owner.socket !== null && (await host.deps.siblings.forward(owner.socket, req, res, body))) return
  // It is ours from here on, however long the inputs take.
  if (host.deps.siblings.areThere) host.sessions(host.model(req)).open(sessionHash).promise()
  const call = await host.call(req, res)
  const audience = req.get('x-gradio-user') === 'app' ? 'page' : 'library'
  const event = await host.begin(call, data, 'stream', { sessionHash, audience })
  const sessions = host.sessions(call.model)
  const session = sessions.open(sessionHash)
  // Nobody can read it meanwhile, and what nobody reads for too long is cancelled.
  const crossingMs = Math.min(Math.max(session.crossingMs(), owner.waitMs), call.model.limits.reattachMs / 2)
  sessions.add(event, session)
  if (crossingMs > 0) await sleep(crossingMs)
  sendJson(res, 200, { event_id: event.id })
}

/** The stream of a session is open at one front alone, so that is where its calls go. */
async function ownerOf(host: GradioHost, req: Request, model: string, hash: string): Promise<Owner> {
  if (host.allSessions.get(model)?.session(hash)?.isHeld === true) return { socket: null, waitMs: 0 }
  return host.deps.siblings.ownerOf(req, { kind: 'session', model, id: hash })
}

async function data(host: GradioHost, req: Request, res: Response): Promise<void> {
  const model = host.model(req)
  const { session_hash: given } = req.query
  const hash = typeof given === 'string' ? given : ''
  const isHeld = host.sessions(model).session(hash)?.isHeld === true
  if (!isHeld && (await host.deps.siblings.pass(req, res, { kind: 'session', model: model.name, id: hash }))) return
  const session = host.sessions(model).session(hash)
  const stream = new EventStream(res, HEARTBEAT)
  if (session !== undefined) session.attach(stream, host.context(req, model), isPassed(req))
  // A status would be a broken connection to the JavaScript client.
  else stream.end(dataLine({ msg: 'unexpected_error', event_id: null, message: '404: Not Found', session_not_found: true, success: false }))
}

function status(host: GradioHost, req: Request, res: Response): void {
  const { queueSize } = host.pace(host.model(req))
  res.json({ msg: 'estimation', event_id: null, rank: null, queue_size: queueSize, rank_eta: null })
}

async function cancel(host: GradioHost, req: Request, res: Response): Promise<void> {
  const model = host.model(req)
  const body = await host.readBody(req)
  const { session_hash: hash, event_id: eventId } = body
  if (typeof hash === 'string' && typeof eventId === 'string') {
    if (await isElsewhere(host, req, res, model, eventId, body)) return
    host.sessions(model).cancel(hash, eventId)
  }
  res.json({ success: true })
}

async function reset(host: GradioHost, req: Request, res: Response): Promise<void> {
  const model = host.model(req)
  const body = await host.readBody(req)
  const { event_id: eventId } = body
  if (typeof eventId === 'string') {
    if (await isElsewhere(host, req, res, model, eventId, body)) return
    host.sessions(model).event(eventId)?.reset()
  }
  res.json({ success: true })
}

/** True when another front has the event, and has answered. */
async function isElsewhere(host: GradioHost, req: Request, res: Response, model: HostedModel, id: string, body: JsonObject): Promise<boolean> {
  if (host.sessions(model).event(id) !== undefined) return false
  return host.deps.siblings.pass(req, res, { kind: 'event', model: model.name, id }, body)
}

/** Streams that only say the host is there. They end when the host drains, else it could never close. */
class Heartbeats {
  readonly #isDraining: () => boolean
  readonly #open = new Set<EventStream>()
  #looking: NodeJS.Timeout | undefined

  constructor(isDraining: () => boolean) {
    this.#isDraining = isDraining
  }

  open(res: Response): void {
    const stream = new EventStream(res, ALIVE)
    stream.write(ALIVE)
    this.#open.add(stream)
    stream.onOver(() => this.#close(stream))
    this.#looking ??= setInterval(() => this.#endWhenDraining(), LOOK_FOR_DRAINING_MS).unref()
  }

  #close(stream: EventStream): void {
    this.#open.delete(stream)
    if (this.#open.size > 0) return
    clearInterval(this.#looking)
    this.#looking = undefined
  }

  #endWhenDraining(): void {
    if (this.#isDraining()) for (const stream of this.#open) stream.end()
  }
}
