/** What the doctor reads of the host's answers. Tolerant: a field that an older or newer host does not have is absent, never an error. */
import { z } from 'zod'

const exitSchema = z.object({
  reason: z.string(),
  /** Finer than `reason`. */
  cause: z.string().nullish(),
  /** It was asked to leave. */
  planned: z.boolean().nullish(),
  signal: z.string().nullish(),
  code: z.number().nullish(),
  at: z.string(),
  uptimeSeconds: z.number().nullish(),
  rssBytes: z.number().nullish(),
  /** Anything but false: it was one thread, and the process lived on. */
  thread: z.unknown().optional(),
  lastLines: z.array(z.string()).nullish(),
})

const replicaSchema = z.object({
  worker: z.number(),
  pid: z.number().nullish(),
  state: z.string(),
  suspect: z.boolean().nullish(),
  rssBytes: z.number().default(0),
  rssLimitBytes: z.number().default(0),
  rssSlopeBytesPerMinute: z.number().nullish(),
  inFlight: z.number().default(0),
  restarts: z.number().default(0),
  lastExit: exitSchema.nullish(),
})

const modelSchema = z.object({
  name: z.string(),
  state: z.string(),
  cause: z.string().nullish(),
  retryAt: z.string().nullish(),
  /** What became of the last wish to bring its workers to the version on disk. */
  update: z.object({ state: z.string(), cause: z.string().nullish(), at: z.string() }).nullish(),
  /** False: it was asked, and has finished nothing lately. */
  serving: z.boolean().nullish(),
  lastFinishedAt: z.string().nullish(),
  replicas: z.array(replicaSchema).default([]),
  queue: z.object({ depth: z.number(), running: z.number(), limit: z.number(), held: z.number() }).nullish(),
  latency: z.object({ p50: z.number().nullish(), p95: z.number().nullish() }).nullish(),
  outcomes: z.record(z.string(), z.number()).nullish(),
  exits: z.array(exitSchema).nullish(),
  lastLines: z.array(z.string()).nullish(),
})

export const statusSchema = z.object({
  version: z.string(),
  uptimeSeconds: z.number(),
  /** Of the machine, as the host itself judges it. */
  memory: z.object({ availableBytes: z.number(), limitBytes: z.number(), short: z.boolean().nullish() }).nullish(),
  models: z.array(modelSchema),
})
/** `/models`: what `/status` does not tell. */
export const modelListSchema = z.object({
  models: z.array(z.object({
    name: z.string(),
    /** How long a prediction usually runs, waiting left out; null before the first. */
    usualSeconds: z.number().nullish(),
    /** Kinds of components; none before a worker has told them. */
    inputs: z.array(z.string()).nullish(),
    outputs: z.array(z.string()).nullish(),
  })),
})
export const liveSchema = z.object({ status: z.literal('live') })
export const readySchema = z.object({
  status: z.string(),
  reasons: z.array(z.object({ model: z.string().nullish(), state: z.string(), cause: z.string().nullish(), retryAt: z.string().nullish() })),
})
export const specSchema = z.object({
  examples: z.array(z.record(z.string(), z.unknown())).default([]),
  limits: z.object({ timeoutMs: z.number(), holdMs: z.number().nullish() }).nullish(),
  streams: z.boolean().nullish(),
})
export const canarySchema = z.object({
  replicas: z.array(z.object({
    worker: z.number(), pid: z.number().nullish(), ok: z.boolean().nullable(), seconds: z.number().nullish(), error: z.string().nullish(),
  })),
})
export const problemSchema = z.object({ code: z.string(), detail: z.string().nullish() })

export type Exit = z.output<typeof exitSchema>
export type ReplicaStatus = z.output<typeof replicaSchema>
export type ModelStatus = z.output<typeof modelSchema>
export type ListedModel = z.output<typeof modelListSchema>['models'][number]
export type HostStatus = z.output<typeof statusSchema>

/** It serves, or sleeps, by the version before the one on disk, which does not start. */
export function hasFailedUpdate({ update, state }: ModelStatus): boolean {
  return update?.state === 'failed' && state !== 'unavailable'
}

/** Nobody waits for it, and no process of it is there. */
export function isAsleep({ cause, state }: ModelStatus): boolean {
  return state === 'ready' && cause?.startsWith('sleeping') === true
}
