import type { ExitRecord, ReplicaState, RestartReason, ThreadDeath, ThreadExit, WorkerExit, WorkerHandle } from './contract.ts'
import { causeOf, causeOfDeath, type ExitReason, inSeconds, isOutOfMemory, reasonOfDeath } from './exit-record.ts'
import type { Flights } from './flights.ts'
import { Suspicion } from './suspicion.ts'

/** An exit this soon after a forced stop of a thread is that stop's doing: native code aborts the process. */
const FORCED_EXIT_MS = 2_000
/** What a worker that does not read may have waiting; above it nothing more is sent there. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024

/** The moment of a start or an end, by both clocks. */
export interface Moment {
  /** Monotonic ms. */
  ms: number
  wall: Date
}

/** What was sampled of a process. */
export interface Usage {
  rssBytes: number
  cpuRatio: number
  rssSlopeBytesPerMinute: number | null
}

/** The time of one process in its replica, from its start to its exit: what it can do, what is held against it, and why it shall end. */
export class Tenure {
  readonly handle: WorkerHandle
  readonly startedAt: Moment
  readonly suspicion = new Suspicion()
  usage: Usage = { rssBytes: 0, cpuRatio: 0, rssSlopeBytesPerMinute: null }
  threadsReady = 0
  /** Null until it is. */
  readySeconds: number | null = null
  #ending: ExitReason | null = null
  #isKilled = false
  /** Ended for the sake of others, so that nothing that ran here is to blame. */
  #isGivenUp = false
  #forcedAt = -Infinity
  #wasClogged = false
  /** The last forced stop was for a caller who had left. */
  #wasCancelled = false

  constructor(handle: WorkerHandle, startedAt: Moment) {
    this.handle = handle
    this.startedAt = startedAt
  }

  /** Asked to end, or by force. */
  get isEnding(): boolean {
    return this.#ending !== null
  }

  get isKilled(): boolean {
    return this.#isKilled
  }

  get isSuspect(): boolean {
    return this.suspicion.isSilent || this.suspicion.isDoubted
  }

  /** It has too much to read to be given more. */
  isClogged(): boolean {
    if (this.handle.unsentBytes() <= MAX_UNSENT_BYTES) return false
    this.#wasClogged = true
    return true
  }

  /** It was refused work for that, and no longer needs to be. True once. */
  isUnclogged(): boolean {
    if (!this.#wasClogged || this.isClogged()) return false
    this.#wasClogged = false
    return true
  }

  /** It shall end; the first reason holds. */
  end(why: ExitReason): void {
    this.#ending ??= why
  }

  kill(why: ExitReason): void {
    this.end(why)
    this.#isKilled = true
    this.handle.kill()
  }

  /** As `kill`, since the machine is short of memory. */
  giveUp(): void {
    this.#isGivenUp = true
    this.kill('rss')
  }

  cancelled(reason: 'CANCELLED' | 'DEADLINE_EXCEEDED'): void {
    this.#wasCancelled = reason === 'CANCELLED'
  }

  threads(ready: number, died: ThreadDeath | undefined, now: number): void {
    this.threadsReady = ready
    if (died === 'timeout' || died === 'cancel') this.#forcedAt = now
    if (died === 'timeout') this.#wasCancelled = false
  }

  ready(threads: number, now: number): void {
    this.threadsReady = threads
    this.readySeconds = inSeconds(now - this.startedAt.ms)
  }

  /** We ended it, so that nothing that ran there was the cause. */
  isBlameless(reason: ExitReason): boolean {
    return this.#isGivenUp || reason === 'timeout' || reason === 'recycle' || reason === 'stop'
  }

  /** @param state Of its replica, and @param flights what it held, both before they know of the exit. */
  recordOf(exit: WorkerExit, worker: number, at: Moment, state: ReplicaState, flights: Flights): ExitRecord {
    const reason = this.#ending ?? this.#reasonOf(exit, at.ms, state, flights)
    const lastLines = this.handle.lastLines()
    const cause = causeOf({
      exit, reason, lastLines, killed: this.#isKilled, wasCancelled: this.#wasCancelled,
      wasPoison: !this.isBlameless(reason) && flights.hasBegunLoner, wasDoubted: this.suspicion.isDoubted, wasGivenUp: this.#isGivenUp,
    })
    return {
      worker, pid: this.handle.pid, reason, cause, planned: state === 'draining', signal: exit.signal, code: exit.code,
      at: at.wall.toISOString(), uptimeSeconds: inSeconds(at.ms - this.startedAt.ms), rssBytes: this.usage.rssBytes, lastLines,
    }
  }

  /** As `recordOf`, for a thread that ended alone; still without its last words. */
  recordOfThread({ death, code, uptimeSeconds }: ThreadExit, worker: number, at: Moment, flights: Flights): Omit<ExitRecord, 'lastLines'> {
    return {
      worker, pid: this.handle.pid, thread: true, reason: reasonOfDeath(death), cause: causeOfDeath(death, flights.hasBegunLoner), planned: false, signal: null, code,
      at: at.wall.toISOString(), uptimeSeconds, rssBytes: this.usage.rssBytes,
    }
  }

  #reasonOf(exit: WorkerExit, now: number, state: ReplicaState, flights: Flights): RestartReason {
    if (now - this.#forcedAt < FORCED_EXIT_MS || flights.awaitsStop) return 'timeout'
    if (state === 'starting') return 'setup'
    return isOutOfMemory(exit, this.handle.lastLines()) ? 'oom' : 'crash'
  }
}
