import type { Clock, RestartReason } from './contract.ts'
import type { Replica } from './replica.ts'

/** A replacement for a planned change that would not start is tried again after this. */
const RETRY_MS = 30_000

/** What replacing asks of the one who keeps the replicas. */
export interface ReplacementOwner {
  /** A place for one more worker, not started yet; null when none shall be started now. */
  add(): Replica | null
  retire(replica: Replica, why: RestartReason | 'stop'): Promise<void>
  /** For the operator: a replacement would not start. */
  failed(replacement: Replica, cause: string): void
}

/** - ready: the new one is in rotation. failed: it would not start. moot: the old one has gone by itself, or was ended for another reason. */
type Verdict = 'ready' | 'failed' | 'moot'

interface Replacement {
  next: Replica
  settle(verdict: Verdict): void
  done: Promise<boolean>
}

/** The replacements under way: for each replica that shall retire, the one that takes its place. The new one is ready before the old one goes. */
export class Replacements {
  readonly #owner: ReplacementOwner
  readonly #clock: Clock
  readonly #underWay = new Map<Replica, Replacement>()
  /** Monotonic ms, for those whose last replacement would not start. */
  readonly #replaceableAt = new WeakMap<Replica, number>()

  constructor(owner: ReplacementOwner, clock: Clock) {
    this.#owner = owner
    this.#clock = clock
  }

  get size(): number {
    return this.#underWay.size
  }

  /** For the reasons of our own, which come up again and again; an operator's wish is tried at once. */
  mayReplace(replica: Replica): boolean {
    const at = this.#replaceableAt.get(replica) ?? -Infinity
    return replica.state === 'ready' && !this.#underWay.has(replica) && this.#clock.now() >= at
  }

  /** Starts a replacement, unless one is under way. Resolves when the old one is gone, or with false when it stays since the new one would not start. */
  replace(old: Replica, why: RestartReason): Promise<boolean> {
    const known = this.#underWay.get(old)
    if (known !== undefined) return known.done
    const next = this.#owner.add()
    if (next === null) return Promise.resolve(true)
    const { promise, resolve } = Promise.withResolvers<Verdict>()
    const done = this.#finish(promise, old, why)
    this.#underWay.set(old, { next, settle: resolve, done })
    next.start()
    return done
  }

  /** The old one is being ended for another reason; what was to replace it stays. */
  release(old: Replica): void {
    this.#settle(old, 'moot')
  }

  /** Decides for a replacement that became ready, or would not, and for an old one that ended before its time. */
  changed(replica: Replica): void {
    const old = this.#oldOf(replica)
    if (old !== undefined && replica.state !== 'starting') {
      // Under way until the old one is retired, or for a moment there would seem to be one too many.
      if (replica.state === 'ready') this.#underWay.get(old)?.settle('ready')
      else this.#settle(old, replica.state === 'draining' ? 'moot' : 'failed')
      if (replica.state === 'backoff') this.#drop(replica, old)
    } else if (replica.state === 'backoff' && this.#underWay.has(replica)) {
      // Its replacement is on its way already: it needs no restart of its own.
      queueMicrotask(() => void this.#owner.retire(replica, 'stop'))
      this.#settle(replica, 'moot')
    }
  }

  async #finish(verdict: Promise<Verdict>, old: Replica, why: RestartReason): Promise<boolean> {
    const reached = await verdict
    if (reached === 'ready') await this.#owner.retire(old, why)
    return reached !== 'failed'
  }

  #oldOf(next: Replica): Replica | undefined {
    for (const [old, replacement] of this.#underWay) if (replacement.next === next) return old
    return undefined
  }

  #settle(old: Replica, verdict: Verdict): void {
    this.#underWay.get(old)?.settle(verdict)
    this.#underWay.delete(old)
  }

  /** A replacement that does not start leaves the old one serving. */
  #drop(replacement: Replica, old: Replica): void {
    this.#owner.failed(replacement, replacement.cause ?? 'it did not start')
    queueMicrotask(() => void this.#owner.retire(replacement, 'stop'))
    this.#replaceableAt.set(old, this.#clock.now() + RETRY_MS)
  }
}
