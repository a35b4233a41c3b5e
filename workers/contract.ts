/**
 * What crosses a boundary: between front and worker process, between worker process and thread, and at the seams that tests replace.
 *
 * Words
 * - model: what an author writes. prediction: one request's work. permit: the right to run, always given back.
 * - worker: one child process that runs one model; `worker` is also its slot number, the lowest free one.
 * - thread: one piscina thread inside a worker. batch: predictions that one call of `predictBatch` runs together.
 * - described → ready: the worker has loaded the model and announced its spec → every thread has set up and run an example.
 * - lost: a prediction whose worker or thread died under it. suspect: it may have been the reason.
 *
 * Messages to a worker are imperative, messages from it state facts. All of them are plain data for `serialization: 'advanced'`.
 */
import type { ComponentSpec } from './components.ts'
import type { AnyValues } from './encoded-values.ts'
import type { WireError } from './errors.ts'

/** Limits of one model; defaults and meaning: contract, "A model". Times in ms, memory in MiB. */
export interface Limits {
  setupMs: number
  timeoutMs: number
  holdMs: number
  reattachMs: number
  heapMb: number
  rssMb: number
  replicas: number
  threads: number
  concurrency: number
  queueSize: number
  maxRequests: number
}

export interface BatchLimits {
  maxSize: number
  maxWaitMs: number
}

/** A model as data: what its worker announces, and all that the front ever knows of it. */
export interface ModelSpec {
  title: string
  description: string
  article: string
  inputs: Record<string, ComponentSpec>
  outputs: Record<string, ComponentSpec>
  /** Input values by name; files as `FileRef`s inside the state folder. */
  examples: Record<string, unknown>[]
  /** What the author set; the operator's configuration and the defaults fill the rest. */
  limits: Partial<Limits>
  batch: BatchLimits | null
  replay: boolean
  /** `predict` is an async generator: it may yield more than one output. */
  streams: boolean
  apiName: string
  load: 'eager' | 'lazy'
  idleSeconds: number
  canary: boolean
}

/** Named values, validated. Files are `FileRef`s. */
export type Values = Record<string, unknown>

export interface PredictItem {
  id: number
  inputs: AnyValues
  /** True sends every event; false sends only the end, for a caller who waits for one answer. */
  events: boolean
  requestId: string
  traceparent?: string
}

/** What a worker process needs to load its model. */
export interface WorkerSettings {
  model: string
  /** Absolute path of the author's `model.ts`, `.js` or `.mjs`. */
  modelFile: string
  /** Where results and examples are written; absolute. */
  stateDir: string
  /** A first guess, so that threads need not be made anew when `setup` names the same. */
  limits: Limits
}

export type ToWorker =
  /** Import the model and announce its spec (`described`); nothing of the author's beyond the import runs yet. */
  | { type: 'load'; settings: WorkerSettings }
  /** Run `setup` and an example in every thread, under the effective limits. */
  | { type: 'setup'; limits: Limits }
  /** One unit of work: one item, or a batch for one call of `predictBatch`. `alone`: say `taken` before any of it runs. */
  | { type: 'predict'; items: PredictItem[]; alone?: true }
  | { type: 'cancel'; id: number; reason: 'CANCELLED' | 'DEADLINE_EXCEEDED' }
  | { type: 'credit'; id: number; events: number }
  | { type: 'stop' }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type NoticeLevel = 'info' | 'warning' | 'success' | 'error'

/** Facts about one running prediction, in order. `output` is whole; `append` grows one text of the last output. */
export type PredictionFact =
  | { type: 'started'; id: number }
  | { type: 'progress'; id: number; fraction: number; text: string }
  | { type: 'notice'; id: number; level: NoticeLevel; text: string }
  | { type: 'output'; id: number; outputs: Values }
  | { type: 'append'; id: number; output: string; text: string }

/** Why a thread died: its own end, its heap, or our terminating it for the prediction `blamed`. */
export type ThreadDeath = 'crash' | 'oom' | 'timeout' | 'cancel'

/** How a thread ended, as its process tells it. */
export interface ThreadExit {
  death: ThreadDeath
  code: number
  uptimeSeconds: number
  /** What it threw and nobody caught, for the operator; absent when it threw nothing. */
  error?: string
}

