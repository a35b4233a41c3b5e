import { CanaryRun, type CanaryEnd } from './canary-run.ts'
import { inputsSchema } from './components.ts'
import type { Clock, Limits, ModelSpec, PredictionSink, Values } from './contract.ts'
import { FailureWatch } from './failure-watch.ts'
import type { Replica } from './replica.ts'

/** How often it is judged who is due. */
const ROUND_MS = 1_000
/** Between two canaries on one worker: they take a fiftieth of a thread's time, within these bounds. */
const LEAST_EVERY_MS = 2_000
const MOST_EVERY_MS = 600_000
const PAUSES_PER_RUN = 50
/** A failure is confirmed so soon; and a prediction that failed is looked into no more often than this. */
const AGAIN_MS = 1_000
const PAUSES_PER_FAILURE = 10
/** A canary may take five times what it usually takes, and never less than this: it is there for what hangs, not for what is slow. */
const LEAST_LIMIT_MS = 2_000
const LIMIT_RUNS = 5
/** How long it waits for a place on a busy worker. */
const WAIT_MS = 10_000
/** Weight of the newest in the usual time. */
const WEIGHT = 0.2
/** From one replacement for a canary's sake to the next, doubling while it does not help. */
const FIRST_PAUSE_MS = 10_000
const LONGEST_PAUSE_MS = 600_000
const FAILURES_TO_REPLACE = 2
export const NO_EXAMPLE = 'the model has no example that its inputs take'

export interface CanaryOwner {
  replicas(): Iterable<Replica>
  /** Units that a worker may have beyond what its threads run at once. */
  spareUnits(): number
  /** Replaces it, the new one first. @returns False when that is not possible now. */
  recycle(replica: Replica, why: string): boolean
}

export interface CanaryDeps {
  clock: Clock
  /** Mean time of one unit of work in ms, or null when none has run. */
  meanRunMs(): number | null
}

/** What became of one canary. `ok` is null when it could not be run, or not to its end. */
export interface CanaryResult {
  worker: number
  pid: number | null
  ok: boolean | null
  /** From its start to its end, or to being given up; null when it never began. */
  seconds: number | null
  /** For the operator. */
  error?: string
}

export interface CanaryReport {
  replicas: CanaryResult[]
  /** Why none was run. */
  reason?: string
}

/** What is known of the process that is in a replica now. */
interface History {
  pid: number | null
  failures: number
  /** Monotonic ms of the end of its last canary; before the first, of the moment from which that is due. */
  lastAt: number
  /** Monotonic ms at which it was last looked at for a prediction that failed. */
  lookedAt: number
}

/** One example that waits for a place or runs. */
interface Check {
  replica: Replica
  pid: number | null
  /** Monotonic ms until which it waits for a place. */
  until: number
  giveUpWaiting: () => void
  settle(result: CanaryResult): void
  done: Promise<CanaryResult>
}

/**
 * Runs an example of the model on each of its workers now and then, past the queue and outside of all counts, so that a worker that fails
 * silently is suspect before users notice. The second failure in a row replaces it.
 */
export class Canary {
  readonly #owner: CanaryOwner
  readonly #deps: CanaryDeps
  readonly #histories = new WeakMap<Replica, History>()
  readonly #checks = new Map<Replica, Check>()
  readonly #waiting = new Set<Check>()
  /** Those that were given up and may still run. */
  readonly #overdue = new WeakMap<Replica, CanaryRun>()
  #spec: ModelSpec | null = null
  #limits: Limits
  #example: Values | null = null
  #usualMs: number | null = null
  #nextId = -1
  #pauseMs = 0
  #replaceableAt = -Infinity
  #stopRounds: (() => void) | null = null

  constructor(owner: CanaryOwner, limits: Limits, deps: CanaryDeps) {
    this.#owner = owner
    this.#limits = limits
    this.#deps = deps
  }

