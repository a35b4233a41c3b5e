import type { ServerResponse } from 'node:http'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ReplicaSnapshot, RestartReason } from '../workers/contract.ts'
import { REPLICA_STATES } from '../workers/lifecycle.ts'
import type { MachineMemory } from './machine-memory.ts'
import type { ModelView } from './model-view.ts'

export const OUTCOMES = ['succeeded', 'failed', 'rejected', 'cancelled', 'timeout', 'lost'] as const
/** How a prediction ended, for metrics and the status page: by its error's code, see `outcomeOf`. */
export type Outcome = (typeof OUTCOMES)[number]

const SHED_REASONS = ['full', 'overloaded', 'not_ready', 'draining', 'quarantined', 'poison', 'rate'] as const
export type ShedReason = (typeof SHED_REASONS)[number]

const RESTART_REASONS: readonly RestartReason[] = ['crash', 'oom', 'rss', 'hang', 'timeout', 'recycle', 'setup']
const REPLAY_OUTCOMES = ['replayed', 'succeeded', 'failed'] as const

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
/** nginx's number for a caller who left before the answer. */
const CLOSED_UNANSWERED = 499
/** The lag of the event loop is looked at so often; at prom-client's own 10 ms an idle host would wake a hundred times a second for it. */
const LAG_EVERY_MS = 100
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128]

export interface MetricsSources {
  /** Pulled at each scrape. */
  models(): ModelView[]
  portsReclaimed(): number
  /** Null where the system does not tell. */
  memory(): MachineMemory | null
}

/** Every metric of the host. Counters are counted where things end; all else is pulled from snapshots when someone scrapes. */
export class Metrics {
  readonly registry = new Registry()
  readonly #sources: MetricsSources

  readonly #queueWait = this.#histogram('queue_wait_seconds', 'Seconds from arrival to dispatch', ['model'])
  readonly #duration = this.#histogram('prediction_duration_seconds', 'Seconds from arrival to the end', ['model', 'outcome'])
  readonly #predictions = this.#counter('predictions_total', 'Predictions that ended', ['model', 'outcome'])
  readonly #shed = this.#counter('shed_total', 'Predictions refused because they could not be served in time', ['model', 'reason'])
  readonly #replays = this.#counter('replays_total', 'Predictions run again after their worker was lost', ['model', 'outcome'])
  readonly #batch = new Histogram({ name: 'footlights_batch_size', help: 'Predictions per call of the model', labelNames: ['model'], buckets: BATCH_SIZES, registers: [this.registry] })
  readonly #evictions = this.#counter('memory_evictions_total', 'Times that an idle model was sent to sleep because the machine was short of memory', ['model'])
  readonly #http = this.#histogram('http_request_duration_seconds', 'Seconds from a request to the end of its answer', ['route', 'method', 'code'])
  readonly #started = new Set<string>()

