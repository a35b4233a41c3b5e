import type { Clock } from '../workers/contract.ts'
import { EncodedValues, leftAsTheyCame } from '../workers/encoded-values.ts'
import { createHostError } from '../workers/errors.ts'
import { freeBuffer } from '../workers/free-buffer.ts'
import { isJsonObject } from './body.ts'
import type { HostedModel } from './hosted-model.ts'
import { Prediction } from './prediction.ts'
import type { PredictionRun } from './prediction-run.ts'

/** How long an ended prediction can still be read. */
const KEEP_ENDED_MS = 300_000
const FORGET_EVERY_MS = 10_000

/**
 * - answer: the caller waits for one result; no events are kept, and the route cancels when he leaves.
 * - stream: cancelled when no reader was attached for `reattachMs`.
 * - background: only `cancel` or the deadline end it.
 */
export type SubmitMode = 'answer' | 'stream' | 'background'

export interface SubmitOptions {
  requestId: string
  /** W3C trace context, passed on to the worker. */
  traceparent?: string | undefined
  traceId?: string | undefined
  /** From arrival, waiting included. */
  timeoutMs?: number | undefined
  mode: SubmitMode
}

/** One that can still be read. */
export interface EndedPrediction {
  prediction: Prediction
  /** Since its end. */
  agoMs: number
  /** It was one of a plain request, whose caller has had the outputs. */
  isAnswer: boolean
}

interface Tracked {
  readonly run: PredictionRun
  readonly model: HostedModel
  readonly mode: SubmitMode
  /** Gives up on callers that left. */
  leaving: (() => void) | null
}

/** One prediction from unchecked inputs to its end; knows nothing of HTTP. */
export class Gateway {
  readonly #models: ReadonlyMap<string, HostedModel>
  readonly #clock: Clock
  /** Those under way. */
  readonly #tracked = new Map<string, Tracked>()
  /** Plain answers were given with their outputs; a few are kept for who asks again. Inputs are not kept. */
  readonly #endedAnswers = new EndedList(500, 16 * 1024 * 1024)
  readonly #endedOthers = new EndedList(10_000, 128 * 1024 * 1024)
  #stopForgetting: (() => void) | null = null
  #stopping = false
  #draining = false
  #whenIdle: (() => void)[] = []

  constructor(models: ReadonlyMap<string, HostedModel>, clock: Clock) {
    this.#models = models
    this.#clock = clock
  }

  /** @throws {HostError} `MODEL_NOT_FOUND` */
  model(name: string): HostedModel {
    const model = this.hosted(name)
    if (model === undefined) throw createHostError('MODEL_NOT_FOUND', 'There is no model of this name.')
    return model
  }

  hosted(name: string): HostedModel | undefined {
    return this.#models.get(name)
  }