  /** The model as it is now. Begins with the rounds when it wants them. @returns False when it wants them in vain: there is nothing to run. */
  use(spec: ModelSpec, limits: Limits): boolean {
    const checked = inputsSchema(spec.inputs)(spec.examples[0])
    this.#spec = spec
    this.#limits = limits
    this.#example = spec.examples.length > 0 && checked.ok ? checked.value : null
    if (!this.#isOn) this.close()
    else if (this.#stopRounds === null) this.#roundLater()
    return this.#isOn || !spec.canary
  }

  close(): void {
    this.#stopRounds?.()
    this.#stopRounds = null
  }

  /** There may be a place for one that waits. Call before users get it: it waits for one run at most. */
  capacity(): void {
    for (const check of this.#waiting) this.#startIfThereIsRoom(check)
  }

  /** Runs the example on every ready worker now. Judged only where the model wants canaries. */
  async checkAll(): Promise<CanaryReport> {
    const replicas = [...this.#owner.replicas()].filter(({ state }) => state === 'ready').sort((a, b) => a.worker - b.worker)
    const reason = this.#example === null ? NO_EXAMPLE : 'no worker is ready'
    if (this.#example === null) return { replicas: replicas.map(({ worker, pid }) => ({ worker, pid, ok: null, seconds: null, error: reason })), reason }
    const results = await Promise.all(replicas.map((replica) => this.#check(replica)))
    return results.length === 0 ? { replicas: [], reason } : { replicas: results }
  }

  /** The sinks, so that a prediction which fails without fault of its caller has the worker looked at. */
  watching(replica: Replica, sinks: PredictionSink[]): PredictionSink[] {
    return this.#isOn ? sinks.map((sink) => new FailureWatch(sink, () => this.#predictionFailed(replica))) : sinks
  }

  get #isOn(): boolean {
    return this.#spec?.canary === true && this.#example !== null
  }

  get #everyMs(): number {
    const usualMs = this.#usualMs ?? this.#deps.meanRunMs()
    return Math.min(MOST_EVERY_MS, Math.max(LEAST_EVERY_MS, (usualMs ?? 0) * PAUSES_PER_RUN))
  }

  get #againMs(): number {
    return Math.max(AGAIN_MS, (this.#usualMs ?? 0) * PAUSES_PER_FAILURE)
  }

  get #limitMs(): number {
    const { timeoutMs } = this.#limits
    const usualMs = this.#usualMs ?? this.#deps.meanRunMs()
    return usualMs === null ? timeoutMs : Math.min(timeoutMs, Math.max(LEAST_LIMIT_MS, Math.ceil(usualMs * LIMIT_RUNS)))
  }

  #roundLater(): void {
    this.#stopRounds = this.#deps.clock.after(ROUND_MS, () => {
      const before = this.#deps.clock.now() - this.#everyMs
      for (const replica of this.#owner.replicas()) if (replica.state === 'ready' && this.#historyOf(replica).lastAt <= before) void this.#check(replica)
      this.#roundLater()
    })
  }

  #predictionFailed(replica: Replica): void {
    const history = this.#historyOf(replica)
    const now = this.#deps.clock.now()
    if (replica.state !== 'ready' || now - history.lookedAt < this.#againMs) return
    history.lookedAt = now
    void this.#check(replica)
  }

  #check(replica: Replica): Promise<CanaryResult> {
    const known = this.#checks.get(replica)
    if (known !== undefined) return known.done
    const { promise, resolve } = Promise.withResolvers<CanaryResult>()
    const check: Check = {
      replica, pid: replica.pid, until: this.#deps.clock.now() + WAIT_MS, giveUpWaiting: () => {}, done: promise,
      settle: (result) => this.#settle(check, result, resolve),
    }
    this.#checks.set(replica, check)
    if (this.#overdue.get(replica)?.isReleased === false) check.settle(failure(check, 0, 'the one before has not ended'))
    else this.#wait(check)
    return promise
  }

  #wait(check: Check): void {
    this.#waiting.add(check)
    check.giveUpWaiting = this.#deps.clock.after(WAIT_MS, () => {
      if (this.#waiting.has(check)) check.settle(this.#withoutPlace(check))
    })
    this.#startIfThereIsRoom(check)
  }

  /** It is no fault to be busy. But one that had failed and now sets up a new thread without end has not recovered. */
  #withoutPlace(check: Check): CanaryResult {
    const { isDoubted, units } = check.replica
    if (isDoubted && units === 0) return failure(check, WAIT_MS, `no thread was ready for ${WAIT_MS / 1000} s`)
    return unknown(check, `busy: no place was free within ${WAIT_MS / 1000} s`)
  }

