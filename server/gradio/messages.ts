/**
 * The messages of Gradio's event stream, as its clients know them. `event_id` is always present: the Python client indexes it.
 *
 * Source: Gradio 6, gradio/server_messages.py, and what both clients do with each message.
 */
import type { NoticeLevel } from '../../workers/contract.ts'
import type { HostError } from '../../workers/errors.ts'

/** One unit of progress; `progress` from 0 to 1. */
interface ProgressUnit {
  index: number | null
  length: number | null
  unit: string | null
  progress: number | null
  desc: string | null
}

/** A successful result: one value per output, in the order of the outputs. Durations in seconds. */
export interface SuccessOutput {
  data: unknown[]
  is_generating: boolean
  duration: number
  average_duration: number | null
  render_config: null
  changed_state_ids: number[]
  used_cache: null
}

/** A failure. No further keys: the Python client passes them on as keyword arguments. `duration` is the toast's, in seconds. */
export interface FailureOutput {
  error: string | null
  duration: number | null
  visible: boolean
  title: string
}

export interface CompletedMessage {
  msg: 'process_completed'
  event_id: string
  /** `{}` only for a cancelled event of Gradio's own page, which then keeps the value it shows. */
  output: SuccessOutput | FailureOutput | Record<string, never>
  success: boolean
  title: string | null
  used_cache: null
  cache_duration: number | null
  avg_time: number | null
}

export interface GeneratingMessage {
  msg: 'process_generating'
  event_id: string
  output: SuccessOutput
  success: true
  time_limit: null
}

export type EventMessage =
  | { msg: 'estimation'; event_id: string; rank: number | null; queue_size: number; rank_eta: number | null }
  | { msg: 'process_starts'; event_id: string; eta: number | null }
  | { msg: 'progress'; event_id: string; progress_data: ProgressUnit[] }
  | { msg: 'log'; event_id: string; log: string; level: NoticeLevel; duration: number; visible: true; title: string }
  | GeneratingMessage
  | CompletedMessage

export type StreamMessage =
  | EventMessage
  | { msg: 'heartbeat'; event_id: null }
  | { msg: 'close_stream'; event_id: null }
  | { msg: 'unexpected_error'; event_id: null; message: string; session_not_found: boolean; success: false }

/** How long a toast stays, in seconds: Gradio's own default. */
const TOAST_SECONDS = 10

const NOTICE_TITLE = { info: 'Info', warning: 'Warning', success: 'Success', error: 'Error' } as const satisfies Record<NoticeLevel, string>

/** @param text Empty shows the bare fraction. */
export function progressMessage(eventId: string, fraction: number, text: string): EventMessage {
  return { msg: 'progress', event_id: eventId, progress_data: [{ index: null, length: null, unit: 'steps', progress: fraction, desc: text === '' ? null : text }] }
}

export function logMessage(eventId: string, level: NoticeLevel, text: string): EventMessage {
  return { msg: 'log', event_id: eventId, log: text, level, duration: TOAST_SECONDS, visible: true, title: NOTICE_TITLE[level] }
}

export function generatingMessage(eventId: string, data: unknown[], runSeconds: number, averageSeconds: number | null): GeneratingMessage {
  return { msg: 'process_generating', event_id: eventId, output: successOutput(data, true, runSeconds, averageSeconds), success: true, time_limit: null }
}

export function completedMessage(eventId: string, data: unknown[], runSeconds: number, averageSeconds: number | null): CompletedMessage {
  return {
    msg: 'process_completed',
    event_id: eventId,
    output: successOutput(data, false, runSeconds, averageSeconds),
    success: true,
    title: null,
    used_cache: null,
    cache_duration: null,
    avg_time: averageSeconds,
  }
}

export function failedMessage(eventId: string, error: HostError, requestId: string): CompletedMessage {
  const output = failureOutput(error, requestId)
  return { msg: 'process_completed', event_id: eventId, output, success: false, title: output.title, used_cache: null, cache_duration: null, avg_time: null }
}

/**
 * The end of a cancelled event. Gradio's page gets an empty output, which leaves what it shows; for the libraries an empty
 * output is an internal error that takes the client's other events down, so they get nulls.
 */
export function cancelledMessage(eventId: string, outputCount: number, forPage: boolean): CompletedMessage {
  const completed = completedMessage(eventId, new Array(outputCount).fill(null), 0, null)
  return forPage ? { ...completed, output: {} } : completed
}

/** @param duration of the work, in seconds. */
export function successOutput(data: unknown[], isGenerating: boolean, duration: number, averageSeconds: number | null): SuccessOutput {
  return { data, is_generating: isGenerating, duration, average_duration: averageSeconds, render_config: null, changed_state_ids: [], used_cache: null }
}

export function failureOutput(error: HostError, requestId: string): FailureOutput {
  return { error: failureText(error, requestId), duration: TOAST_SECONDS, visible: true, title: 'Error' }
}

/** What a caller reads of a failure: the refused inputs by name, the author's words, or the general text with the request id. */
export function failureText(error: HostError, requestId: string): string {
  if (error.problems !== undefined && error.problems.length > 0) {
    return error.problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('\n')
  }
  const pointsToLog = error.code === 'MODEL_FAILED' || error.code === 'OUT_OF_MEMORY' || error.code === 'INVALID_OUTPUT' || error.code === 'INTERNAL'
  return pointsToLog ? `${error.message} Request id: ${requestId}.` : error.message
}

/** One event on the stream: exactly one `data:` line, because the Python client takes nothing else. */
export function dataLine(message: StreamMessage): string {
  return `data: ${JSON.stringify(message)}\n\n`
}
