/** The native API as the pages see it. */
import type { LabelledSpec } from '../components/types.ts'

export type ModelState = 'starting' | 'ready' | 'unavailable'

/** One model in `GET /models`. */
export interface ModelEntry {
  name: string
  title: string
  description: string
  inputs: string[]
  outputs: string[]
  state: ModelState
  cause?: string
  retryAt?: string
  queueDepth: number
  usualSeconds: number | null
  startupEtaSeconds: number | null
}

/** `GET /<model>/spec`. */
export interface ModelSpec {
  name: string
  title: string
  description: string
  article: string
  inputs: Record<string, LabelledSpec>
  outputs: Record<string, LabelledSpec>
  examples: Values[]
  limits: { timeoutMs: number; holdMs: number; reattachMs: number; queueSize: number }
  streams: boolean
  /** False: a prediction must never run twice. */
  replay?: boolean
  apiName: string
}

export type Values = Record<string, unknown>

export interface Problem {
  title: string
  status: number
  detail: string
  code: string
  requestId: string
  errors?: { path: string; message: string }[]
}

/** What happens to one run, in order. The last is `done` or `error`. */
export type RunEvent =
  | { type: 'sending'; fraction: number }
  | { type: 'accepted'; id: string; requestId: string }
  | { type: 'queued'; position: number; etaSeconds: number | null }
  | { type: 'held'; etaSeconds: number | null }
  | { type: 'started' }
  | { type: 'replayed' }
  | { type: 'progress'; fraction: number; text: string }
  | { type: 'notice'; level: 'info' | 'warning' | 'success' | 'error'; text: string }
  | { type: 'output'; outputs: Values }
  | { type: 'append'; output: string; text: string }
  /** The connection is cut; the run goes on at the host. */
  | { type: 'cut' }
  | { type: 'reattached' }
  | { type: 'done'; waitSeconds: number; runSeconds: number }
  | { type: 'error'; problem: Problem; retryAfterSeconds: number | null }

export interface ReplicaStatus {
  worker: number
  pid: number | null
  state: 'starting' | 'ready' | 'draining' | 'backoff' | 'quarantined' | 'stopped'
  suspect?: boolean
  rssBytes: number
  rssLimitBytes: number
  rssSlopeBytesPerMinute: number | null
  inFlight: number
  restarts: number
  startedAt: string | null
  lastExit: ExitStatus | null
}

/** How a worker ended. */
export interface ExitStatus {
  worker: number
  /** A thread alone has ended; its process lives on. */
  thread?: true
  reason: string
  /** Finer than the reason. */
  cause: string
  planned: boolean
  signal: string | null
  code: number | null
  at: string
  uptimeSeconds: number
  rssBytes: number
  /** What it wrote last; for an operator only. */
  lastLines?: string[]
}

export interface ModelStatus {
  name: string
  state: ModelState
  cause?: string
  retryAt?: string
  /** The last change to another version; absent when there was none. */
  update?: { state: 'running' | 'done' | 'failed'; cause?: string; at: string }
  /** Of what was asked lately, something was done to its end. */
  serving: boolean
  lastSuccessAt: string | null
  replicas: ReplicaStatus[]
  queue: { depth: number; running: number; limit: number; held: number }
  latency: { p50: number | null; p95: number | null }
  outcomes: Record<string, number>
  /** Oldest first. */
  exits: ExitStatus[]
}

export interface HostEvent {
  at: string
  model: string
  worker: number
  what: string
  why: string
}

/** `GET /status`. */
export interface HostStatus {
  version: string
  uptimeSeconds: number
  /** Of the machine, or of the host's control group; null where the system does not tell. */
  memory: { availableBytes: number; limitBytes: number; short: boolean } | null
  models: ModelStatus[]
  events: HostEvent[]
}
