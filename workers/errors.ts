/**
 * The errors of the host: one base, four families, identity by `code`.
 * `instanceof` holds within one process only; across threads and processes an error travels as data (`toWire`, `fromWire`),
 * because a structured clone drops class and code.
 */

/** Whose doing it was; decides the log level and which metric outcome it counts under. */
export type ErrorFamily = 'request' | 'capacity' | 'model' | 'worker' | 'host'

const FAMILY = {
  MALFORMED_BODY: 'request',
  INVALID_INPUT: 'request',
  UNAUTHORIZED: 'request',
  FORBIDDEN: 'request',
  MODEL_NOT_FOUND: 'request',
  NOT_FOUND: 'request',
  METHOD_NOT_ALLOWED: 'request',
  NOT_ACCEPTABLE: 'request',
  TOO_LARGE: 'request',
  UNSUPPORTED_TYPE: 'request',
  WRONG_HOST: 'request',
  CANCELLED: 'request',
  MODEL_SAID: 'model',
  MODEL_FAILED: 'model',
  OUT_OF_MEMORY: 'model',
  INVALID_OUTPUT: 'model',
  QUEUE_FULL: 'capacity',
  RATE_LIMITED: 'capacity',
  NOT_READY: 'capacity',
  DRAINING: 'capacity',
  QUARANTINED: 'capacity',
  OVERLOADED: 'capacity',
  DEADLINE_EXCEEDED: 'capacity',
  WORKER_LOST: 'worker',
  POISONOUS_INPUT: 'worker',
  INTERNAL: 'host',
} as const satisfies Record<string, ErrorFamily>

export type ErrorCode = keyof typeof FAMILY

/** Every code there is, in the order of the contract's table. */
export const ERROR_CODES: readonly ErrorCode[] = Object.freeze(Object.keys(FAMILY).filter(isErrorCode))

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(FAMILY, value)
}

/** One refused input: `path` is the input's name, with dots and indexes below it. */
export interface InputProblem {
  path: string
  message: string
}

export interface HostErrorOptions {
  cause?: unknown
  /** Whole seconds after which trying again makes sense; sent as `Retry-After`. */
  retryAfterSeconds?: number
  /** For bad input: each refused input. */
  problems?: InputProblem[]
}

/**
 * An error that a caller is told about. `message` is shown to the caller, so it never holds a stack, a path or an input;
 * what the operator needs goes into `cause`, which is logged.
 */
export class HostError extends Error {
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined
  readonly problems: InputProblem[] | undefined

  constructor(code: ErrorCode, message: string, options: HostErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
    this.problems = options.problems
  }

  get family(): ErrorFamily {
    return FAMILY[this.code]
  }
}

/** Thrown by an author: the text is for the caller (422 `MODEL_SAID`). */
export class UserError extends HostError {
  /** @param message Shown to the caller as it is. */
  constructor(message: string) {
    super('MODEL_SAID', message)
  }
}

/** The caller's own doing: bad input, unknown name, cancelled. */
export class RequestError extends HostError {}

/** The host could not take the work now. */
export class CapacityError extends HostError {}

/** The author's code failed; the message is general, the author's own error is the cause. */
export class ModelError extends HostError {}

/** A worker was lost, or could not be set up. */
export class WorkerError extends HostError {}

/** An error as plain data, safe for IPC and structured clones. `cause` is the operator's text (stack), never sent to a caller. */
export interface WireError {
  code: ErrorCode
  message: string
  cause?: string
}

/** Any thrown value as data. What is no `HostError` is the author's: `MODEL_FAILED` with a general message. */
export function toWire(error: unknown): WireError {
  if (isHostError(error)) {
    const wire: WireError = { code: error.code, message: error.message }
    if (error.cause !== undefined) wire.cause = describeThrown(error.cause)
    return wire
  }
  return { code: 'MODEL_FAILED', message: MODEL_FAILED_MESSAGE, cause: describeThrown(error) }
}

/** What callers read when the author's code threw; the request id beside it leads the operator to the log. */
export const MODEL_FAILED_MESSAGE = 'The model failed on this input. The operator finds the cause in the log under the request id.'

const FAMILY_CLASS = { request: RequestError, capacity: CapacityError, model: ModelError, worker: WorkerError, host: HostError } as const

/** The error again, with the class of its family. */
export function fromWire(wire: WireError): HostError {
  if (wire.code === 'MODEL_SAID') return new UserError(wire.message)
  return createHostError(wire.code, wire.message, wire.cause === undefined ? {} : { cause: wire.cause })
}

/** A `HostError` of the class that belongs to the code's family. */
export function createHostError(code: ErrorCode, message: string, options: HostErrorOptions = {}): HostError {
  return new FAMILY_CLASS[FAMILY[code]](code, message, options)
}

/** A thrown value as text for the operator's log: the stack with its causes, at most 8 KiB. */
export function describeThrown(thrown: unknown): string {
  const parts: string[] = []
  for (let error = thrown, depth = 0; error !== undefined && depth < 5; depth++) {
    parts.push(thrownText(error))
    error = causeOf(error)
  }
  return parts.join('\ncaused by: ').slice(0, 8_192)
}

/** The line of such a text that says what it is: the first; a syntax error's stack begins with its place in the source, and says what it is further down. */
export function headlineOf(text: string): string {
  const lines = text.split('\n')
  const [first = ''] = lines
  const named = /\S:\d+$/.test(first) ? lines.find((line) => /^\w*Error\b.*: /.test(line)) : undefined
  return (named === undefined ? first : `${named} (${first})`).slice(0, 500)
}

// Authors throw anything, also revoked proxies and objects whose properties throw when they are read.
function causeOf(thrown: unknown): unknown {
  try {
    return thrown instanceof Error ? thrown.cause : undefined
  } catch {
    return undefined
  }
}

function isHostError(thrown: unknown): thrown is HostError {
  try {
    return thrown instanceof HostError
  } catch {
    return false
  }
}

function thrownText(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.stack ?? `${thrown.name}: ${thrown.message}`) : String(thrown)
  } catch {
    return 'a thrown value that has no text form'
  }
}
