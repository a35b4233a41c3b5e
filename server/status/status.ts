/** `GET /status`: the host as its operator sees it, as data. */
import type { RequestHandler } from 'express'

import type { ExitRecord, ReplicaSnapshot, SupervisionEvent, UpdateSnapshot } from '../../workers/contract.ts'
import type { AppDeps } from '../app.ts'
import type { ModelView } from '../model-view.ts'
import { sendJson } from '../rest/answer.ts'
import { isOperator } from '../security/admin.ts'
import { withoutPaths } from './public-text.ts'

const MAX_EVENTS = 200

/** What a worker wrote last is cut to this per line; all of it is in the log. */
const LINE_CHARACTERS = 200

export function createStatusHandler(deps: AppDeps): RequestHandler {
  return (req, res) => {
    const exitOf = isOperator(req, deps) ? exitForOperator : exitForAll
    res.setHeader('cache-control', 'no-store')
    sendJson(res, 200, {
      version: deps.version,
      uptimeSeconds: (Date.now() - deps.startedAt.getTime()) / 1_000,
      memory: deps.memory.view(),
      models: deps.gateway.models().map((model) => statusOf(model.view(), exitOf)),
      events: deps.events().slice(-MAX_EVENTS).map(eventOf),
    })
  }
}

function eventOf({ at, model, worker, what, why }: SupervisionEvent): SupervisionEvent {
  return { at, model, worker, what, why: withoutPaths(why) }
}

function statusOf({ name, state, cause, retryAt, update, serving, lastSuccessAt, lastFinishedAt, replicas, queue, latency, outcomes, exits }: ModelView, exitOf: (exit: ExitRecord) => object): object {
  return {
    name,
    state,
    ...(cause !== null && { cause: withoutPaths(cause) }),
    ...(retryAt !== null && { retryAt }),
    ...(update !== null && { update: updateOf(update) }),
    serving,
    lastSuccessAt,
    lastFinishedAt,
    replicas: replicas.map(replicaOf),
    queue,
    latency,
    outcomes,
    exits: exits.map(exitOf),
  }
}

function updateOf({ state, cause, at }: UpdateSnapshot): object {
  return { state, ...(cause !== null && { cause: withoutPaths(cause) }), at }
}

function replicaOf({ lastExit, ...replica }: ReplicaSnapshot): object {
  return { ...replica, lastExit: lastExit === null ? null : exitForAll(lastExit) }
}

/** What a worker wrote may hold what its callers sent: this page is open to all of them. */
function exitForAll({ worker, pid, thread, reason, cause, planned, signal, code, at, uptimeSeconds, rssBytes }: ExitRecord): object {
  return { worker, pid, ...(thread === true && { thread }), reason, cause, planned, signal, code, at, uptimeSeconds, rssBytes }
}

/** Without paths and stacks even so: a page is copied and shared more easily than a log. */
function exitForOperator(exit: ExitRecord): object {
  return { ...exitForAll(exit), lastLines: exit.lastLines.map((line) => withoutPaths(line).slice(0, LINE_CHARACTERS)).filter((line) => line !== '') }
}
