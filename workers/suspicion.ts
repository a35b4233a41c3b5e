/** Silence of the worker's main thread after which it is routed around, and after which it is killed. */
export const SUSPECT_AFTER_MS = 1_500
export const HUNG_AFTER_MS = 2_500

/** What silence means now, in words for the operator. */
export interface Silence {
  verdict: 'suspect' | 'hung'
  why: string
}

/**
 * What is held against one process. Two signs, of which neither clears the other: its main thread is silent, or it failed its canary.
 * A silent one can answer nothing; one that is doubted still may.
 */
export class Suspicion {
  /** Monotonic ms; null until it has spoken, since a start is bounded by its setup alone. */
  #heardAt: number | null = null
  #silent = false
  #doubted = false

  get isSilent(): boolean {
    return this.#silent
  }

  get isDoubted(): boolean {
    return this.#doubted
  }

  /** It said something. @returns Whether it had been silent. */
  heard(now: number): boolean {
    this.#heardAt = now
    const was = this.#silent
    this.#silent = false
    return was
  }

  /** @param forgive Our own loop was late and may not have listened. @returns What is new, or null. */
  judge(now: number, forgive: boolean): Silence | null {
    if (this.#heardAt === null) return null
    if (forgive) this.#heardAt = Math.max(this.#heardAt, now - SUSPECT_AFTER_MS / 2)
    const silentMs = now - this.#heardAt
    const why = `no heartbeat for ${Math.round(silentMs)} ms`
    if (silentMs > HUNG_AFTER_MS) return { verdict: 'hung', why }
    if (silentMs <= SUSPECT_AFTER_MS || this.#silent) return null
    this.#silent = true
    return { verdict: 'suspect', why }
  }

  /** @returns Whether that is new. */
  doubt(): boolean {
    const is = this.#doubted
    this.#doubted = true
    return !is
  }

  /** @returns Whether it had been doubted. */
  trust(): boolean {
    const was = this.#doubted
    this.#doubted = false
    return was
  }
}
