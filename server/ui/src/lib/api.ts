/** The native API: the list of models, one model, its runs, the host's status. The pages know no other way to the host. */
import type { HostStatus, ModelEntry, ModelSpec, Problem, RunEvent, Values } from './api-types.ts'
import { connection } from './connection.svelte.ts'
import { coalesced, EventReader, type ServerEvent } from './event-stream.ts'
import { requestBody } from './request-body.ts'
import { at } from './root.ts'
import { type Answer, decoded, post } from './transport.ts'

/** The host answered, and not with what was asked for. */
export class ApiError extends Error {
  readonly problem: Problem
  readonly retryAfterSeconds: number | null

  constructor(problem: Problem, retryAfterSeconds: number | null) {
    super(problem.detail)
    this.problem = problem
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export async function listModels(signal?: AbortSignal): Promise<ModelEntry[]> {
  const { models } = await getJson<{ models: ModelEntry[] }>('models', signal)
  return models
}

/** Waits with the host for a model that starts. @throws {ApiError} `NOT_READY`, `QUARANTINED`, `MODEL_NOT_FOUND`. */
export async function getSpec(model: string, signal?: AbortSignal): Promise<ModelSpec> {
  return await getJson<ModelSpec>(`${model}/spec`, signal)
}

export async function getStatus(signal?: AbortSignal): Promise<HostStatus> {
  return await getJson<HostStatus>('status', signal)
}

/** Replaces the workers of a model, or tries a quarantined one at once. @throws {ApiError} when the visitor may not. */
export async function restart(model: string): Promise<void> {
  const answer = await fetch(at(`admin/${model}/restart`), { method: 'POST' })
  if (!answer.ok) throw apiError(answer.status, await answer.text(), answer.headers)
}

async function getJson<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  const answer = await fetch(at(path), { headers: { accept: 'application/json' }, cache: 'no-store', ...(signal && { signal }) })
  if (!answer.ok) throw apiError(answer.status, await answer.text(), answer.headers)
  return (await answer.json()) as Body
}

export interface SubmitOptions {
  /** Aborted: nothing of the run is of interest any more. It is cancelled at the host by `cancel`. */
  signal: AbortSignal
}

/**
 * Runs a model and tells all that happens, until `done` or `error`. A connection that breaks is taken up again by the prediction's id;
 * when the host came back without it, the run is sent anew, unless output had begun or the model must not run twice.
 *
 * @throws the signal's reason.
 */
export async function* submit(spec: ModelSpec, values: Values, { signal }: SubmitOptions): AsyncGenerator<RunEvent, void> {
  const run: RunProgress = { id: '', after: 0, isOver: false, hasOutput: false }
  while (!run.isOver) {
    try {
      yield* run.id === '' ? send(spec, values, run, signal) : reattach(spec.name, run, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ApiError) {
        if (!isGone(error, run) || run.hasOutput || spec.replay === false) {
          yield { type: 'error', problem: isGone(error, run) ? lostProblem(error.problem) : error.problem, retryAfterSeconds: error.retryAfterSeconds }
          return
        }
        run.id = ''
        run.after = 0
        continue
      }
    }
    if (run.isOver) return
    if (run.id === '' && spec.replay === false) {
      yield { type: 'error', problem: UNREACHED, retryAfterSeconds: null }
      return
    }
    yield { type: 'cut' }
    connection.lost()
    await connection.up(signal)
    signal.throwIfAborted()
    yield { type: 'reattached' }
  }
}

/** Cancels at the host; of one that has ended nothing changes. */
export function cancel(model: string, id: string): void {
  void fetch(at(`${model}/predictions/${id}`), { method: 'DELETE', keepalive: true }).catch(() => {})
}

/** Said by the page itself: nobody knows whether the request arrived, and it must not run twice. */
const UNREACHED: Problem = { title: '', status: 0, detail: '', code: 'UNREACHED', requestId: '' }

interface RunProgress {
  id: string
  /** Id of the last event seen. */
  after: number
  isOver: boolean
  hasOutput: boolean
}

async function* send(spec: ModelSpec, values: Values, run: RunProgress, signal: AbortSignal): AsyncGenerator<RunEvent, void> {
  const body = await requestBody(spec, values)
  const answer = post(at(`${spec.name}/predict?stream=delta`), body, signal)
  for await (const fraction of answer.sent) yield { type: 'sending', fraction }
  yield* follow(await answer.head, run)
}

async function* reattach(model: string, run: RunProgress, signal: AbortSignal): AsyncGenerator<RunEvent, void> {
  const url = at(`${model}/predictions/${run.id}?stream=delta&after=${run.after}`)
  const answer = await fetch(url, { headers: { accept: 'text/event-stream' }, cache: 'no-store', signal })
  yield* follow({ status: answer.status, headers: answer.headers, text: decoded(answer.body) }, run)
}

async function* follow(answer: Answer, run: RunProgress): AsyncGenerator<RunEvent, void> {
  if (answer.status !== 200) {
    let body = ''
    for await (const piece of answer.text) body += piece
    throw apiError(answer.status, body, answer.headers)
  }
  const isNew = run.id === ''
  run.id = answer.headers.get('x-prediction-id') ?? run.id
  if (isNew) yield { type: 'accepted', id: run.id, requestId: answer.headers.get('x-request-id') ?? '' }
  const reader = new EventReader()
  for await (const piece of answer.text) {
    for (const event of coalesced(reader.take(piece))) {
      run.after = event.id
      run.isOver ||= event.event === 'done' || event.event === 'error'
      run.hasOutput ||= event.event === 'output'
      yield runEvent(event)
    }
  }
}

/** The names and shapes of the events are the contract's; the page shows what it is told. */
function runEvent({ event, data }: ServerEvent): RunEvent {
  if (event === 'output') return { type: 'output', outputs: data as Values }
  if (event === 'error') return { type: 'error', problem: data as Problem, retryAfterSeconds: null }
  return { type: event, ...(data as object) } as RunEvent
}

function isGone(error: ApiError, run: RunProgress): boolean {
  return run.id !== '' && error.problem.status === 404
}

/** The host restarted: it does not know what it was doing for us. */
function lostProblem(problem: Problem): Problem {
  return { ...problem, code: 'WORKER_LOST' }
}

function apiError(status: number, body: string, headers: Headers): ApiError {
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN)
  return new ApiError(problemIn(status, body, headers), Number.isFinite(retryAfter) ? retryAfter : null)
}

/** A proxy in front of the host may answer without a problem object. */
function problemIn(status: number, body: string, headers: Headers): Problem {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null && 'code' in parsed && 'detail' in parsed) return parsed as Problem
  } catch {
    // Not JSON.
  }
  const code = status === 413 ? 'TOO_LARGE' : status === 429 ? 'RATE_LIMITED' : status >= 502 && status <= 504 ? 'NOT_READY' : 'INTERNAL'
  return { title: '', status, detail: '', code, requestId: headers.get('x-request-id') ?? '' }
}
