/** JSON bodies, read strictly: type, size before and after inflation, UTF-8, depth, and keys that could reach a prototype. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'

import { RequestError } from '../workers/errors.ts'
import { freeBuffer, joined, WORTH_FREEING_BYTES } from '../workers/free-buffer.ts'
import { SlowBodyError } from './http-errors.ts'
import { awaitSender, heardFrom, noLongerAwaited } from './slow-senders.ts'

export type JsonObject = Record<string, unknown>

export const MAX_JSON_DEPTH = 100

const INFLATERS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const

/**
 * Reads the body as a JSON object. A request without a body, or with an empty one, is `{}` whatever its type.
 *
 * @param maxBytes Bound on the bytes that arrive and on what they inflate to.
 * @throws {RequestError} `UNSUPPORTED_TYPE`, `TOO_LARGE` or `MALFORMED_BODY`; `SlowBodyError` when the sender stalls.
 */
export function readJsonObject(req: IncomingMessage, maxBytes: number): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    takeJsonObject(req, maxBytes, (body, json) => {
      if (json !== undefined) freeBuffer(json)
      resolve(body)
    }, reject)
  })
}

/**
 * The same for the hottest route, without promises: one of the two is called, once, maybe at once.
 *
 * @param taken Must not throw. `json`: the bytes themselves where they are many, without a byte order mark; they are the callee's to free.
 */
export function takeJsonObject(req: IncomingMessage, maxBytes: number, taken: (body: JsonObject, json?: Buffer) => void, failed: (error: unknown) => void): void {
  const { headers } = req
  if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return taken({})
  const parse = (body: Buffer): void => {
    let parsed: JsonObject = {}
    try {
      if (body.length > 0) parsed = parseJsonObject(body)
    } catch (error) {
      return failed(error)
    }
    if (body.length < WORTH_FREEING_BYTES) taken(parsed)
    else taken(parsed, hasMark(body) ? body.subarray(MARK_BYTES) : body)
  }
  try {
    if (headers['content-type'] !== 'application/json') requireJsonType(headers['content-type'])
  } catch (error) {
    return failed(error)
  }
  takeBody(req, maxBytes, parse, failed)
}

/** Reads a body whole and inflates it. */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => takeBody(req, maxBytes, resolve, reject))
}

function takeBody(req: IncomingMessage, maxBytes: number, taken: (body: Buffer) => void, failed: (error: unknown) => void): void {
  const encoding = req.headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') collect(req, maxBytes, taken, failed)
  else readPacked(req, encoding, maxBytes).then(taken, failed)
}

async function readPacked(req: IncomingMessage, encoding: string, maxBytes: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase()
  if (!isInflatable(name)) throw new RequestError('UNSUPPORTED_TYPE', 'The content encoding is not supported; gzip, deflate and br are.')
  const packed = await new Promise<Buffer>((resolve, reject) => collect(req, maxBytes, resolve, reject))
  return packed.length === 0 ? packed : await unpack(name, packed, maxBytes)
}

function isInflatable(name: string): name is keyof typeof INFLATERS {
  return Object.hasOwn(INFLATERS, name)
}

async function unpack(encoding: keyof typeof INFLATERS, packed: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await INFLATERS[encoding](packed, { maxOutputLength: maxBytes })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
    throw new RequestError('MALFORMED_BODY', 'The body does not unpack with its content encoding.', { cause: error })
  }
}

function collect(req: IncomingMessage, maxBytes: number, taken: (body: Buffer) => void, failed: (error: unknown) => void): void {
  if (Number(req.headers['content-length']) > maxBytes) return failed(tooLarge(maxBytes))
  const chunks: Buffer[] = []
  let bodyBytes = 0
  let isSettled = false
  // Listeners stay where they are: the request has few events left, and taking them off costs more than hearing those.
  const settle = (): boolean => {
    if (isSettled) return false
    isSettled = true
    noLongerAwaited(req)
    return true
  }
  // What has come is held no longer than it is needed: the listeners live as long as the request.
  const takeChunks = (): Buffer[] => chunks.splice(0)
  const fail = (error: Error): void => {
    if (!settle()) return
    takeChunks()
    failed(error)
  }
  req.on('data', (chunk: Buffer) => {
    if (isSettled) return
    bodyBytes += chunk.length
    chunks.push(chunk)
    if (bodyBytes > maxBytes) fail(tooLarge(maxBytes))
    else if (chunks.length > 1) heardFrom(req)
  })
  req.on('end', () => {
    if (settle()) taken(oneBuffer(takeChunks()))
  })
  req.on('close', () => {
    if (!isSettled) fail(new RequestError('MALFORMED_BODY', 'The body ended early.'))
  })
  // An aborted request emits 'error' too; without a listener it would be thrown.
  req.on('error', ignoreError)
  awaitSender(req, () => fail(new SlowBodyError()))
}

