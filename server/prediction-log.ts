import type { HostError } from '../workers/errors.ts'
import { createInfoLog, type Logger, type PlainFields } from './log.ts'
import type { Outcome } from './metrics.ts'
import type { PredictionRun } from './prediction-run.ts'

/** What one prediction leaves in the log. */
interface Entry {
  run: PredictionRun
  outcome: Outcome
  error: HostError | undefined
}

export type LogPrediction = (run: PredictionRun, outcome: Outcome, error: HostError | undefined) => void

/**
 * Makes what writes one line for each prediction. No inputs, no outputs. The lines of a turn of the event loop are made at its end, when the answers
 * are on their way: no caller waits for them.
 */
export function createPredictionLog(log: Logger): LogPrediction {
  const writeGood = createInfoLog(log, MESSAGE)
  let entries: Entry[] = []
  const write = (): void => {
    const ended = entries
    entries = []
    for (const { run, outcome, error } of ended) {
      if (error === undefined) writeGood(fieldsOf(run, outcome))
      else logError(log, fieldsOf(run, outcome), error)
    }
  }
  // Before the log itself writes its last.
  process.prependOnceListener('exit', write)
  return (run, outcome, error) => {
    if (entries.length === 0) setImmediate(write)
    entries.push({ run, outcome, error })
  }
}

const MESSAGE = 'prediction'

function fieldsOf({ prediction, traceId, replays }: PredictionRun, outcome: Outcome): PlainFields {
  return {
    model: prediction.model, predictionId: prediction.id, requestId: prediction.requestId, outcome,
    waitMs: Math.round(prediction.waitSeconds * 1000), runMs: Math.round(prediction.runSeconds * 10_000) / 10,
    ...(traceId === undefined ? {} : { traceId }),
    ...(replays > 0 ? { replays } : {}),
  }
}

function logError(log: Logger, fields: PlainFields, error: HostError): void {
  const level = levelOf(error)
  if (!log.isLevelEnabled(level)) return
  log[level]({ ...fields, code: error.code, ...(error.cause === undefined ? {} : { cause: error.cause }) }, MESSAGE)
}

function levelOf(error: HostError): 'info' | 'warn' | 'error' {
  if (error.family === 'request' || error.code === 'MODEL_SAID') return 'info'
  return error.family === 'capacity' ? 'warn' : 'error'
}