export type FromWorker =
  | { type: 'described'; spec: ModelSpec }
  | { type: 'ready'; setupMs: number }
  | { type: 'setup-failed'; error: WireError }
  | { type: 'heartbeat' }
  /** How many threads can take work now; anything below `threads` means one is being replaced. */
  | { type: 'threads'; ready: number; died?: ThreadDeath }
  | { type: 'thread-ended'; exit: ThreadExit }
  /** A suspect that runs alone is about to begin. Without this word its worker may have died before, and it is not to blame. */
  | { type: 'taken'; id: number }
  | PredictionFact
  /** The end. `outputs` is absent when the last `output`/`append` facts already said it all. */
  | { type: 'done'; id: number; outputs?: AnyValues; runMs: number }
  /** The end for the caller; `stopping` when the author's code still runs and `stopped` will follow. */
  | { type: 'failed'; id: number; error: WireError; runMs: number; stopping?: true }
  | { type: 'stopped'; id: number }
  | { type: 'lost'; id: number; suspect: boolean; death: ThreadDeath }
  /** Never started here: it waited behind something slow, and any worker may have it. */
  | { type: 'returned'; id: number }
  | { type: 'log'; id: number; level: LogLevel; fields: Record<string, unknown>; message: string; requestId: string; traceparent?: string }
  | { type: 'log-dropped'; bytes: number }

/** One IPC write carries all messages of an event-loop turn. */
export type Envelope<Message> = Message[]

/** Monotonic time in ms and waiting, so that supervision can be tested without time. */
export interface Clock {
  now(): number
  /** Calls back after `ms`; the returned function gives up. Never keeps the process alive. */
  after(ms: number, callback: () => void): () => void
}

/** How a worker process ended, as the operating system tells it. */
export interface WorkerExit {
  code: number | null
  signal: string | null
  /** The kernel ended it, since the memory of the machine was used up. */
  outOfMemory?: true
}

/** What the memory of the whole machine allows. */
export interface MemoryRoom {
  /** There is no room for a worker and its replacement at once. */
  isShort(): boolean
  /** The workers of a sleeping model are about to be started: others may have to give way. */
  waking(): void
}

/** What a supervisor hears of a worker it spawned. */
export interface WorkerEvents {
  message(message: FromWorker): void
  exit(exit: WorkerExit): void
}

/** A spawned worker process. Calls down only; what it says arrives at the `WorkerEvents` given at spawn. */
export interface WorkerHandle {
  readonly pid: number
  /** Queues a message for the end of this turn of the event loop. */
  send(message: ToWorker): void
  /** Bytes written to the worker that it has not yet taken. */
  unsentBytes(): number
  /** A thread made no progress for a while: what was sent ahead of its turn was withdrawn, and more would only come back again. */
  isStalled(): boolean
  /** SIGKILL; the exit follows as an event. */
  kill(): void
  /** The last lines that it wrote, newest last. */
  lastLines(): string[]
  /** Bytes of its output that were above the rate and are not in the log. */
  droppedBytes(): number
}

export type SpawnWorker = (model: string, worker: number, events: WorkerEvents) => WorkerHandle

/** Its worker or thread died under a prediction; `suspect` when this prediction may have been the cause. */
export interface Loss {
  suspect: boolean
  death: ThreadDeath | 'hang' | 'rss' | 'stop'
}

/**
 * Receives what becomes of one dispatched prediction. Exactly one of `done`, `failed`, `lost`, `returned` is called;
 * `released` follows once, when the work has truly stopped (immediately after, unless it is still stopping).
 */
export interface PredictionSink {
  fact(fact: PredictionFact): void
  done(outputs: AnyValues | undefined, runMs: number): void
  failed(error: WireError, runMs: number): void
  lost(loss: Loss): void
  /** It never started; the same as if it had not been dispatched. */
  returned(): void
  released(): void
}

export type ReplicaState = 'starting' | 'ready' | 'draining' | 'backoff' | 'quarantined' | 'stopped'
export type RestartReason = 'crash' | 'oom' | 'rss' | 'hang' | 'timeout' | 'recycle' | 'setup'

/**
 * What ended a worker, finer than the reason of its restart: `signal` and `code` as the operating system tells it; `poison` an input that ran alone and
 * had ended one before; `deadline` and `cancelled` a forced stop that took the process along, or of a thread alone; `canary` replaced for failing it; `machine` ended
 * for the sake of the machine's memory.
 */
