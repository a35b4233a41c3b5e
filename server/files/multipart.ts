import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyInstance } from '@fastify/busboy'
import type { FileRef } from '../../workers/components.ts'
import type { FileStore } from './store.ts'
import { TooLargeError, type Upload } from './upload.ts'

const MAX_FIELDS = 1_000
const MAX_NAME_LENGTH = 200
const PART_HEADER_BYTES = 8 * 1024
const PART_HEADERS = 32
/** Boundaries, headers, and parts that are no part of a form, of all parts together. */
const OVERHEAD_BYTES = 16 * 1024 * 1024
const FORM = /^multipart\/form-data\s*;/i

export type MultipartReason = 'malformed' | 'too-large' | 'too-many' | 'aborted'

/** A form that cannot be taken. The message holds nothing that the caller does not know. */
export class MultipartError extends Error {
  readonly reason: MultipartReason

  constructor(reason: MultipartReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'MultipartError'
    this.reason = reason
  }
}

export interface MultipartOptions {
  store: FileStore
  /** For each file. */
  maxFileBytes: number
  maxFiles: number
  /** For all files together. Default: ten of the largest. */
  maxTotalBytes?: number
  /** Is this the field of a file? A file sent for any other is taken as its text. */
  fileFields: (name: string) => boolean
  /** For all text fields together. */
  maxFieldBytes: number
  /** Gives up with the signal's reason. */
  signal?: AbortSignal
  /** Hears of each piece of a file: its name as the client gave it, and the bytes since the last call. */
  onBytes?: (fileName: string, bytes: number) => void
}

export interface MultipartForm {
  /** Without prototype: every name is a plain key. Values in the order of the form. */
  fields: Record<string, string[]>
  /** In the order of the form. A file input that was left empty is none. */
  files: { field: string; ref: FileRef }[]
}

/**
 * Reads a `multipart/form-data` body, files straight into the store. On failure nothing of it stays there, and the rest of the body is left unread.
 *
 * @throws {MultipartError} `aborted` when the client left; and what `signal` or the disk failed with, as it is.
 */
export async function readMultipart(request: IncomingMessage, options: MultipartOptions): Promise<MultipartForm> {
  const reader = new FormReader(options)
  try {
    return await reader.read(request)
  } catch (error) {
    await reader.discard(error)
    throw error
  }
}

class FormReader {
  readonly #options: MultipartOptions
  readonly #maxTotalBytes: number
  readonly #fields: Record<string, string[]> = Object.create(null)
  readonly #files: MultipartForm['files'] = []
  readonly #uploads: Upload[] = []
  /** The parts so far, one after the other: a form of a thousand small files opens one at a time. */
  #received: Promise<void> = Promise.resolve()
  /** The first failure ends everything under way. */
  readonly #failure = new AbortController()
  #fieldCount = 0
  #fileCount = 0
  #fieldBytes = 0
  #fileBytes = 0

  constructor(options: MultipartOptions) {
    this.#options = options
    this.#maxTotalBytes = options.maxTotalBytes ?? options.maxFileBytes * 10
  }