  constructor(sources: MetricsSources) {
    this.#sources = sources
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LAG_EVERY_MS })
    this.#pulledGauges()
    this.#pulledCounters()
  }

  get contentType(): string {
    return this.registry.contentType
  }

  /** The exposition in Prometheus text format. */
  text(): Promise<string> {
    return this.registry.metrics()
  }

  /** Makes every series of a hosted model exist, at zero. */
  addModel(model: string): void {
    if (this.#started.has(model)) return
    this.#started.add(model)
    for (const outcome of OUTCOMES) {
      this.#predictions.inc({ model, outcome }, 0)
      this.#duration.zero({ model, outcome })
    }
    for (const reason of SHED_REASONS) this.#shed.inc({ model, reason }, 0)
    for (const outcome of REPLAY_OUTCOMES) this.#replays.inc({ model, outcome }, 0)
    this.#evictions.inc({ model }, 0)
    this.#queueWait.zero({ model })
    this.#batch.zero({ model })
  }

  /** The series of a model that is hosted no more end; what is pulled from snapshots ends by itself. */
  removeModel(model: string): void {
    this.#started.delete(model)
    for (const outcome of OUTCOMES) {
      this.#predictions.remove({ model, outcome })
      this.#duration.remove({ model, outcome })
    }
    for (const reason of SHED_REASONS) this.#shed.remove({ model, reason })
    for (const outcome of REPLAY_OUTCOMES) this.#replays.remove({ model, outcome })
    this.#queueWait.remove({ model })
    this.#batch.remove({ model })
    this.#evictions.remove({ model })
  }

  ended(model: string, outcome: Outcome, seconds: number): void {
    this.#predictions.inc({ model, outcome })
    this.#duration.observe({ model, outcome }, seconds)
  }

  dispatched(model: string, waitSeconds: number): void {
    this.#queueWait.observe({ model }, waitSeconds)
  }

  batched(model: string, size: number): void {
    this.#batch.observe({ model }, size)
  }

  shed(model: string, reason: ShedReason): void {
    this.#shed.inc({ model, reason })
  }

  /** `replayed` when it is queued again; the end of a replayed prediction counts once more, as `succeeded` or `failed`. */
  replay(model: string, outcome: (typeof REPLAY_OUTCOMES)[number]): void {
    this.#replays.inc({ model, outcome })
  }

  evicted(model: string): void {
    this.#evictions.inc({ model })
  }

  /** Of an answer that is over; one that was never begun counts as 499. */
  observeHttp(route: string, { req, headersSent, statusCode }: ServerResponse, seconds: number): void {
    this.#http.observe({ route, method: req.method ?? '', code: String(headersSent ? statusCode : CLOSED_UNANSWERED) }, seconds)
  }

  #pulledGauges(): void {
    const perModel = (name: string, help: string, value: (view: ModelView) => number): void => {
      this.#pulled(name, help, ['model'], (gauge) => {
        for (const view of this.#sources.models()) gauge.set({ model: view.name }, value(view))
      })
    }
    perModel('queue_depth', 'Predictions that wait', (view) => view.queue.depth)
    perModel('inflight', 'Predictions that run', (view) => view.queue.running)
    perModel('held', 'Predictions that wait because no worker is ready', (view) => view.queue.held)
    this.#pulled('machine_memory_available_bytes', 'Memory that can still be taken, in the machine or in our control group', [], (gauge) => gauge.set(this.#sources.memory()?.availableBytes ?? NaN))
    this.#pulled('machine_memory_limit_bytes', 'Memory that there is, in the machine or in our control group', [], (gauge) => gauge.set(this.#sources.memory()?.limitBytes ?? NaN))
    perModel('serving', '0 while work is asked for and none was finished lately, else 1', (view) => (view.serving ? 1 : 0))
    perModel('last_success_timestamp_seconds', 'When a prediction last succeeded, in seconds since 1970; 0 before the first', (view) => secondsOf(view.lastSuccessAt))
    perModel('last_finished_timestamp_seconds', 'The same for one that a worker did to its end, also when the model failed on it', (view) => secondsOf(view.lastFinishedAt))
    this.#pulled('worker_state', '1 for the state that the worker is in', ['model', 'worker', 'state'], (gauge) => this.#workerStates(gauge))
    this.#perWorker('worker_rss_bytes', 'Resident memory of the worker process', (replica) => replica.rssBytes)
    this.#perWorker('worker_cpu_ratio', 'CPU use of the worker process, 1 is one core', (replica) => replica.cpuRatio)
    this.#perWorker('worker_ready_seconds', 'Seconds from the start of the worker to its being ready', (replica) => replica.readySeconds ?? 0)
  }

  #pulledCounters(): void {
    const restarts = new Counter({
      name: 'footlights_worker_restarts_total', help: 'Workers and their threads started again, by reason', labelNames: ['model', 'reason'], registers: [this.registry],
      collect: () => {
        restarts.reset()
        for (const view of this.#sources.models()) for (const reason of RESTART_REASONS) restarts.inc({ model: view.name, reason }, view.restarts[reason])
      },
    })
    const dropped = new Counter({
      name: 'footlights_log_dropped_bytes_total', help: 'Bytes of worker output above the rate that is kept', labelNames: ['model'], registers: [this.registry],
      collect: () => {
        dropped.reset()
        for (const view of this.#sources.models()) dropped.inc({ model: view.name }, view.logDroppedBytes)
      },
    })
    const reclaimed = new Counter({
      name: 'footlights_ports_reclaimed_total', help: 'Orphans of an earlier run that were ended because they held the port', registers: [this.registry],
      collect: () => {
        reclaimed.reset()
        reclaimed.inc(this.#sources.portsReclaimed())
      },
    })
  }

  #workerStates(gauge: Gauge): void {
    for (const view of this.#sources.models()) {
      for (const [worker, replica] of slotsOf(view)) {
        for (const state of REPLICA_STATES) gauge.set({ model: view.name, worker: String(worker), state }, state === replica?.state ? 1 : 0)
      }
    }
  }

  #perWorker(name: string, help: string, value: (replica: ReplicaSnapshot) => number): void {
    this.#pulled(name, help, ['model', 'worker'], (gauge) => {
      for (const view of this.#sources.models()) {
        for (const [worker, replica] of slotsOf(view)) gauge.set({ model: view.name, worker: String(worker) }, replica === null ? 0 : value(replica))
      }
    })
  }

  #pulled(name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void): void {
    const gauge: Gauge = new Gauge({
      name: `footlights_${name}`, help, labelNames, registers: [this.registry],
      collect: () => {
        gauge.reset()
        collect(gauge)
      },
    })
  }

  #histogram(name: string, help: string, labelNames: string[]): Histogram {
    return new Histogram({ name: `footlights_${name}`, help, labelNames, buckets: SECONDS, registers: [this.registry] })
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `footlights_${name}`, help, labelNames, registers: [this.registry] })
  }
}

/** By number; null where no worker is, as in a model that sleeps: its series exist all the same. */
function slotsOf({ slots, replicas }: ModelView): Map<number, ReplicaSnapshot | null> {
  const bySlot = new Map<number, ReplicaSnapshot | null>(Array.from({ length: slots }, (_, worker) => [worker, null]))
  for (const replica of replicas) bySlot.set(replica.worker, replica)
  return bySlot
}

function secondsOf(at: string | null): number {
  return at === null ? 0 : Date.parse(at) / 1000
}
