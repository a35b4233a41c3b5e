/** One prediction through the front, and one straight to each worker, past the queue: where they differ, the fault lies between. */
import { randomBytes } from 'node:crypto'
import { type Answer, ask, asOperator, bodyOf } from '../ask.ts'
import type { Cause, Finding } from '../finding.ts'
import { canarySchema, problemSchema, specSchema } from '../host-says.ts'
import { restartCommand, type Target } from '../settings.ts'
import { inTime } from '../words.ts'

/** Someone waits for the doctor. */
const PATIENCE_MS = 20_000
const SPEC_WITHIN_MS = 3_000

export interface PredictionFacts {
  model: string
  /** Null: the model has no example, so there is nothing to ask it. */
  front: { requestId: string; status: number; code: string | null; why: string; seconds: number } | null
  workers: WorkerAnswer[] | { unseen: string; advice: string }
  /** The command that replaces its workers. */
  restart: string
}

export interface WorkerAnswer {
  worker: number
  pid: number | null
  /** Null: it has no example. */
  ok: boolean | null
  seconds: number | null
  error: string | null
}

export interface Asked {
  model: string
  /** Of the first example; null when there is none. */
  inputs: Record<string, unknown> | null
  timeoutMs: number | null
  holdMs: number | null
  streams: boolean
}

/** A prediction would hear 503, and that is no fault of the queue. */
export function judgeUnasked(): Finding {
  return { check: 'prediction', level: 'unknown', text: 'no model was asked: the host is stopping and takes no new work', advice: 'look again when it has been started anew' }
}

/** What a model can be asked, from its `/spec`. Null when the host does not tell. */
export async function lookAtSpec(target: Target, model: string): Promise<Asked | null> {
  const spec = bodyOf(await ask(target, `/${model}/spec`, { withinMs: SPEC_WITHIN_MS }), specSchema)
  if (spec === null) return null
  return { model, inputs: spec.examples[0] ?? null, timeoutMs: spec.limits?.timeoutMs ?? null, holdMs: spec.limits?.holdMs ?? null, streams: spec.streams ?? false }
}

export async function lookAtPrediction(target: Target, { model, inputs }: Asked): Promise<PredictionFacts> {
  return { model, front: inputs === null ? null : await askFront(target, model, inputs), workers: await askWorkers(target, model), restart: restartCommand(target, model) }
}

async function askFront(target: Target, model: string, inputs: Record<string, unknown>): Promise<PredictionFacts['front']> {
  const requestId = `footlights-doctor-${randomBytes(4).toString('hex')}`
  const answer = await ask(target, `/${model}/predict`, {
    method: 'POST', body: JSON.stringify(inputs), withinMs: PATIENCE_MS + 2_000,
    headers: { 'content-type': 'application/json', 'x-request-id': requestId, 'x-timeout-ms': String(PATIENCE_MS) },
  })
  if (answer.kind === 'silence') return { requestId, status: 0, code: null, why: answer.why, seconds: answer.seconds }
  const problem = bodyOf(answer, problemSchema)
  return { requestId, status: answer.status, code: problem?.code ?? null, why: problem?.detail ?? '', seconds: answer.seconds }
}

async function askWorkers(target: Target, model: string): Promise<PredictionFacts['workers']> {
  const answer = await ask(target, `/admin/${model}/canary`, { method: 'POST', withinMs: PATIENCE_MS, headers: asOperator(target.token) })
  const says = bodyOf(answer, canarySchema)
  if (answer.kind === 'answer' && answer.status === 200 && says !== null) {
    return says.replicas.map(({ worker, pid, ok, seconds, error }) => ({ worker, pid: pid ?? null, ok, seconds: seconds ?? null, error: error ?? null }))
  }
  return refusalOf(answer)
}

function refusalOf(answer: Answer): { unseen: string; advice: string } {
  if (answer.kind === 'silence') return { unseen: `asked for it the host ${answer.why}`, advice: 'the worker may hang: see the lines about workers' }
  if (answer.status === 401) return { unseen: 'that wants the admin token', advice: 'set FOOTLIGHTS_ADMIN_TOKEN for the doctor as for the host' }
  if (answer.status === 403) return { unseen: 'that is allowed on the machine of the host only', advice: 'ask there, or set FOOTLIGHTS_ADMIN_TOKEN for both' }
  if (answer.status === 404) return { unseen: 'this host has no such order (404)', advice: 'it is of an older version: start it anew' }
  return { unseen: `the host answered ${answer.status}`, advice: 'look in its log' }
}