export type ExitCause = 'signal' | 'code' | 'oom' | 'rss' | 'hang' | 'poison' | 'deadline' | 'cancelled' | 'setup' | 'canary' | 'machine' | 'recycle' | 'stop'

export interface ExitRecord {
  worker: number
  /** Of its process, which lives on when a thread ended. */
  pid: number
  /** A thread alone has ended. */
  thread?: true
  reason: RestartReason | 'stop'
  cause: ExitCause
  /** It was asked to leave, its replacement being ready or not wanted. */
  planned: boolean
  signal: string | null
  code: number | null
  /** ISO 8601. */
  at: string
  uptimeSeconds: number
  /** Of the process, as last sampled. */
  rssBytes: number
  /** The last lines that it wrote, at most 20. For the operator only. */
  lastLines: string[]
}

export interface ReplicaSnapshot {
  worker: number
  pid: number | null
  state: ReplicaState
  suspect: boolean
  rssBytes: number
  rssLimitBytes: number
  /** How its memory grew over about the last two minutes in service; null before that can be told. */
  rssSlopeBytesPerMinute: number | null
  cpuRatio: number
  inFlight: number
  restarts: number
  startedAt: string | null
  readySeconds: number | null
  lastExit: ExitRecord | null
}

export interface SupervisionEvent {
  /** ISO 8601. */
  at: string
  model: string
  worker: number
  what: string
  why: string
}

/** What became of the last wish to bring all workers to the version on disk. */
export interface UpdateSnapshot {
  state: 'running' | 'done' | 'failed'
  /** Why the new version would not start, when it failed; the old one serves on. */
  cause: string | null
  /** ISO 8601: since when. */
  at: string
}

export interface BackendSnapshot {
  replicas: ReplicaSnapshot[]
  /** Why the model cannot serve, in words, when it cannot. */
  cause: string | null
  quarantined: boolean
  sleeping: boolean
  /** ISO 8601, when the next start is tried. */
  retryAt: string | null
  /** Null when nobody has asked for a new version yet. */
  update: UpdateSnapshot | null
  restarts: Record<RestartReason, number>
  /** The latest, oldest first. */
  exits: ExitRecord[]
  logDroppedBytes: number
}

/** A place on a ready worker, taken at the moment of dispatch. */
export interface Reservation {
  readonly worker: number
  /** Starts the work. Every item has its sink at the same index. */
  run(items: PredictItem[], sinks: PredictionSink[]): void
}

/**
 * Where a unit of work may go.
 * - `idle`: where it begins at once, for a caller who follows it and is told its place until then.
 * - `shared`: also behind others that will be over in a moment. `full`: a batch that can't grow, so that it loses nothing by waiting at the thread.
 * - `deep`: as `shared`, and one for each thread also behind others that are only quick: so many wait behind it that no thread will be free before its own.
 * - `alone`: where nothing else runs, for a suspect. `beside`: not where a suspect waits for the others to end.
 */
export type Need = 'idle' | 'shared' | 'deep' | 'full' | 'alone' | 'beside'

/** A way to run predictions. */
export interface Backend {
  /** A place on the ready worker with the fewest in flight, or null. */
  reserve(need: Need): Reservation | null
  /** Asks the model to stop by its signal, then by force; the sink hears of it. */
  cancel(id: number, reason: 'CANCELLED' | 'DEADLINE_EXCEEDED'): void
  /** Lets the worker send more facts of this prediction. */
  credit(id: number, events: number): void
  /** Is there, or will there soon be, someone to run predictions? False while quarantined. */
  isServing(): boolean
  /** At least one worker is in rotation. */
  isReady(): boolean
  /** How many predictions run at once when all workers are ready. */
  parallelism(): number
  /** Seconds until a worker is expected to be ready; 0 when one is. */
  readyInSeconds(): number
  /** Wakes a sleeping or lazy model. */
  wake(): void
  /** Replaces the workers one by one by such of the version on disk; tries a quarantined model at once. Resolves when that is over, well or not. */
  restart(why: string): Promise<void>
  snapshot(): BackendSnapshot
  /** Drains within `drainMs`, then stops all workers. Resolves when no process is left. */
  close(drainMs: number): Promise<void>
}