  #startIfThereIsRoom(check: Check): void {
    const { replica, pid } = check
    if (replica.state !== 'ready' || replica.pid !== pid) return check.settle(unknown(check, 'the worker has gone'))
    const [spec, inputs] = [this.#spec, this.#example]
    if (spec === null || inputs === null || !replica.hasRoom(this.#owner.spareUnits())) return
    this.#waiting.delete(check)
    const settings = { replica, id: this.#nextId--, inputs, outputs: spec.outputs, limitMs: this.#limitMs, mayBeForced: this.#limits.concurrency === 1 }
    const run = new CanaryRun(settings, this.#deps.clock, (end) => this.#ended(check, run, end))
    run.start()
  }

  #ended(check: Check, run: CanaryRun, end: CanaryEnd): void {
    switch (end.kind) {
      case 'passed':
        this.#usualMs = this.#usualMs === null ? end.ms : this.#usualMs + WEIGHT * (end.ms - this.#usualMs)
        return check.settle({ worker: check.replica.worker, pid: check.pid, ok: true, seconds: end.ms / 1000 })
      case 'failed':
        this.#overdue.set(check.replica, run)
        return check.settle(failure(check, end.ms, end.error))
      case 'lost':
        return check.settle(unknown(check, 'the worker ended meanwhile'))
      case 'returned':
        // Behind something slow: it goes before all others when that is over.
        if (this.#deps.clock.now() < check.until) this.#waiting.add(check)
        else check.settle(this.#withoutPlace(check))
    }
  }

  #settle(check: Check, result: CanaryResult, resolve: (result: CanaryResult) => void): void {
    check.giveUpWaiting()
    this.#waiting.delete(check)
    this.#checks.delete(check.replica)
    this.#historyOf(check.replica).lastAt = this.#deps.clock.now()
    if (this.#isOn && check.replica.state === 'ready' && check.replica.pid === check.pid) this.#judge(check.replica, result)
    resolve(result)
  }

  #judge(replica: Replica, { ok, error }: CanaryResult): void {
    const history = this.#historyOf(replica)
    if (ok === null) return
    if (ok) {
      history.failures = 0
      replica.trust('it passed its canary')
      if (this.#deps.clock.now() >= this.#replaceableAt) this.#pauseMs = 0
      return
    }
    history.failures++
    const why = `it failed its canary: ${error ?? 'no reason given'}`
    replica.doubt(why)
    if (history.failures >= FAILURES_TO_REPLACE) return this.#replace(replica, why)
    this.#deps.clock.after(AGAIN_MS, () => {
      if (replica.state === 'ready' && replica.pid === history.pid) void this.#check(replica)
    })
  }

  /** Where a new one fails as the old one did, the example is broken for all: then it is tried less and less often. */
  #replace(replica: Replica, why: string): void {
    const now = this.#deps.clock.now()
    if (now < this.#replaceableAt || !this.#owner.recycle(replica, why)) return
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2))
    this.#replaceableAt = now + this.#pauseMs
  }

  #historyOf(replica: Replica): History {
    const known = this.#histories.get(replica)
    if (known !== undefined && known.pid === replica.pid) return known
    const history: History = { pid: replica.pid, failures: 0, lastAt: this.#deps.clock.now(), lookedAt: -Infinity }
    this.#histories.set(replica, history)
    return history
  }
}

function failure({ replica, pid }: Check, ms: number, error: string): CanaryResult {
  return { worker: replica.worker, pid, ok: false, seconds: ms / 1000, error }
}

function unknown({ replica, pid }: Check, error: string): CanaryResult {
  return { worker: replica.worker, pid, ok: null, seconds: null, error }
}
