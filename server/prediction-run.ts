import type { PredictionFact, PredictionSink, PredictItem, Loss } from '../workers/contract.ts'
import { type AnyValues, EncodedValues } from '../workers/encoded-values.ts'
import { createHostError, fromWire, type HostError, type WireError } from '../workers/errors.ts'
import { charactersOf } from '../workers/value-size.ts'
import type { Prediction } from './prediction.ts'
import type { QueueEntry } from './queue.ts'

/** Facts taken between two grants of credit, and their characters: far below the worker's window, or both sides would wait for each other. */
const CREDIT_EVERY = 16
const CREDIT_CHARACTERS = 64 * 1024
/** Times that a prediction may be lost through no fault of its own before its callers are told. */
const MOST_REPLAYS = 5

/** What a run asks of the model it belongs to. */
export interface RunOwner {
  /** What the workers in rotation give. */
  readonly outputSpecs: Prediction['outputSpecs']
  credit(run: PredictionRun, facts: number): void
  /** It was lost or given back; it goes before all others. */
  queueAgain(run: PredictionRun): void
  /** Two workers died with it. @returns Seconds for which its inputs are refused. */
  poisoned(run: PredictionRun): number
  replayed(run: PredictionRun): void
  /** The one end of every prediction. */
  ended(run: PredictionRun, error: HostError | undefined): void
  /** The work has truly stopped, and its place is free. */
  released(run: PredictionRun): void
  retryAfterSeconds(): number
  now(): number
}

export interface RunOptions {
  mayReplay: boolean
  traceId?: string | undefined
  given: unknown
  revision: number
}

/**
 * One prediction from admitted to accounted: waits, runs, is replayed when its worker is lost, ends exactly once.
 * Its end for the caller and the end of the work are two moments; the permit is given back at the second.
 */
export class PredictionRun implements PredictionSink, QueueEntry {
  readonly prediction: Prediction
  readonly item: PredictItem
  readonly traceId: string | undefined
  readonly #owner: RunOwner
  readonly #mayReplay: boolean
  readonly arrivedAt: number
  dispatchedAt: number | undefined
  alone = false
  /** By which of the model's specs its inputs were checked last. */
  revision: number
  /** The inputs as the caller gave them. */
  readonly given: unknown
  /** A worker has it, or has it still after its caller was answered. */
  running = false
  /** As the inputs came, if they are large; also after they were made fit for another spec. */
  readonly #encoded: EncodedValues | null
  #deaths = 0
  #replays = 0
  #untoldFacts = 0
  #untoldCharacters = 0
  #ended = false

  constructor(prediction: Prediction, item: PredictItem, owner: RunOwner, options: RunOptions) {
    this.prediction = prediction
    this.item = item
    this.traceId = options.traceId
    this.given = options.given
    this.revision = options.revision
    this.#owner = owner
    this.#mayReplay = options.mayReplay
    this.arrivedAt = owner.now()
    this.#encoded = item.inputs instanceof EncodedValues ? item.inputs : null
    this.#encoded?.hold()
  }

  get followed(): boolean {
    return this.item.events
  }

  get ended(): boolean {
    return this.#ended
  }

  get replays(): number {
    return this.#replays
  }

  dispatch(): void {
    this.running = true
    // Another worker may have it now, which owes nothing for what the last one said.
    this.#untoldFacts = 0
    this.#untoldCharacters = 0
    this.dispatchedAt = this.#owner.now()
    this.prediction.waitSeconds = (this.dispatchedAt - this.arrivedAt) / 1000
    this.prediction.dispatched(this.#owner.outputSpecs)
  }

  fact(fact: PredictionFact): void {
    this.#takeCredit(fact)
    if (this.#ended) return
    switch (fact.type) {
      case 'started':
        return this.prediction.started()
      case 'progress':
        return this.prediction.progressed(fact.fraction, fact.text)
      case 'notice':
        return this.prediction.noticed(fact.level, fact.text)
      case 'output':
        return this.prediction.output(fact.outputs)
      case 'append':
        return this.prediction.appended(fact.output, fact.text)
    }
  }

  done(outputs: AnyValues | undefined, runMs: number): void {
    if (this.#ended) return
    this.prediction.runSeconds = runMs / 1000
    this.#end(undefined, () => this.prediction.succeed(outputs))
  }

  failed(error: WireError, runMs: number): void {
    if (this.#ended) return
    this.prediction.runSeconds = runMs / 1000
    this.fail(fromWire(error))
  }

  /** Ends it for its callers. What still runs is stopped by whoever calls this. */
  fail(error: HostError): void {
    this.#end(error, () => this.prediction.fail(error))
  }

  lost(loss: Loss): void {
    if (this.#ended) return
    if (loss.suspect) this.#deaths++
    if (this.#deaths >= 2) return this.fail(this.#poisonousInput())
    if (this.prediction.outputs !== undefined) return this.fail(this.#workerLost('Its worker was lost after output had begun.'))
    if (!this.#mayReplay || this.#replays >= MOST_REPLAYS) return this.fail(this.#workerLost('Its worker was lost, and it is not run again.'))
    this.#replays++
    // Once suspect, always alone: only so does a second death name it.
    this.alone ||= loss.suspect
    this.#owner.replayed(this)
    this.prediction.replayed()
    this.#owner.queueAgain(this)
  }

  returned(): void {
    if (!this.#ended) this.#owner.queueAgain(this)
  }

  released(): void {
    this.running = false
    this.#owner.released(this)
  }

  #takeCredit(fact: PredictionFact): void {
    this.#untoldFacts++
    if (fact.type === 'output') this.#untoldCharacters += charactersOf(fact.outputs)
    else if (fact.type === 'append') this.#untoldCharacters += fact.text.length
    if (this.#untoldFacts < CREDIT_EVERY && this.#untoldCharacters < CREDIT_CHARACTERS) return
    this.#owner.credit(this, this.#untoldFacts)
    this.#untoldFacts = 0
    this.#untoldCharacters = 0
  }

  #poisonousInput(): HostError {
    const retryAfterSeconds = this.#owner.poisoned(this)
    return createHostError('POISONOUS_INPUT', 'This input ended two workers. It is not tried again for a while.', { retryAfterSeconds })
  }

  #workerLost(message: string): HostError {
    return createHostError('WORKER_LOST', message, { retryAfterSeconds: this.#owner.retryAfterSeconds() })
  }

  #end(error: HostError | undefined, tell: () => void): void {
    if (this.#ended) return
    this.#ended = true
    tell()
    // Nobody runs it again.
    this.#encoded?.release()
    this.#owner.ended(this, error)
  }
}