function ignoreError(): void {
  // The 'close' that follows tells the same.
}

function oneBuffer(chunks: Buffer[]): Buffer {
  if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0]
  const whole = joined(chunks)
  for (const chunk of chunks) freeBuffer(chunk)
  return whole
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError('TOO_LARGE', `The body is larger than ${Math.floor(maxBytes / 1024 / 1024)} MB.`)
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/
const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i

/** @throws {RequestError} `UNSUPPORTED_TYPE` when the content type is no JSON, or JSON in another charset than UTF-8. */
export function requireJsonType(contentType: string | undefined): void {
  const mediaType = mediaTypeOf(contentType)
  if (!JSON_TYPE.test(mediaType)) {
    throw new RequestError('UNSUPPORTED_TYPE', 'The body must be application/json, or multipart/form-data where files are sent. Set the content-type header.')
  }
  const charset = CHARSET.exec(contentType ?? '')?.[1]?.toLowerCase()
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
    throw new RequestError('UNSUPPORTED_TYPE', 'JSON must be encoded in UTF-8.')
  }
}

/** The media type in lower case, without parameters; empty when there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  if (contentType === undefined) return ''
  const end = contentType.indexOf(';')
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

/**
 * Parses bytes as one JSON object.
 *
 * @throws {RequestError} `MALFORMED_BODY`: no UTF-8, no JSON, no object, deeper than 100 levels, or a key that could reach a prototype.
 */
export function parseJsonObject(bytes: Buffer): JsonObject {
  const value = parseJson(bytes)
  if (!isJsonObject(value)) throw new RequestError('MALFORMED_BODY', 'The body must be a JSON object.')
  return value
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Parses bytes as JSON of any kind, with the same strictness. */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new RequestError('MALFORMED_BODY', 'The body is not valid UTF-8.')
  return parseJsonText(bytes.toString('utf8', hasMark(bytes) ? MARK_BYTES : 0))
}

const MARK_BYTES = 3

function hasMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}

/** Parses a text as JSON of any kind, with the same strictness. */
export function parseJsonText(text: string): unknown {
  // A text of 200 characters cannot close more than 100 levels, so the common small body is not scanned.
  if (text.length > 2 * MAX_JSON_DEPTH && jsonDepth(text) > MAX_JSON_DEPTH) {
    throw new RequestError('MALFORMED_BODY', `The JSON is nested deeper than ${MAX_JSON_DEPTH} levels.`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new RequestError('MALFORMED_BODY', 'The body is not valid JSON.', { cause: error })
  }
  if (mayNamePrototype(text) && namesPrototype(value)) throw new RequestError('MALFORMED_BODY', 'The JSON has a key that is not allowed.')
  return value
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** `[` and `{` differ in this bit only, and so do `]` and `}`. */
const BRACE_BIT = 0x20
const OPENING = 0x7b
const CLOSING = 0x7d

/** How deep arrays and objects nest, found without parsing: recursion in the parser or in those who walk the value cannot be reached. */
export function jsonDepth(text: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === QUOTE) at = endOfString(text, at)
    else if ((character | BRACE_BIT) === OPENING) deepest = Math.max(deepest, ++depth)
    else if ((character | BRACE_BIT) === CLOSING) depth--
  }
  return deepest
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end
}

function isEscaped(text: string, quoteAt: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(quoteAt - 1 - backslashes) === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}

/** A quick look, so that the value is only walked when it must be. An escape may hide any key. */
function mayNamePrototype(text: string): boolean {
  return text.includes('__proto__') || text.includes('constructor') || text.includes('\\u')
}

function namesPrototype(root: unknown): boolean {
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null) continue
    if (!Array.isArray(value) && hasPrototypeKey(value)) return true
    for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) open.push(child)
  }
  return false
}

function hasPrototypeKey(value: object): boolean {
  if (Object.hasOwn(value, '__proto__')) return true
  if (!Object.hasOwn(value, 'constructor')) return false
  const inner = Object.getOwnPropertyDescriptor(value, 'constructor')?.value
  return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, 'prototype')
}