export function judgePrediction(facts: PredictionFacts): Finding[] {
  const { model, front, workers } = facts
  const unseen: Finding[] = 'unseen' in workers
    ? [{ check: 'prediction', level: 'unknown', text: `the workers of ${model} could not be asked past the queue: ${workers.unseen}`, advice: workers.advice }]
    : []
  if (front === null) return [{ check: 'prediction', level: 'ok', text: `${model} has no example, so it was not asked` }]
  const answered = 'unseen' in workers ? [] : workers.filter(({ ok }) => ok !== null)
  const failing = answered.filter(({ ok }) => ok === false)
  if (front.status === 200) return [...judgeReplicas(facts, front.seconds, answered, failing), ...unseen]
  const said = `${model} through the front: ${front.status === 0 ? front.why : `${front.status} ${front.code ?? ''} ${front.why}`.trim()}`
  const where = `its log has this under the request id ${front.requestId}`
  if (answered.length === 0) return [{ check: 'prediction', level: 'wrong', cause: causeOf(front.code), text: said, advice: adviceFor(front.code, where), ...silentOnes(workers) }, ...unseen]
  if (failing.length === answered.length) {
    return [{ check: 'prediction', level: 'wrong', cause: 'model fails', text: `${said}; straight to the worker it fails, too: it is the model`, advice: `mend the model; ${where}`, details: failing.map(wordsFor) }]
  }
  const cause = QUEUE_CODES.has(front.code ?? '') ? 'queue full' : 'front'
  return [{ check: 'prediction', level: 'wrong', cause, text: `${said}; straight to the worker it works: it is the queue or the front`, advice: adviceFor(front.code, where) }]
}

/** Why those that were asked past the queue say nothing either. */
function silentOnes(workers: PredictionFacts['workers']): { details?: string[] } {
  return 'unseen' in workers || workers.length === 0 ? {} : { details: workers.map(wordsFor) }
}

const QUEUE_CODES: ReadonlySet<string> = new Set(['QUEUE_FULL', 'OVERLOADED', 'RATE_LIMITED', 'DEADLINE_EXCEEDED'])

function judgeReplicas({ model, restart }: PredictionFacts, seconds: number, answered: readonly WorkerAnswer[], failing: readonly WorkerAnswer[]): Finding[] {
  if (failing.length > 0) {
    return [{
      check: 'prediction', level: 'wrong', cause: failing.length < answered.length ? 'worker hung' : 'model fails',
      text: `${model} answers through the front, but ${failing.length} of ${answered.length} of its workers fail when they are asked directly`,
      advice: `replace them one by one: ${restart}`, details: failing.map(wordsFor),
    }]
  }
  const fastest = answered.map((answer) => answer.seconds).filter((value) => value !== null).sort((a, b) => a - b)[0]
  const direct = fastest === undefined ? '' : `, straight to the worker in ${inTime(fastest)}`
  return [{ check: 'prediction', level: 'ok', text: `${model} answers its first example through the front in ${inTime(seconds)}${direct}` }]
}

function wordsFor({ worker, pid, ok, error }: WorkerAnswer): string {
  return `worker ${worker} (pid ${pid ?? 'unknown'}): ${error ?? (ok === null ? 'was not asked' : 'failed')}`
}

const CAUSE: Record<string, Cause> = {
  QUEUE_FULL: 'queue full', OVERLOADED: 'queue full', RATE_LIMITED: 'queue full', DRAINING: 'draining', NOT_READY: 'model broken', QUARANTINED: 'model broken',
  DEADLINE_EXCEEDED: 'slow', MODEL_FAILED: 'model fails', MODEL_SAID: 'model fails', OUT_OF_MEMORY: 'model fails', INVALID_OUTPUT: 'model fails', INVALID_INPUT: 'model fails',
  WORKER_LOST: 'crashes', POISONOUS_INPUT: 'crashes',
}

function causeOf(code: string | null): Cause {
  return (code === null ? undefined : CAUSE[code]) ?? 'front'
}

function adviceFor(code: string | null, where: string): string {
  if (QUEUE_CODES.has(code ?? '')) return `more is asked than it can do, or one prediction holds a worker: more replicas or threads, or a smaller timeoutMs; ${where}`
  return `${where}`
}
