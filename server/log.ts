/** What the operator reads: JSON lines on stdout, request ids, and the W3C trace context. */
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { format } from 'node:util'
import pino from 'pino'
import type { DestinationStream, Logger, LoggerOptions } from 'pino'

import { LogStream } from './log-stream.ts'
import { unguessableId } from './unguessable-id.ts'

export type { Logger } from 'pino'

export interface LogOptions {
  /** A pino level, or `silent`. */
  level: string
  /** Coloured lines for a person, in place of JSON. */
  pretty: boolean
  /** Default: stdout through a `LogStream`. */
  destination?: DestinationStream
}

/** A crash that nobody can catch loses the lines of so long at most. */
const GATHER_MS = 10
/** Where loggers of JSON lines write. */
const targets = new WeakMap<Logger, DestinationStream>()

const OWN_KEYS = ['timestamp', 'level', 'message'] as const

/**
 * The host's logger. Each line is one object that begins with `timestamp` (ISO 8601), `level` (a word) and `message`; then come
 * the fields. A field by one of these three names gets `_` behind it. Errors go under `error`, with their stack and causes.
 * What was logged before a `process.exit` is written.
 */
export function createLogger({ level, pretty, destination }: LogOptions): Logger {
  const target = destination ?? new LogStream(process.stdout, (dropped) => logger.warn({ dropped }, 'Log lines were dropped, nobody read them'), GATHER_MS)
  const options: LoggerOptions = {
    level,
    base: { pid: process.pid },
    messageKey: 'message',
    errorKey: 'error',
    timestamp: isoTimestamp,
    formatters: { level: (label) => ({ level: label }) },
    hooks: { logMethod: logWithMessage, streamWrite: messageFirst },
  }
  const logger = pino(options, pretty ? prettyStream(target) : target)
  if (!pretty) targets.set(logger, target)
  return logger
}

/** Logs one line that a model wrote. */
export type LineLog = (model: string, worker: number, stream: 'stdout' | 'stderr', text: string) => void

export function createLineLog(log: Logger): LineLog {
  const write = createInfoLog(log, 'a model wrote')
  return (model, worker, stream, text) => write({ model, worker, stream, text })
}

/** Flat, with values that JSON has; `timestamp`, `level` and `message` are no names for them. */
export type PlainFields = Readonly<Record<string, string | number>>

/**
 * The same lines as by `log.info(fields, message)`, made by hand: for what comes ten thousand times a second, where the logger's own way takes four times as long.
 */
export function createInfoLog(log: Logger, message: string): (fields: PlainFields) => void {
  const target = targets.get(log)
  if (target === undefined) return (fields) => log.info(fields, message)
  const fixed = `,"level":"info","message":${JSON.stringify(message)},"pid":${process.pid},`
  return (fields) => {
    if (log.isLevelEnabled('info')) target.write(`{${isoTimestamp().slice(1)}${fixed}${JSON.stringify(fields).slice(1)}\n`)
  }
}

/** For the composition root: pretty when a person looks at the terminal. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true
}

let stampedMs = NaN
let timestamp = ''

/** Many lines share their millisecond. */
function isoTimestamp(): string {
  const now = Date.now()
  if (now !== stampedMs) {
    stampedMs = now
    timestamp = `,"timestamp":"${new Date(now).toISOString()}"`
  }
  return timestamp
}

type LogMethod = NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']>

// Makes sure that every line has a message and no field takes its name, which `messageFirst` relies on.
const logWithMessage: LogMethod = function (args, method) {
  const [first, ...rest]: unknown[] = args
  if (typeof first !== 'object' || first === null) return method.call(this, {}, format(first, ...rest))
  const fields = first instanceof Error ? { error: first } : withoutOwnKeys({ ...first })
  method.call(this, fields, rest.length > 0 ? format(...rest) : errorMessage(fields))
}

function errorMessage({ error }: Record<string, unknown>): string {
  return error instanceof Error ? error.message : ''
}

function withoutOwnKeys(fields: Record<string, unknown>): Record<string, unknown> {
  for (const key of OWN_KEYS) {
    if (!Object.hasOwn(fields, key)) continue
    fields[`${key}_`] = fields[key]
    delete fields[key]
  }
  return fields
}

const LEVEL_START = '{'.length
const TIMESTAMP_LENGTH = isoTimestamp().length

/**
 * pino writes `{"level":…,"timestamp":…,<fields>,"message":…}`, and has no option for another order. The last `,"message":` is
 * the line's own: quotes inside of texts are escaped, and no own field comes after it.
 */
function messageFirst(line: string): string {
  const levelEnd = line.indexOf(',')
  const fieldsStart = levelEnd + TIMESTAMP_LENGTH
  const messageStart = line.lastIndexOf(',"message":')
  if (messageStart < fieldsStart) return line
  const timestamp = line.slice(levelEnd + 1, fieldsStart)
  const level = line.slice(LEVEL_START, levelEnd)
  const message = line.slice(messageStart, line.lastIndexOf('}'))
  return `{${timestamp},${level}${message}${line.slice(fieldsStart, messageStart)}}\n`
}

function prettyStream(destination: DestinationStream): DestinationStream {
  // Loaded when needed only: with a service it never is.
  const load = createRequire(import.meta.url)
  const prettyFactory: typeof import('pino-pretty').prettyFactory = load('pino-pretty').prettyFactory
  const prettify = prettyFactory({
    colorize: isTerminal(),
    messageKey: 'message',
    timestampKey: 'timestamp',
    translateTime: 'SYS:HH:MM:ss.l',
    errorLikeObjectKeys: ['error'],
    ignore: 'pid',
  })
  return { write: (line) => destination.write(prettify(line)) }
}

/** A new id for a request: 32 characters of `[a-f0-9]`, unguessable. */
export function newRequestId(): string {
  return unguessableId()
}

/** The caller's own request id when it is harmless (`[A-Za-z0-9._-]`, 1 to 128 of them), else a new one. */
export function saneRequestId(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(header) ? header : newRequestId()
}

/** Where a request stands in a distributed trace. Ids in lower-case hex. */
export interface TraceContext {
  /** 32 digits, the same in the whole trace. */
  traceId: string
  /** 16 digits: the caller's span. */
  parentId: string
  /** The caller records this trace. */
  sampled: boolean
}

const SAMPLED_FLAG = 0x01

/**
 * Reads a `traceparent` header; null when it is absent or not valid. A later version than 00 is read as far as 00 knows it.
 * Source: W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function parseTraceparent(header: string | undefined): TraceContext | null {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header ?? '')
  if (!match) return null
  const [, version = '', traceId = '', parentId = '', flags = '', more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return null
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return null
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & SAMPLED_FLAG) !== 0 }
}

/** The `traceparent` to hand on: a new span in the caller's trace, or, with null, in a new trace that nobody records. */
export function childTraceparent(parent: TraceContext | null): string {
  return `00-${parent?.traceId ?? randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${parent?.sampled ? '01' : '00'}`
}
