import { RequestError } from '../../workers/errors.ts'
import type { FileRef } from '../../workers/components.ts'
import { mimeTypeOf, safeFileName } from '../files/names.ts'
import { fetchRemoteFile, RemoteFileError } from '../files/remote.ts'
import { InvalidBase64Error } from '../files/store.ts'
import type { FileStore } from '../files/store.ts'
import { FILE_DATA_TYPE, isRecord } from './component.ts'
import type { FileData } from './component.ts'

/** How long a URL in an input may take to fetch. */
const FETCH_MS = 30_000

/** Where a reader fetches files: the store that knows their public names, and the absolute URL that `/file=` stands below. */
export interface RenderContext {
  files: FileStore
  /** Without a final slash, as this reader's request came in. */
  apiRoot: string
}

/** What resolving a client's files needs. */
export interface FileSource {
  files: FileStore
  maxBytes: number
  allowPrivateUrls: boolean
  signal: AbortSignal
}

/** A kept file for a reader. Its names are made of characters that need no encoding in a URL. */
export function renderFileData(file: FileRef, { files, apiRoot }: RenderContext): FileData {
  const path = files.publicPath(file)
  return { path, url: `${apiRoot}/file=${path}`, size: file.size, orig_name: file.name, mime_type: file.mimeType, is_stream: false, meta: { _type: FILE_DATA_TYPE } }
}

/**
 * The file that a client means: what an upload or a result of this host was named, a `data:` URL, or an http(s) URL that is fetched.
 *
 * @param path The input's name, for messages.
 * @throws {RequestError} `INVALID_INPUT` for everything else, local paths first of all.
 */
export async function resolveFileData(leaf: unknown, path: string, source: FileSource): Promise<FileRef> {
  if (!isRecord(leaf) || !isRecord(leaf['meta']) || leaf['meta']['_type'] !== FILE_DATA_TYPE) {
    throw refusal(path, 'must be a file: what an upload returned, or a URL, with meta._type "gradio.FileData"')
  }
  const places = [leaf['path'], leaf['url']].filter((place) => typeof place === 'string' && place !== '')
  for (const place of places) {
    const own = await ownFile(String(place), source.files)
    if (own !== null) return named(own, leaf['orig_name'])
  }
  const url = places.map(String).find((place) => /^(?:https?|data):/i.test(place))
  if (url === undefined) throw refusal(path, 'is not a file that was uploaded here')
  return url.slice(0, 5).toLowerCase() === 'data:' ? inlineFile(url, path, leaf['orig_name'], source) : remoteFile(url, path, source)
}

/** Ours by its public name, or by any URL that ends in it: the name alone is the key, whoever forwards the host's address. */
async function ownFile(place: string, files: FileStore): Promise<FileRef | null> {
  const name = /^https?:/i.test(place) ? /\/file[=/]([^?#]+)$/.exec(place)?.[1] : place
  return name === undefined || name.length > 1_024 ? null : files.refFromPublicPath(name)
}

/** Uploads of the JavaScript client are all called `blob`; what the user calls the file comes beside it. */
function named(file: FileRef, originalName: unknown): FileRef {
  if (typeof originalName !== 'string' || originalName === '') return file
  const name = safeFileName(originalName)
  return { ...file, name, mimeType: mimeTypeOf(name, file.mimeType) }
}

async function inlineFile(url: string, path: string, originalName: unknown, { files }: FileSource): Promise<FileRef> {
  try {
    return await files.fromBase64(url, undefined, typeof originalName === 'string' ? originalName : undefined)
  } catch (error) {
    if (!(error instanceof InvalidBase64Error)) throw error
    throw refusal(path, 'is no readable data: URL', error)
  }
}

async function remoteFile(url: string, path: string, { files, maxBytes, allowPrivateUrls, signal }: FileSource): Promise<FileRef> {
  try {
    return await fetchRemoteFile(url, { store: files, maxBytes, timeoutMs: FETCH_MS, allowPrivate: allowPrivateUrls, signal })
  } catch (error) {
    if (!(error instanceof RemoteFileError)) throw error
    throw refusal(path, `could not be fetched: ${error.message}`, error)
  }
}

function refusal(path: string, message: string, cause?: unknown): RequestError {
  return new RequestError('INVALID_INPUT', `${path}: ${message}`, { problems: [{ path, message }], cause })
}
