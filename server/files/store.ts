import { randomBytes } from 'node:crypto'
import { lstat, mkdir, open, realpath, rm, utimes } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { FileRef } from '../../workers/components.ts'
import { isStoredName, mimeTypeOf, mimeTypeOfName } from './names.ts'
import { sweepFolders, type SweepReport } from './sweep.ts'
import { Upload } from './upload.ts'

const AREAS = ['uploads', 'results', 'examples'] as const
/** Examples live as long as their model. */
const SWEPT_AREAS = ['uploads', 'results'] as const
const PUBLIC_PATH = /^(?<area>uploads|results|examples)\/(?<folder>[0-9a-f]{32})\/(?<name>[^/]+)$/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const DATA_URL = /^data:(?<mimeType>[^,;]*)(?:;[^,;]*)*;base64,/i
const MAX_DATA_URL_HEAD = 1_024
const LONGEST_SWEEP_PAUSE_MS = 3_600_000
const DEFAULT_TOTAL_BYTES = 10_240 * 1024 * 1024

export interface FileStoreOptions {
  /** Exists, belongs to this user. */
  stateDir: string
  /** Uploads and results that were not used for longer are removed. */
  keepFilesSeconds: number
  /** The largest single file, where a caller does not say less. */
  maxFileBytes: number
  /** Above this, uploads and results are removed before their time, the longest unused first. Default: 10 GiB. */
  maxTotalBytes?: number
  /** Hears of a sweep that failed. */
  onSweepError?: (error: unknown) => void
}

/** `data` is neither base64 nor a `data:` URL that holds base64. */
export class InvalidBase64Error extends Error {
  readonly code = 'INVALID_BASE64'

  constructor() {
    super('the data is not valid base64')
    this.name = 'InvalidBase64Error'
  }
}

/**
 * The files of the state folder: what callers sent (`uploads/`), what models returned (`results/`, written by the workers) and the files of examples (`examples/`).
 * Each lies at `<area>/<32 hex digits>/<name>`, folders 0700, files 0600. That relative path, unguessable, is also its public name.
 */
export class FileStore {
  readonly #options: FileStoreOptions
  readonly #realStateDir: string
  readonly #maxTotalBytes: number
  /** Folders that must stay, with how often they are held. */
  readonly #held = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #sweeping: Promise<SweepReport> | undefined
  #bytesSinceSweep = 0

  private constructor(realStateDir: string, options: FileStoreOptions) {
    this.#options = options
    this.#realStateDir = realStateDir
    this.#maxTotalBytes = options.maxTotalBytes ?? DEFAULT_TOTAL_BYTES
  }

  /** @throws {Error} when an area cannot be made or is a symbolic link. */
  static async open(options: FileStoreOptions): Promise<FileStore> {
    const realStateDir = await realpath(options.stateDir)
    for (const area of AREAS) {
      const path = join(realStateDir, area)
      await mkdir(path, { recursive: true, mode: 0o700 })
      if (!(await lstat(path)).isDirectory()) throw new Error(`${path} must be a folder, not a link`)
    }
    return new FileStore(realStateDir, options)
  }

