import { createHash, randomBytes } from 'node:crypto'
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { basename, extname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import mime from 'mime-types'
import type { FileOutput, FileRef } from './components.ts'

/**
 * Copies what a model returns into the state folder, so that nothing else is ever served.
 * Each file gets a folder of its own under an unguessable name: `results/<32 hex>/<name>`.
 */
export class ResultFiles {
  readonly #stateDir: string
  readonly #modelDir: string

  constructor(stateDir: string, modelDir: string) {
    this.#stateDir = stateDir
    this.#modelDir = modelDir
  }

  /** @throws {Error} when the path is no readable regular file; the text is for the operator. */
  async keep(output: FileOutput): Promise<FileRef> {
    const folder = join(this.#stateDir, 'results', randomBytes(16).toString('hex'))
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return 'data' in output ? writeBytes(folder, output) : this.#copy(folder, output)
  }

  /** The same for a file of an example, under a name made from its content, so that restarts add nothing. */
  async keepExample(path: string): Promise<FileRef> {
    const source = this.#resolve(path)
    const { size, mtimeMs } = await stat(source)
    const id = createHash('sha256').update(`${source} ${size} ${mtimeMs}`).digest('hex').slice(0, 32)
    const folder = join(this.#stateDir, 'examples', id)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const kept = await stat(join(folder, safeName(basename(source)))).catch(() => null)
    // Another process may be reading it: what is there already is not written again.
    if (kept?.size === size) return fileRef(join(folder, safeName(basename(source))), size)
    return this.#copy(folder, { path: source })
  }

  async #copy(folder: string, output: { path: string; mimeType?: string; name?: string }): Promise<FileRef> {
    const source = this.#resolve(output.path)
    const { size } = await regularFile(source)
    const target = join(folder, safeName(output.name ?? basename(source)))
    await copyFile(source, target)
    return fileRef(target, size, output.mimeType)
  }

  #resolve(path: string): string {
    const plain = path.startsWith('file:') ? fileURLToPath(path) : path
    return isAbsolute(plain) ? plain : resolve(this.#modelDir, plain)
  }
}

async function writeBytes(folder: string, output: { data: Uint8Array; mimeType?: string; name?: string }): Promise<FileRef> {
  const mimeType = output.mimeType ?? 'application/octet-stream'
  const name = safeName(output.name ?? `result.${mime.extension(mimeType) || 'bin'}`)
  const path = join(folder, name)
  await writeFile(path, output.data, { mode: 0o600 })
  return fileRef(path, output.data.byteLength, mimeType)
}

function fileRef(path: string, size: number, mimeType?: string): FileRef {
  const name = basename(path)
  return { path, name, size, mimeType: mimeType ?? mimeTypeOf(name) }
}

async function regularFile(path: string): Promise<{ size: number }> {
  const stats = await stat(path)
  if (!stats.isFile()) throw new Error(`the returned path is not a regular file: ${path}`)
  return stats
}

function mimeTypeOf(name: string): string {
  return mime.lookup(name) || 'application/octet-stream'
}

/** URL-safe in every segment, because Gradio's Python client joins names unencoded. */
function safeName(name: string): string {
  const extension = extname(name).replace(/[^A-Za-z0-9.]/g, '').slice(0, 16)
  const stem = basename(name, extname(name)).replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^[._]+/, '').slice(0, 60)
  return `${stem || 'file'}${extension}`
}