  models(): HostedModel[] {
    return [...this.#models.values()]
  }

  /**
   * Validates, admits and later runs one prediction. Past this call its inputs are trusted.
   *
   * @param inputs Named values; files already as `FileRef`s.
   * @param json The same as they came, where they are large; freed when it is not needed any more, but not when this throws.
   * @throws {HostError} at once for what can be refused at once: `INVALID_INPUT`, `DRAINING`, `QUARANTINED`, `QUEUE_FULL`, `OVERLOADED`.
   *   What happens later (`NOT_READY`, `DEADLINE_EXCEEDED`, …) comes through the prediction.
   */
  submit(model: HostedModel, inputs: unknown, options: SubmitOptions, json?: Buffer): Prediction {
    if (this.#draining) throw createHostError('DRAINING', 'The host is stopping and takes no new work.', { retryAfterSeconds: 5 })
    const checked = model.validate(inputs)
    const values = json === undefined || !isJsonObject(inputs) ? checked : leftAsTheyCame(checked, inputs, json)
    const given = values instanceof EncodedValues ? values : inputs
    if (json !== undefined && given === inputs) freeBuffer(json)
    const { mode, requestId } = options
    const prediction = new Prediction(model.name, requestId, mode === 'stream' ? (readers) => this.#readersChanged(prediction.id, readers) : undefined)
    // Before it is admitted, since its end may come at once.
    const admitted = model.admit(prediction, values, { ...options, events: mode !== 'answer', given }, (run) => {
      this.#tracked.set(prediction.id, { run, model, mode, leaving: null })
    })
    if (mode === 'stream' && !admitted.ended) this.#readersChanged(prediction.id, 0)
    return prediction
  }

  /** Called once for each admitted prediction, at its end. */
  ended(run: PredictionRun): void {
    const { prediction } = run
    const tracked = this.#tracked.get(prediction.id)
    if (tracked === undefined) return
    tracked.leaving?.()
    this.#tracked.delete(prediction.id)
    const list = tracked.mode === 'answer' ? this.#endedAnswers : this.#endedOthers
    list.add(prediction, this.#clock.now())
    this.#forgetLater()
    if (this.isIdle) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  /** A prediction that is under way, or ended within the last five minutes. */
  prediction(model: string, id: string): Prediction | undefined {
    const prediction = this.#tracked.get(id)?.run.prediction ?? this.#endedAnswers.get(id) ?? this.#endedOthers.get(id)
    return prediction?.model === model ? prediction : undefined
  }

  /** Those that have ended and can still be read, the newest first. */
  *endedPredictions(): Generator<EndedPrediction> {
    const now = this.#clock.now()
    for (const list of [this.#endedOthers, this.#endedAnswers]) {
      for (const { prediction, at } of list.newestFirst()) yield { prediction, agoMs: now - at, isAnswer: list === this.#endedAnswers }
    }
  }

  /** Keeps one that ended in another front, for the rest of its time. */
  adopt({ prediction, agoMs, isAnswer }: EndedPrediction): void {
    const list = isAnswer ? this.#endedAnswers : this.#endedOthers
    list.add(prediction, this.#clock.now() - agoMs)
    this.#forgetLater()
  }

  /** Ends a prediction, queued or running. Repeatable. */
  cancel(prediction: Prediction): void {
    const tracked = this.#tracked.get(prediction.id)
    if (tracked === undefined) return
    tracked.model.cancel(tracked.run, createHostError('CANCELLED', 'The prediction was cancelled.'))
  }

  /** Also before work is refused: whoever sends work here should stop then. */
  isDraining(): boolean {
    return this.#stopping || this.#draining
  }

  /** Work will be refused in a moment; what is on its way is still taken. */
  announceDrain(): void {
    this.#stopping = true
  }

  /** Predictions that have not ended. */
  get underWay(): number {
    return this.#tracked.size
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.#tracked.size === 0
  }

  /** Resolves when all that was accepted has ended, or after `withinMs`. */
  async whenIdle(withinMs: number): Promise<void> {
    if (this.isIdle) return
    await new Promise<void>((resolve) => {
      const giveUp = this.#clock.after(withinMs, resolve)
      this.#whenIdle.push(() => {
        giveUp()
        resolve()
      })
    })
  }

  /** Takes no more work. Resolves when all that was accepted has ended, or after `withinMs`; what still waits then is refused. */
  async drain(withinMs: number): Promise<void> {
    this.#draining = true
    await this.whenIdle(withinMs)
    for (const { run, model } of [...this.#tracked.values()]) {
      model.cancel(run, createHostError('DRAINING', 'The host stopped before this was done.', { retryAfterSeconds: 5 }))
    }
  }

  #readersChanged(id: string, readers: number): void {
    const tracked = this.#tracked.get(id)
    if (tracked === undefined || tracked.run.ended) return
    tracked.leaving?.()
    tracked.leaving = readers > 0 ? null : this.#clock.after(tracked.model.limits.reattachMs, () => this.cancel(tracked.run.prediction))
  }

  #forgetLater(): void {
    this.#stopForgetting ??= this.#clock.after(FORGET_EVERY_MS, () => {
      this.#stopForgetting = null
      const before = this.#clock.now() - KEEP_ENDED_MS
      for (const list of [this.#endedAnswers, this.#endedOthers]) list.removeBefore(before)
      if (this.#endedAnswers.size + this.#endedOthers.size > 0) this.#forgetLater()
    })
  }
}

/** Ended predictions, oldest first, bounded in number and in the characters that they hold. */
class EndedList {
  readonly #most: number
  readonly #mostCharacters: number
  readonly #entries = new Map<string, { prediction: Prediction; at: number; characters: number }>()
  #characters = 0

  constructor(most: number, mostCharacters: number) {
    this.#most = most
    this.#mostCharacters = mostCharacters
  }

  get size(): number {
    return this.#entries.size
  }

  get(id: string): Prediction | undefined {
    return this.#entries.get(id)?.prediction
  }

  newestFirst(): { prediction: Prediction; at: number }[] {
    return [...this.#entries.values()].reverse()
  }

  /** The newest stays, however large. */
  add(prediction: Prediction, at: number): void {
    const { characters } = prediction
    this.#entries.set(prediction.id, { prediction, at, characters })
    this.#characters += characters
    this.#removeWhile(() => this.#entries.size > this.#most || (this.#characters > this.#mostCharacters && this.#entries.size > 1))
  }

  removeBefore(at: number): void {
    this.#removeWhile((oldest) => oldest.at < at)
  }

  #removeWhile(shallGo: (oldest: { at: number }) => boolean): void {
    for (const [id, entry] of this.#entries) {
      if (!shallGo(entry)) break
      this.#entries.delete(id)
      this.#characters -= entry.characters
      entry.prediction.forget()
    }
  }
}
