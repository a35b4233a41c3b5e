import type { Clock } from '../workers/contract.ts'

export interface IdlenessOwner {
  /** Nothing waits or runs. */
  readonly isIdle: boolean
  /** Seconds without work after which it sleeps; 0 never. */
  readonly idleSeconds: number
  sleep(): void
}

/** What follows when a model has nothing to do: it sleeps after a while, and one that is to go can go. */
export class Idleness {
  readonly #owner: IdlenessOwner
  readonly #clock: Clock
  #stopTimer: (() => void) | null = null
  #whenIdle = (): void => {}

  constructor(owner: IdlenessOwner, clock: Clock) {
    this.#owner = owner
    this.#clock = clock
  }

  /** Some work has ended; the time counts from now when it was the last. */
  workEnded(): void {
    if (!this.#owner.isIdle) return
    this.#whenIdle()
    this.workBegan()
    this.count()
  }

  workBegan(): void {
    this.#stopTimer?.()
    this.#stopTimer = null
  }

  /** Counts from now, unless it counts already. */
  count(): void {
    const { idleSeconds, isIdle } = this.#owner
    if (this.#stopTimer !== null || idleSeconds === 0 || !isIdle) return
    this.#stopTimer = this.#clock.after(idleSeconds * 1000, () => {
      this.#stopTimer = null
      if (this.#owner.isIdle) this.#owner.sleep()
    })
  }

  /** Resolves when nothing waits or runs any more, or after `withinMs`. */
  async reached(withinMs: number): Promise<void> {
    if (this.#owner.isIdle) return
    await new Promise<void>((resolve) => {
      const giveUp = this.#clock.after(withinMs, resolve)
      this.#whenIdle = () => {
        giveUp()
        resolve()
      }
    })
  }
}