  async read(request: IncomingMessage): Promise<MultipartForm> {
    this.#options.signal?.throwIfAborted()
    const maxBodyBytes = this.#maxTotalBytes + this.#options.maxFieldBytes + OVERHEAD_BYTES
    if (Number(request.headers['content-length']) > maxBodyBytes) throw tooLarge('The form', maxBodyBytes)
    await this.#feed(request, createParser(request), maxBodyBytes)
    // What went wrong stands in the failure, in the words of a form.
    await this.#received.catch(() => {})
    this.#failure.signal.throwIfAborted()
    return { fields: this.#fields, files: this.#files }
  }

  /** Ends what is under way and removes every file of the form. */
  async discard(reason: unknown): Promise<void> {
    this.#failure.abort(reason)
    await this.#received.catch(() => {})
    await Promise.all(this.#uploads.map((upload) => upload.discard()))
  }

  /** By hand, not by `pipeline`: that would destroy the request on failure, and with it the connection that has to carry the answer. */
  async #feed(request: IncomingMessage, parser: BusboyInstance, maxBodyBytes: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (error: unknown): void => this.#failure.abort(error)
    const onCallerAbort = (): void => fail(this.#options.signal?.reason)
    const onClose = (): void => {
      if (!request.complete) fail(new MultipartError('aborted', 'The form ended early.'))
    }
    let bodyBytes = 0
    const onData = (chunk: Buffer): void => {
      bodyBytes += chunk.length
      if (bodyBytes > maxBodyBytes) fail(tooLarge('The form', maxBodyBytes))
    }
    this.#failure.signal.addEventListener('abort', () => reject(this.#failure.signal.reason), { once: true })
    this.#options.signal?.addEventListener('abort', onCallerAbort)
    request.on('data', onData).on('error', onClose).on('close', onClose)
    // Never taken off: a parser that was left alone may still fail later.
    parser.on('error', (error) => fail(new MultipartError('malformed', 'The form is not well-formed.', error)))
    parser.on('partsLimit', () => fail(new MultipartError('too-many', 'The form has too many parts.')))
    parser.on('file', (field: string | undefined, content, fileName: string | undefined, _encoding, mimeType) => this.#receive({ field, fileName, mimeType }, content))
    parser.on('finish', resolve)
    try {
      if (request.destroyed) onClose()
      request.pipe(parser)
      await promise
    } finally {
      request.unpipe(parser)
      request.off('data', onData).off('close', onClose)
      // 'error' stays listened to: it comes with the client's leaving, also after we gave up.
      request.pause()
      this.#options.signal?.removeEventListener('abort', onCallerAbort)
    }
  }

  #receive(part: Part, content: Readable): void {
    // What is wrong with a part, the parser has said before.
    content.on('error', () => {})
    this.#received = this.#received.then(() => this.#receivePart(part, content))
    this.#received.catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    this.#failure.abort(error instanceof TooLargeError ? tooLarge('A file', error.limitBytes, error) : error)
  }

  async #receivePart({ field, fileName, mimeType }: Part, content: Readable): Promise<void> {
    if (field === undefined || field.length > MAX_NAME_LENGTH) throw new MultipartError('malformed', 'A field of the form has no name, or one that is too long.')
    const isText = fileName === undefined && (mimeType === 'text/plain' || mimeType === 'application/json')
    if (isText || !this.#options.fileFields(field)) await this.#receiveText(field, content)
    else await this.#receiveFile(field, fileName ?? '', mimeType, content)
  }

  async #receiveText(field: string, content: Readable): Promise<void> {
    this.#fieldCount += 1
    if (this.#fieldCount > MAX_FIELDS) throw new MultipartError('too-many', `The form has more than ${MAX_FIELDS} fields.`)
    const chunks: Buffer[] = []
    const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of source) {
        this.#fieldBytes += chunk.length
        if (this.#fieldBytes > this.#options.maxFieldBytes) throw tooLarge('The text of the form', this.#options.maxFieldBytes)
        chunks.push(chunk)
      }
    }
    await pipeline(content, collect, { signal: this.#failure.signal })
    const values = (this.#fields[field] ??= [])
    values.push(decodeText(Buffer.concat(chunks)))
  }

  async #receiveFile(field: string, fileName: string, mimeType: string, content: Readable): Promise<void> {
    const { store, maxFiles, maxFileBytes } = this.#options
    this.#fileCount += 1
    if (this.#fileCount > maxFiles) throw new MultipartError('too-many', `The form has more than ${maxFiles} files.`)
    // The parser says text/plain also when the client said nothing.
    const upload = await store.createUpload(fileName, mimeType === 'text/plain' ? undefined : mimeType, { maxBytes: maxFileBytes })
    this.#uploads.push(upload)
    // Heard here first: the pipeline then ends `content` with the same error, which would look like a form that is not well-formed.
    upload.stream.on('error', (error) => this.#fail(error))
    content.on('data', (chunk: Buffer) => this.#count(fileName, chunk.length))
    await pipeline(content, upload.stream, { signal: this.#failure.signal })
    if (fileName === '' && upload.bytes === 0) await upload.discard()
    else this.#files.push({ field, ref: await upload.commit() })
  }

  #count(fileName: string, bytes: number): void {
    this.#fileBytes += bytes
    if (this.#fileBytes > this.#maxTotalBytes) this.#failure.abort(tooLarge('All files of the form together', this.#maxTotalBytes))
    this.#options.onBytes?.(fileName, bytes)
  }
}

interface Part {
  field: string | undefined
  fileName: string | undefined
  mimeType: string
}

/** Every part as a stream, text too: its bytes are counted and decoded here, strictly. */
function createParser({ headers }: IncomingMessage): BusboyInstance {
  const contentType = headers['content-type']
  if (contentType === undefined || !FORM.test(contentType)) throw new MultipartError('malformed', 'The body is no multipart/form-data with a boundary.')
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: () => true,
      limits: { parts: MAX_FIELDS * 2, headerPairs: PART_HEADERS, headerSize: PART_HEADER_BYTES },
    })
  } catch (error) {
    throw new MultipartError('malformed', 'The body is no multipart/form-data with a boundary.', error)
  }
}

function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new MultipartError('malformed', 'A field of the form is not valid UTF-8.', error)
  }
}

function tooLarge(what: string, limitBytes: number, cause?: unknown): MultipartError {
  return new MultipartError('too-large', `${what} may have at most ${limitBytes} bytes.`, cause)
}
