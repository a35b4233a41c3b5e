import type { Clock } from '../../workers/contract.ts'
import type { HostedModel } from '../hosted-model.ts'

/** How busy a model is: waiting predictions, and the seconds that one usually takes. */
export interface ModelPace {
  queueSize: number
  usualSeconds: number | null
}

const FRESH_MS = 100

/** Looks at a model's state at most ten times a second, however many waiting callers are told of it. */
export class PaceBoard {
  readonly #now: Clock['now']
  readonly #seen = new WeakMap<HostedModel, ModelPace & { atMs: number }>()

  constructor(now: Clock['now']) {
    this.#now = now
  }

  of(model: HostedModel): ModelPace {
    const seen = this.#seen.get(model)
    if (seen !== undefined && this.#now() - seen.atMs < FRESH_MS) return seen
    const { queue, usualSeconds } = model.view()
    const pace = { queueSize: queue.depth, usualSeconds, atMs: this.#now() }
    this.#seen.set(model, pace)
    return pace
  }
}
