import type { Loss, PredictionFact, PredictionSink } from './contract.ts'
import type { AnyValues } from './encoded-values.ts'
import type { ErrorCode, WireError } from './errors.ts'

/** Failures that may be the worker's as well as the input's. */
const DOUBTFUL: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['MODEL_FAILED', 'OUT_OF_MEMORY', 'INVALID_OUTPUT', 'DEADLINE_EXCEEDED'])

/** Passes everything on, and tells of a prediction that failed without fault of its caller, as far as is known. */
export class FailureWatch implements PredictionSink {
  readonly #sink: PredictionSink
  readonly #onFailure: () => void

  constructor(sink: PredictionSink, onFailure: () => void) {
    this.#sink = sink
    this.#onFailure = onFailure
  }

  fact(fact: PredictionFact): void {
    this.#sink.fact(fact)
  }

  done(outputs: AnyValues | undefined, runMs: number): void {
    this.#sink.done(outputs, runMs)
  }

  failed(error: WireError, runMs: number): void {
    this.#sink.failed(error, runMs)
    if (DOUBTFUL.has(error.code)) this.#onFailure()
  }

  lost(loss: Loss): void {
    this.#sink.lost(loss)
  }

  returned(): void {
    this.#sink.returned()
  }

  released(): void {
    this.#sink.released()
  }
}