  /**
   * Begins a file of a caller.
   *
   * @param mimeType What the client says; nothing or `application/octet-stream` leaves it to the extension and the first bytes.
   */
  async createUpload(name: string, mimeType: string | undefined, options: { maxBytes?: number; sniff?: boolean } = {}): Promise<Upload> {
    const folder = join(this.#realStateDir, 'uploads', randomBytes(16).toString('hex'))
    // The area too: a cleaner of the temporary folder may have taken it.
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const release = this.#hold(folder)
    const settled = (bytes: number): void => {
      release()
      this.#noteWritten(bytes)
    }
    try {
      return await Upload.open({ folder, name, mimeType, maxBytes: options.maxBytes ?? this.#options.maxFileBytes, sniff: options.sniff ?? true, settled })
    } catch (error) {
      release()
      throw error
    }
  }

  /**
   * Stores bytes that came as text: plain base64 (RFC 4648, section 4, padded, no white space) or a `data:` URL of it.
   *
   * @param mimeType Wins over the one in a `data:` URL, unless empty. The content is not looked at.
   * @throws {InvalidBase64Error}
   * @throws {TooLargeError}
   */
  async fromBase64(data: string, mimeType?: string, name?: string): Promise<FileRef> {
    const head = data.startsWith('data:') ? DATA_URL.exec(data.slice(0, MAX_DATA_URL_HEAD)) : null
    const text = head === null ? data : data.slice(head[0].length)
    if (text.length % 4 !== 0 || !BASE64.test(text)) throw new InvalidBase64Error()
    const upload = await this.createUpload(name ?? 'file', mimeType || head?.groups?.['mimeType'], { sniff: false })
    try {
      upload.stream.end(Buffer.from(text, 'base64'))
      return await upload.commit()
    } catch (error) {
      await upload.discard()
      throw error
    }
  }

  /**
   * The file of a public path, percent-decoded already. Null for everything that is not exactly a whole, regular file of this store: nothing is said about why.
   */
  async refFromPublicPath(publicPath: string): Promise<FileRef | null> {
    const { area, folder, name } = PUBLIC_PATH.exec(publicPath)?.groups ?? {}
    if (area === undefined || folder === undefined || name === undefined || !isStoredName(name)) return null
    const path = join(this.#realStateDir, area, folder, name)
    try {
      const stats = await lstat(path)
      if (!stats.isFile() || (await realpath(path)) !== path) return null
      return { path, name, size: stats.size, mimeType: await storedMimeType(path, name) }
    } catch {
      // Gone, or never there: the same answer.
      return null
    }
  }

  /**
   * The public path of a stored file, `uploads/<id>/<name>`: safe in a URL as it is.
   *
   * @throws {Error} for a file outside the store; that is a bug of the host.
   */
  publicPath(ref: { path: string }): string {
    for (const root of [this.#realStateDir, this.#options.stateDir]) {
      const inside = relative(root, ref.path).split(sep).join('/')
      if (PUBLIC_PATH.test(inside)) return inside
    }
    throw new Error('a file outside the state folder has no public path')
  }

  /** Counts as use: the file's time to live begins anew. */
  async touch(ref: { path: string }): Promise<void> {
    const now = new Date()
    // The folder's time, not the file's: that one is the file's ETag.
    await utimes(dirname(ref.path), now, now).catch(() => {})
  }

  /** Keeps a file from being swept while it is in use, however long that takes. @returns gives it back; repeatable. */
  hold(ref: { path: string }): () => void {
    return this.#hold(dirname(join(this.#realStateDir, this.publicPath(ref))))
  }

  /** Removes a file of the store. */
  async remove(ref: { path: string }): Promise<void> {
    this.publicPath(ref)
    await rm(dirname(ref.path), { recursive: true, force: true })
  }

  /** Removes uploads and results past their time, then the longest unused while all together are too large. One sweep at a time. */
  sweep(now = Date.now()): Promise<SweepReport> {
    this.#sweeping ??= this.#sweepNow(now).finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  /** Sweeps now, then each tenth of the keep time, at least each hour, and whenever much was written. Does not keep the process alive. */
  start(): void {
    const pauseMs = Math.min(this.#options.keepFilesSeconds * 100, LONGEST_SWEEP_PAUSE_MS)
    this.#timer ??= setInterval(() => this.#sweepInBackground(), Math.max(pauseMs, 1_000)).unref()
    this.#sweepInBackground()
  }

  /** Stops sweeping; resolves when a sweep under way has ended. The files stay. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#sweeping?.catch(() => {})
  }

  #hold(folder: string): () => void {
    this.#held.set(folder, (this.#held.get(folder) ?? 0) + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const left = (this.#held.get(folder) ?? 1) - 1
      if (left === 0) this.#held.delete(folder)
      else this.#held.set(folder, left)
    }
  }

  #noteWritten(bytes: number): void {
    this.#bytesSinceSweep += bytes
    if (this.#timer !== undefined && this.#bytesSinceSweep > this.#maxTotalBytes / 10) this.#sweepInBackground()
  }

  #sweepInBackground(): void {
    this.sweep().catch((error: unknown) => this.#options.onSweepError?.(error))
  }

  #sweepNow(now: number): Promise<SweepReport> {
    this.#bytesSinceSweep = 0
    return sweepFolders({
      areas: SWEPT_AREAS.map((area) => join(this.#realStateDir, area)),
      keepMs: this.#options.keepFilesSeconds * 1_000,
      maxTotalBytes: this.#maxTotalBytes,
      now,
      isHeld: (folder) => this.#held.has(folder),
    })
  }
}

/** Names without an extension that says something, such as a plain `blob`, are known by their content. */
async function storedMimeType(path: string, name: string): Promise<string> {
  const byName = mimeTypeOfName(name)
  return byName === 'application/octet-stream' ? mimeTypeOf(name, undefined, await readHead(path)) : byName
}

async function readHead(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
