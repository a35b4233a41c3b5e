import type { BackendSnapshot, ExitRecord, ModelSpec, ReplicaSnapshot, RestartReason, SupervisionEvent, UpdateSnapshot } from '../workers/contract.ts'
import type { Outcome } from './metrics.ts'
import type { Pace } from './pace.ts'
import type { ServingSnapshot } from './serving.ts'

/** One hosted model as plain data, pulled by the status page, `/models` and the metrics. */
export interface ModelView extends ServingSnapshot {
  name: string
  title: string
  description: string
  state: 'starting' | 'ready' | 'unavailable'
  cause: string | null
  /** ISO 8601. */
  retryAt: string | null
  quarantined: boolean
  /** What became of the last change to another version; null when there was none. */
  update: UpdateSnapshot | null
  /** Kinds of components. */
  inputs: string[]
  outputs: string[]
  queue: { depth: number; running: number; limit: number; held: number }
  /** Mean of the last runs. */
  usualSeconds: number | null
  startupEtaSeconds: number | null
  replicas: ReplicaSnapshot[]
  /** How many workers it shall have; fewer may be there, none while it sleeps. */
  slots: number
  /** Seconds from arrival to the end. */
  latency: { p50: number | null; p95: number | null }
  outcomes: Record<Outcome, number>
  restarts: Record<RestartReason, number>
  /** The latest ends of its workers, oldest first. */
  exits: ExitRecord[]
  logDroppedBytes: number
  /** The last ones, the newest last: what happens within a millisecond is sorted by time together with other models' and keeps its order. */
  events: SupervisionEvent[]
}

/** What a view is made of, each from the one who owns it. */
export interface ViewSources {
  name: string
  /** Null before a worker has announced it. */
  spec: ModelSpec | null
  backend: BackendSnapshot
  startupEtaSeconds: number
  slots: number
  queue: ModelView['queue']
  serving: ServingSnapshot
  pace: Pace
  outcomes: Record<Outcome, number>
  events: SupervisionEvent[]
}

export function viewOf({ name, spec, backend, startupEtaSeconds, slots, queue, serving, pace, outcomes, events }: ViewSources): ModelView {
  const isReady = backend.sleeping || backend.replicas.some((replica) => replica.state === 'ready')
  const starting = backend.replicas.some((replica) => replica.state === 'starting')
  return {
    name,
    title: spec?.title ?? name,
    description: spec?.description ?? '',
    state: isReady ? 'ready' : starting && backend.cause === null ? 'starting' : 'unavailable',
    cause: backend.cause,
    retryAt: backend.retryAt,
    quarantined: backend.quarantined,
    update: backend.update,
    inputs: Object.values(spec?.inputs ?? {}).map((input) => input.kind),
    outputs: Object.values(spec?.outputs ?? {}).map((output) => output.kind),
    queue,
    ...serving,
    usualSeconds: pace.meanMs === null ? null : pace.meanMs / 1000,
    startupEtaSeconds: isReady ? null : startupEtaSeconds,
    replicas: backend.replicas,
    slots,
    latency: pace.quantiles(),
    outcomes,
    restarts: backend.restarts,
    exits: backend.exits,
    logDroppedBytes: backend.logDroppedBytes,
    events,
  }
}
