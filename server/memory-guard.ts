import type { BackendSnapshot, Clock, MemoryRoom } from '../workers/contract.ts'
import type { OomKills } from '../workers/oom.ts'
import type { Logger } from './log.ts'
import type { MachineMemory } from './machine-memory.ts'
import { isShort, type ModelMemory, type Relief, reliefFor } from './memory-relief.ts'

const LOOK_MS = 1_000
/** An idle worker is gone within this, and its memory is back. */
const SETTLE_MS = 2_000
/** A worker that was ended had work, which is run again: not too often. */
const SETTLE_AFTER_END_MS = 10_000
/** It is enough again with a little more than the reserve, so that the log does not tell each wink. */
const ENOUGH_SHARE = 1.2
const MEBIBYTE = 1024 * 1024
/** Unless the operator says otherwise: this share of what there is, within these bounds. */
const RESERVED_SHARE = 0.05
const LEAST_RESERVED_MB = 64
const MOST_RESERVED_MB = 512

/** A model, as far as it can give memory back. */
export interface GuardedModel {
  readonly name: string
  readonly isIdle: boolean
  /** A worker has announced what it is. */
  readonly isDescribed: boolean
  /** Rises with each prediction that ends. */
  readonly endedPredictions: number
  readonly backend: {
    snapshot(): BackendSnapshot
    giveWay(why: string): void
    endWorker(worker: number, why: string): void
  }
}

export interface MemoryGuardDeps {
  /** Null where the system does not tell: then nothing is ever short. */
  read(): MachineMemory | null
  /** The operator's `minFreeMb`; undefined for the default, 0 to look and never act. */
  minFreeMb: number | undefined
  models(): Iterable<GuardedModel>
  oomKills: OomKills
  clock: Clock
  log: Logger
  /** An idle model was sent to sleep. */
  evicted(model: string): void
}

export interface MemoryView extends MachineMemory {
  short: boolean
}

interface Use {
  endedPredictions: number
  wasAwake: boolean
  /** Monotonic ms. */
  usedAt: number
}

/** Watches the memory of the whole machine, so that when it is short a model that nobody uses gives way, and the kernel need not choose. */
export class MemoryGuard {
  readonly #deps: MemoryGuardDeps
  readonly #uses = new Map<string, Use>()
  #memory: MachineMemory | null = null
  #wasShort = false
  #settledAt = -Infinity
  #stop: (() => void) | null = null

  constructor(deps: MemoryGuardDeps) {
    this.#deps = deps
  }

  start(): void {
    this.look()
    this.#stop = this.#deps.clock.after(LOOK_MS, () => this.start())
  }

  close(): void {
    this.#stop?.()
  }

  /** One look, and one step of relief when it is due. */
  look(): void {
    this.#memory = this.#deps.read()
    this.#deps.oomKills.look()
    this.#noteUse()
    this.#tellChange()
    if (this.#deps.clock.now() >= this.#settledAt) this.#relieve(reliefFor(this.#need(), this.#models()))
  }

  view(): MemoryView | null {
    return this.#memory === null ? null : { ...this.#memory, short: isShort(this.#need()) }
  }

  /** What the supervision of one model asks. */
  roomFor(name: string): MemoryRoom {
    return {
      isShort: () => isShort(this.#need()),
      waking: () => {
        this.#noteUse()
        const relief = reliefFor(this.#need(), this.#models().filter((model) => model.name !== name))
        if (relief.kind === 'sleep') this.#relieve(relief)
      },
    }
  }

  #need(): { availableBytes: number; reserveBytes: number } {
    if (this.#memory === null) return { availableBytes: Infinity, reserveBytes: 0 }
    const { availableBytes, limitBytes } = this.#memory
    const usual = Math.min(MOST_RESERVED_MB, Math.max(LEAST_RESERVED_MB, (limitBytes / MEBIBYTE) * RESERVED_SHARE))
    return { availableBytes, reserveBytes: (this.#deps.minFreeMb ?? usual) * MEBIBYTE }
  }

  #noteUse(): void {
    const now = this.#deps.clock.now()
    const names = new Set([...this.#deps.models()].map(({ name }) => name))
    for (const name of this.#uses.keys()) if (!names.has(name)) this.#uses.delete(name)
    for (const model of this.#deps.models()) {
      const { name, isIdle, endedPredictions, backend } = model
      const { sleeping, replicas } = backend.snapshot()
      const isAwake = !sleeping
      // What it loads now would be loaded again.
      const isStarting = isAwake && replicas.some(({ state }) => state === 'starting') && !replicas.some(({ state }) => state === 'ready')
      const before = this.#uses.get(name)
      const isUsed = before === undefined || !isIdle || before.endedPredictions !== endedPredictions || (isAwake && !before.wasAwake) || isStarting
      this.#uses.set(name, { endedPredictions, wasAwake: isAwake, usedAt: isUsed ? now : before.usedAt })
    }
  }

  #models(): ModelMemory[] {
    const now = this.#deps.clock.now()
    return [...this.#deps.models()].map(({ name, isIdle, isDescribed, backend }) => {
      const { sleeping, replicas } = backend.snapshot()
      const workers = sleeping ? [] : replicas.filter(({ pid }) => pid !== null)
      return {
        name, isBusy: !isIdle, isDescribed, idleMs: now - (this.#uses.get(name)?.usedAt ?? now),
        workers: workers.map(({ worker, rssBytes, state }) => ({ worker, rssBytes, isReady: state === 'ready' })),
      }
    })
  }

  #relieve(relief: Relief): void {
    if (relief.kind === 'none') return
    const model = [...this.#deps.models()].find(({ name }) => name === relief.model)
    if (model === undefined) return
    const why = `the machine is short of memory, ${this.#inWords()}`
    if (relief.kind === 'sleep') {
      model.backend.giveWay(why)
      this.#deps.evicted(model.name)
    } else {
      model.backend.endWorker(relief.worker, why)
    }
    this.#settledAt = this.#deps.clock.now() + (relief.kind === 'sleep' ? SETTLE_MS : SETTLE_AFTER_END_MS)
  }

  #tellChange(): void {
    const { availableBytes, reserveBytes } = this.#need()
    const short = availableBytes < reserveBytes * (this.#wasShort ? ENOUGH_SHARE : 1)
    if (short === this.#wasShort) return
    this.#wasShort = short
    if (short) this.#deps.log.warn({ ...this.#memory }, `memory is short: ${this.#inWords()}`)
    else this.#deps.log.info({ ...this.#memory }, 'there is enough memory again')
  }

  #inWords(): string {
    const { availableBytes, reserveBytes } = this.#need()
    return `${Math.round(availableBytes / MEBIBYTE)} MB available where ${Math.round(reserveBytes / MEBIBYTE)} MB shall be`
  }
}
