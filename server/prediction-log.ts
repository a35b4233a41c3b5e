import type { HostError } from '../workers/errors.ts'
import type { Logger } from './log.ts'
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
  let entries: Entry[] = []
  const write = (): void => {
    const ended = entries
    entries = []
    for (const entry of ended) logPrediction(log, entry)
  }
  // Before the log itself writes its last.
  process.prependOnceListener('exit', write)
  return (run, outcome, error) => {
    if (entries.length === 0) setImmediate(write)
    entries.push({ run, outcome, error })
  }
}

function logPrediction(log: Logger, { run, outcome, error }: Entry): void {
  const level = error === undefined ? 'info' : levelOf(error)
  if (!log.isLevelEnabled(level)) return
  const { prediction } = run
  const fields: Record<string, unknown> = {
    model: prediction.model, predictionId: prediction.id, requestId: prediction.requestId, outcome,
    waitMs: Math.round(prediction.waitSeconds * 1000), runMs: Math.round(prediction.runSeconds * 10_000) / 10,
  }
  if (run.traceId !== undefined) fields['traceId'] = run.traceId
  if (run.replays > 0) fields['replays'] = run.replays
  if (error !== undefined) {
    fields['code'] = error.code
    if (error.cause !== undefined) fields['cause'] = error.cause
  }
  log[level](fields, 'prediction')
}

function levelOf(error: HostError): 'info' | 'warn' | 'error' {
  if (error.family === 'request' || error.code === 'MODEL_SAID') return 'info'
  return error.family === 'capacity' ? 'warn' : 'error'
}
