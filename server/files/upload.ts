import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { FileRef } from '../../workers/components.ts'
import { mimeTypeOf, safeFileName, withMediaExtension } from './names.ts'

const HEAD_BYTES = 64
/** No stored name begins with a dot, so a file that is not whole can never be asked for. */
const PARTIAL_NAME = '.partial'

/** A file is larger than allowed. */
export class TooLargeError extends Error {
  readonly code = 'TOO_LARGE'
  readonly limitBytes: number

  constructor(limitBytes: number) {
    super(`the file is larger than ${limitBytes} bytes`)
    this.name = 'TooLargeError'
    this.limitBytes = limitBytes
  }
}

export interface UploadOptions {
  /** Exists, is empty, and belongs to this file alone. */
  folder: string
  /** As the client gave it. */
  name: string
  /** As the client gave it. */
  mimeType: string | undefined
  maxBytes: number
  /** May the content say what it is, when the client does not? */
  sniff: boolean
  /** Called once, after `commit` or `discard`. */
  settled: (bytes: number) => void
}

/** A file on its way into the store: write to `stream`, then `commit`, or `discard` on every other path. */
export class Upload {
  /** Fails with `TooLargeError` above `maxBytes`. */
  readonly stream: Writable
  readonly #options: UploadOptions
  readonly #handle: FileHandle
  #head = Buffer.alloc(0)
  #bytes = 0
  #isSettled = false

  private constructor(handle: FileHandle, options: UploadOptions) {
    this.#handle = handle
    this.#options = options
    this.stream = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        this.#write(chunk).then(() => callback(), callback)
      },
      final: (callback) => {
        handle.close().then(() => callback(), callback)
      },
      destroy: (error, callback) => {
        handle.close().then(() => callback(error), () => callback(error))
      },
    })
    // Who pipes into the stream hears of its failure there; `commit` reports it to everyone else.
    this.stream.on('error', () => {})
  }

  static async open(options: UploadOptions): Promise<Upload> {
    return new Upload(await open(join(options.folder, PARTIAL_NAME), 'wx', 0o600), options)
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Ends the stream when it has not ended yet, and gives the file its name.
   *
   * @throws {TooLargeError} and whatever else the stream failed with; `discard` is still due then.
   */
  async commit(): Promise<FileRef> {
    const { folder, mimeType: claimed, sniff } = this.#options
    if (!this.stream.writableEnded && !this.stream.destroyed) this.stream.end()
    await finished(this.stream)
    const given = safeFileName(this.#options.name)
    const mimeType = mimeTypeOf(given, claimed, sniff ? this.#head : undefined)
    const name = withMediaExtension(given, mimeType)
    const path = join(folder, name)
    await rename(join(folder, PARTIAL_NAME), path)
    this.#settle()
    return { path, name, size: this.#bytes, mimeType }
  }

  /** Removes the file, whole or not, committed or not. Repeatable. */
  async discard(): Promise<void> {
    this.stream.destroy()
    // Windows removes no file that is still open.
    if (!this.stream.closed) await new Promise((resolve) => this.stream.once('close', resolve))
    await rm(this.#options.folder, { recursive: true, force: true })
    this.#settle()
  }

  async #write(chunk: Buffer): Promise<void> {
    this.#bytes += chunk.length
    if (this.#bytes > this.#options.maxBytes) throw new TooLargeError(this.#options.maxBytes)
    if (this.#head.length < HEAD_BYTES) this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD_BYTES)])
    await this.#handle.writeFile(chunk)
  }

  #settle(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#options.settled(this.#bytes)
  }
}
