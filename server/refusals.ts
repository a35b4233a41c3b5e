import { createHostError, type HostError } from '../workers/errors.ts'
import type { ProcessBackend } from '../workers/process-backend.ts'
import type { Line } from './line.ts'
import type { Pace } from './pace.ts'

/** The model that refuses. */
export interface RefusalOwner {
  readonly backend: ProcessBackend
  readonly pace: Pace
}

/** Why a model can't take a prediction now, each with the time after which it is worth asking again. */
export class Refusals {
  readonly #owner: RefusalOwner
  readonly #line: Line

  constructor(owner: RefusalOwner, line: Line) {
    this.#owner = owner
    this.#line = line
  }

  /** Null when it can be taken. @param timeoutMs The caller's own, from now. */
  of(timeoutMs: number | undefined): HostError | null {
    const { backend, pace } = this.#owner
    const line = this.#line
    if (!backend.isServing()) return this.notServing()
    if (line.isFull && (backend.reserve('idle') === null || line.depth > 0)) {
      return createHostError('QUEUE_FULL', `The queue is full: ${line.depth} are waiting.`, { retryAfterSeconds: wholeSeconds(line.waitSeconds(line.depth)) })
    }
    // Where a place is free it runs at once: refused for what others took, it would be refused for ever, since only a run corrects the estimate.
    if (timeoutMs === undefined || line.depth + line.running < backend.parallelism()) return null
    const waitSeconds = line.waitSeconds(line.depth + 1) ?? 0
    if (waitSeconds * 1000 + (pace.meanMs ?? 0) <= timeoutMs) return null
    return createHostError('OVERLOADED', 'It could not be served within the given time.', { retryAfterSeconds: wholeSeconds(waitSeconds) })
  }

  /** Why nothing can be served now. */
  notServing(): HostError {
    const { backend } = this.#owner
    const { quarantined, retryAt } = backend.snapshot()
    const untilRetry = retryAt === null ? backend.readyInSeconds() : (Date.parse(retryAt) - Date.now()) / 1000
    const retryAfterSeconds = wholeSeconds(Math.max(0, untilRetry))
    if (quarantined) return createHostError('QUARANTINED', 'The model does not start and is paused until its next try.', { retryAfterSeconds })
    return createHostError('NOT_READY', 'No worker of the model became ready in time.', { retryAfterSeconds })
  }

  /** For one that would have to wait behind all others. */
  retryAfterSeconds(): number {
    const { backend } = this.#owner
    return wholeSeconds(backend.isReady() ? this.#line.waitSeconds(this.#line.depth + 1) : backend.readyInSeconds())
  }
}

function wholeSeconds(seconds: number | null): number {
  return Math.max(1, Math.ceil(seconds ?? 1))
}
