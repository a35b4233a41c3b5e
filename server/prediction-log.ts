import type { HostError } from '../workers/errors.ts'
import type { Logger } from './log.ts'
import type { Outcome } from './metrics.ts'
import type { PredictionRun } from './prediction-run.ts'

/** The one line that each prediction leaves in the log. No inputs, no outputs. */
export function logPrediction(log: Logger, run: PredictionRun, outcome: Outcome, error: HostError | undefined): void {
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
