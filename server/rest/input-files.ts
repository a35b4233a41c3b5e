/** Files in a JSON body, or in text fields of a form: base64 and addresses become stored files. */
import { mapInputFiles } from '../../workers/components.ts'
import type { ComponentSpec, FileRef } from '../../workers/components.ts'
import { RequestError } from '../../workers/errors.ts'
import type { InputProblem } from '../../workers/errors.ts'
import { isJsonObject } from '../body.ts'
import type { JsonObject } from '../body.ts'
import { fetchRemoteFile, RemoteFileError } from '../files/remote.ts'
import { InvalidBase64Error } from '../files/store.ts'
import type { FileStore } from '../files/store.ts'

const FETCH_TIMEOUT_MS = 30_000
/** A small body can name many addresses; each costs a connection and up to `maxUploadMb` of disk. */
const MAX_FILES = 100
const FILE_FORMS = 'must be a file: { "data": base64, "mimeType" } or { "url" }'

export interface FileInputSettings {
  files: FileStore
  maxUploadBytes: number
  allowPrivateUrls: boolean
}

export interface FileInputRequest {
  specs: Readonly<Record<string, ComponentSpec>>
  inputs: JsonObject
  /** Files that came with this request and are stored already; nothing else that looks like a stored file is believed. */
  uploaded: ReadonlySet<FileRef>
  /** The public address of this host's `/file/`: a result given back as input is not fetched over the network. */
  ownFiles: string
  signal: AbortSignal
}

/** Inputs whose files are in the store. */
export interface StoredInputs {
  inputs: JsonObject
  /** Every file that the inputs name; to be held while they are used. */
  used: FileRef[]
  /** Those that came with this request and belong to it alone; to be removed when it is refused. */
  made: FileRef[]
}

/**
 * Stores every file of the inputs. Values that have no form of a file are left for their component to refuse.
 *
 * @throws {RequestError} `INVALID_INPUT` with every file that could not be had; `TOO_LARGE`. Nothing of the request is left in the store then.
 */
export async function storeInputFiles(request: FileInputRequest, settings: FileInputSettings): Promise<StoredInputs> {
  const stored: StoredInputs = { inputs: { ...request.inputs }, used: [], made: [...request.uploaded] }
  const problems: InputProblem[] = []
  const resolve = async (leaf: unknown, path: string): Promise<FileRef | null> => {
    if (stored.used.length + problems.length >= MAX_FILES) throw new RequestError('TOO_LARGE', `A request may hold at most ${MAX_FILES} files.`)
    try {
      return await storeOne(leaf, request, settings, stored)
    } catch (error) {
      problems.push({ path, message: reasonOf(error) })
      return null
    }
  }
  try {
    for (const [name, spec] of Object.entries(request.specs)) {
      if (Object.hasOwn(request.inputs, name)) stored.inputs[name] = await mapInputFiles(spec, request.inputs[name], resolve, name)
    }
    if (problems.length > 0) throw new RequestError('INVALID_INPUT', describeProblems(problems), { problems })
    return stored
  } catch (error) {
    await removeFiles(settings.files, stored.made)
    throw error
  }
}

export async function removeFiles(files: FileStore, refs: readonly FileRef[]): Promise<void> {
  await Promise.all(refs.map((ref) => files.remove(ref)))
}

function describeProblems(problems: InputProblem[]): string {
  const [first] = problems
  return first === undefined || problems.length > 1 ? `${problems.length} files were refused.` : `${first.path} ${first.message}`
}

async function storeOne(leaf: unknown, request: FileInputRequest, settings: FileInputSettings, stored: StoredInputs): Promise<FileRef> {
  const own = isOneOf(request.uploaded, leaf) ? leaf : await ownFile(leaf, request.ownFiles, settings.files)
  const ref = own ?? (await makeFile(leaf, request.signal, settings))
  stored.used.push(ref)
  if (own === null) stored.made.push(ref)
  return ref
}

async function makeFile(leaf: unknown, signal: AbortSignal, settings: FileInputSettings): Promise<FileRef> {
  if (!isJsonObject(leaf)) throw new FileProblem(FILE_FORMS)
  const { data, url, mimeType, name } = leaf
  const type = typeof mimeType === 'string' ? mimeType : undefined
  const fileName = typeof name === 'string' ? name : undefined
  if (typeof data === 'string' && url === undefined) return await settings.files.fromBase64(data, type, fileName)
  if (typeof url !== 'string' || data !== undefined) throw new FileProblem(FILE_FORMS)
  if (url.startsWith('data:')) return await settings.files.fromBase64(url, type, fileName)
  const { files, maxUploadBytes, allowPrivateUrls } = settings
  return await fetchRemoteFile(url, { store: files, maxBytes: maxUploadBytes, timeoutMs: FETCH_TIMEOUT_MS, allowPrivate: allowPrivateUrls, signal })
}

function isOneOf<T>(all: ReadonlySet<T>, value: unknown): value is T {
  const anything: ReadonlySet<unknown> = all
  return anything.has(value)
}

/** Why a value is no file; for the caller. */
class FileProblem extends Error {}

/** A file that this host serves, named by its address; null for any other address. */
async function ownFile(leaf: unknown, ownFiles: string, files: FileStore): Promise<FileRef | null> {
  const url = isJsonObject(leaf) ? leaf['url'] : undefined
  if (typeof url !== 'string') return null
  const prefix = [ownFiles, '/file/'].find((start) => url.startsWith(start))
  if (prefix === undefined) return null
  const ref = await files.refFromPublicPath(decodeURIComponent(url.slice(prefix.length)))
  if (ref === null) throw new FileProblem('names a file that is not there, or no longer')
  return ref
}

/** @throws what is not about this one file: the caller left, the file is too large, a failure of ours. */
function reasonOf(error: unknown): string {
  if (error instanceof FileProblem) return error.message
  if (error instanceof RemoteFileError) return `cannot be fetched: ${error.message}`
  if (error instanceof InvalidBase64Error) return 'has data that is not valid base64'
  if (error instanceof URIError) return 'has an address that is not valid'
    throw error
}
