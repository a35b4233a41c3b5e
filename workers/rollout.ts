import { isDeepStrictEqual } from 'node:util'
import type { Limits, ModelSpec, UpdateSnapshot } from './contract.ts'
import type { Replica } from './replica.ts'

/** What a rollout asks of the one who keeps the replicas. */
export interface RolloutOwner {
  replicas(): Iterable<Replica>
  /** More workers than wanted, and nobody will take their place. */
  surplus(): number
  /** No worker shall be started any more, or for the time being. */
  isResting(): boolean
  /** Resolves with false when the old one stays, since a new one would not start. */
  replace(old: Replica): Promise<boolean>
  retire(old: Replica): Promise<void>
  /** Callers are held to this spec from now on. `limits` is null while the model is left asleep. */
  inForce(spec: ModelSpec, limits: Limits | null): void
  /** Some have left before their replacement was started. */
  fill(): void
  updated(replica: Replica): void
  wallClock(): Date
}

/** What one process was started with: the files as they were then. */
interface Version {
  /** Counts all starts of the model's processes: a higher one has read the files later. */
  start: number
  spec: ModelSpec | null
  limits: Limits | null
  /** It has set up. */
  proven: boolean
}

/**
 * The versions of a model: what each worker's process announced, which spec is in force, and the way from one version to the next.
 *
 * A spec comes into force when the first worker of its version is ready. Until any worker ever was, what is announced last holds, so that a
 * page can be drawn while `setup` runs. Workers that take or give something else leave rotation in that very moment; those that agree with
 * the new one are replaced one by one.
 */
export class Rollout {
  readonly #owner: RolloutOwner
  readonly #versions = new WeakMap<Replica, Version>()
  #starts = 0
  /** Processes started before this one are outdated. */
  #freshFrom = 0
  #inForce: Version | null = null
  #update: UpdateSnapshot | null = null
  #rolling: Promise<void> | null = null

  constructor(owner: RolloutOwner) {
    this.#owner = owner
  }

  get update(): UpdateSnapshot | null {
    return this.#update
  }

  /**
   * Brings all workers to what is on disk now, one by one, the replacement first; waiting and quarantined ones are tried at once.
   * Asked again meanwhile, those replaced already are replaced once more. Resolves when it is over, well or not.
   */
  restart(): Promise<void> {
    const replicas = [...this.#owner.replicas()]
    if (replicas.length === 0) return Promise.resolve()
    this.#freshFrom = this.#starts + 1
    this.#turn('running', null)
    for (const replica of replicas) replica.wake()
    return this.#roll()
  }

  /** A worker announced its model. */
  described(replica: Replica, spec: ModelSpec, limits: Limits | null): void {
    const version = this.#versions.get(replica)
    if (version === undefined) return
    version.spec = spec
    version.limits = limits
    if (this.#inForce === null || !this.#inForce.proven) this.#putInForce(version)
  }

  /** A replica has a new state, before anybody else acts on it. */
  changed(replica: Replica, what: string): void {
    if (what === 'starting') this.#versions.set(replica, { start: ++this.#starts, spec: null, limits: null, proven: false })
    if (what === 'ready') this.#becameReady(replica)
    this.#judgeUpdate(replica)
    if (what === 'ready') void this.#roll()
  }

  #becameReady(replica: Replica): void {
    const version = this.#versions.get(replica)
    if (version === undefined || version.spec === null) return
    version.proven = true
    if (this.#inForce === null || version.start >= this.#inForce.start || !this.#inForce.proven) this.#putInForce(version)
    const others = [...this.#owner.replicas()].filter((other) => other.state === 'ready' && !this.#agrees(other))
    // All of them first: each retirement lets the line move, and it must not move to the next of them.
    for (const other of others) other.leaveRotation('recycle')
    for (const other of others) void this.#owner.retire(other)
    if (others.length > 0) this.#owner.fill()
  }

  #putInForce(version: Version): void {
    const before = this.#inForce
    this.#inForce = version
    if (version.spec === null) return
    const isOfAnUpdate = before !== null && version.proven && before.start < this.#freshFrom && version.start >= this.#freshFrom
    const isNews = before === null || (before.limits === null && version.limits !== null) || !isDeepStrictEqual(before.spec, version.spec)
    if (isNews || isOfAnUpdate) this.#owner.inForce(version.spec, version.limits)
  }

  #agrees(replica: Replica): boolean {
    const spec = this.#versions.get(replica)?.spec
    return spec == null || this.#inForce?.spec == null || sameTakings(spec, this.#inForce.spec)
  }

  #isFresh(replica: Replica): boolean {
    return (this.#versions.get(replica)?.start ?? 0) >= this.#freshFrom
  }

  /** It has failed when a process of the new version would not start, and is done when there are no others than of the new version, all ready. */
  #judgeUpdate(replica: Replica): void {
    if (this.#update === null || this.#update.state === 'done') return
    const isBroken = replica.state === 'backoff' || replica.state === 'quarantined'
    if (isBroken && this.#isFresh(replica) && this.#versions.get(replica)?.proven === false) this.#turn('failed', replica.cause ?? 'it did not start')
    const staying = [...this.#owner.replicas()].filter(({ state }) => state !== 'draining')
    if (staying.length === 0 || !staying.every((other) => other.state === 'ready' && this.#isFresh(other))) return
    this.#turn('done', null)
    this.#owner.updated(replica)
  }

  #turn(state: UpdateSnapshot['state'], cause: string | null): void {
    this.#update = { state, cause, at: this.#owner.wallClock().toISOString() }
  }

  #roll(): Promise<void> {
    if (this.#rolling === null && this.#nextStep() !== null) this.#rolling = this.#rollOn()
    return this.#rolling ?? Promise.resolve()
  }

  async #rollOn(): Promise<void> {
    for (let step = this.#nextStep(); step !== null; step = this.#nextStep()) await step()
    this.#rolling = null
  }

  /** The next when the last is gone, so that never more than one process is there beyond the wanted ones. */
  #nextStep(): (() => Promise<unknown>) | null {
    if (this.#owner.isResting()) return null
    const ready = [...this.#owner.replicas()].filter(({ state }) => state === 'ready')
    const outdated = ready.find((replica) => !this.#isFresh(replica))
    const superfluous = outdated ?? ready.at(-1)
    if (superfluous !== undefined && this.#owner.surplus() > 0) return () => this.#owner.retire(superfluous)
    if (outdated !== undefined && this.#update?.state === 'running') return () => this.#owner.replace(outdated)
    return null
  }
}

/** Does a prediction that was checked by the one, and callers that expect what it gives, suit the other as well? */
export function sameTakings(one: ModelSpec, other: ModelSpec): boolean {
  return isDeepStrictEqual([one.inputs, one.outputs, one.batch], [other.inputs, other.outputs, other.batch])
}
