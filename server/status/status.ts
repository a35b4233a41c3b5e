/** `GET /status`: the host as its operator sees it, as data. */
import type { RequestHandler } from 'express'

import type { ExitRecord, ReplicaSnapshot, SupervisionEvent } from '../../workers/contract.ts'
import type { AppDeps } from '../app.ts'
import type { ModelView } from '../model-view.ts'
import { sendJson } from '../rest/answer.ts'
import { withoutPaths } from './public-text.ts'

const MAX_EVENTS = 200

export function createStatusHandler(deps: AppDeps): RequestHandler {
  return (_req, res) => {
    res.setHeader('cache-control', 'no-store')
    sendJson(res, 200, {
      version: deps.version,
      uptimeSeconds: (Date.now() - deps.startedAt.getTime()) / 1_000,
      models: deps.gateway.models().map((model) => statusOf(model.view())),
      events: deps.events().slice(-MAX_EVENTS).map(eventOf),
    })
  }
}

function eventOf({ at, model, worker, what, why }: SupervisionEvent): SupervisionEvent {
  return { at, model, worker, what, why: withoutPaths(why) }
}

function statusOf({ name, state, cause, retryAt, replicas, queue, latency, outcomes }: ModelView): object {
  return {
    name,
    state,
    ...(cause !== null && { cause: withoutPaths(cause) }),
    ...(retryAt !== null && { retryAt }),
    replicas: replicas.map(replicaOf),
    queue,
    latency,
    outcomes,
  }
}

function replicaOf({ worker, pid, state, suspect, rssBytes, rssLimitBytes, rssSlopeBytesPerMinute, cpuRatio, inFlight, restarts, startedAt, readySeconds, lastExit }: ReplicaSnapshot): object {
  return { worker, pid, state, suspect, rssBytes, rssLimitBytes, rssSlopeBytesPerMinute, cpuRatio, inFlight, restarts, startedAt, readySeconds, lastExit: lastExit === null ? null : exitOf(lastExit) }
}

/** The last lines that a worker wrote stay in the log: they may hold paths and stacks, and this page is open to all callers. */
function exitOf({ reason, signal, code, at, uptimeSeconds, rssBytes }: ExitRecord): object {
  return { reason, signal, code, at, uptimeSeconds, rssBytes }
}
