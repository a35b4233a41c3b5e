import type { Lane, Unit } from './lane.ts'

/**
 * Watches the time of all units in some lanes with one timer: they have the same time, so that of a lane's units the one that began first
 * is the next to reach its end.
 */
export class DeadlineWatch {
  readonly #lanes: () => Iterable<Lane>
  readonly #passed: (unit: Unit, lane: Lane) => void
  #timer: NodeJS.Timeout | null = null

  /** @param passed Called once for each unit; one that was asked to stop before (its `grace` runs) is left out. */
  constructor(lanes: () => Iterable<Lane>, passed: (unit: Unit, lane: Lane) => void) {
    this.#lanes = lanes
    this.#passed = passed
  }

  /** A unit has begun that may run for so long. */
  began(timeoutMs: number): void {
    if (this.#timer === null) this.#lookIn(timeoutMs, timeoutMs)
  }

  #lookIn(ms: number, timeoutMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      const nextMs = this.#look(performance.now(), timeoutMs)
      if (nextMs !== null) this.#lookIn(nextMs, timeoutMs)
    }, ms).unref()
  }

  /** @returns When to look again, in ms; null when nothing runs. */
  #look(now: number, timeoutMs: number): number | null {
    let nextMs: number | null = null
    for (const lane of this.#lanes()) {
      for (const unit of lane.running.values()) {
        const leftMs = unit.beganAt + timeoutMs - now
        if (leftMs > 0) {
          nextMs = Math.min(nextMs ?? leftMs, leftMs)
          break
        }
        if (unit.grace === null) this.#passed(unit, lane)
      }
    }
    return nextMs
  }
}
