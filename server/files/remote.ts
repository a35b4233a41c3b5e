import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { extname } from 'node:path'
import type { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { Agent, type Dispatcher, request } from 'undici'
import type { FileRef } from '../../workers/components.ts'
import { ANY_NETWORK, type NetworkPolicy, PUBLIC_NETWORK } from './network-policy.ts'
import type { FileStore } from './store.ts'
import { TooLargeError } from './upload.ts'

const MAX_REDIRECTS = 5
const MAX_URL_LENGTH = 8_192
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const DISK_ERRORS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG', 'EROFS', 'EMFILE', 'ENFILE'])

/** What went wrong, in words that say nothing of the network around this host. */
const MESSAGES = {
  url: 'not an http or https address without credentials',
  address: 'address not allowed, or not known',
  port: 'port not allowed',
  unreachable: 'no complete answer',
  timeout: 'did not answer in time',
  redirects: 'redirected too often, or to nowhere',
  encoding: 'answered in an encoding that is not known here',
  'too-large': 'too large',
} as const

export type RemoteFileReason = keyof typeof MESSAGES | 'status'

/** A file could not be had from its address. The message may be shown to the caller. */
export class RemoteFileError extends Error {
  readonly reason: RemoteFileReason

  constructor(reason: RemoteFileReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'RemoteFileError'
    this.reason = reason
  }
}

export interface RemoteFileOptions {
  store: FileStore
  /** Of the file, after decompression. */
  maxBytes: number
  /** For all of it: names, redirects, body. */
  timeoutMs: number
  /** Lets loopback and private addresses pass, on any port. */
  allowPrivate: boolean
  /** Gives up with the signal's reason. */
  signal?: AbortSignal
  /** Instead of the one that `allowPrivate` stands for. */
  policy?: NetworkPolicy
}

/**
 * Fetches a file for a caller, who may not thereby reach what only this host can reach: each host name on the way is resolved once, every one of its addresses must be
 * public, and the connection goes to those addresses, whatever the name says a moment later.
 *
 * @throws {RemoteFileError}
 */
export async function fetchRemoteFile(address: string, options: RemoteFileOptions): Promise<FileRef> {
  options.signal?.throwIfAborted()
  const deadline = AbortSignal.timeout(options.timeoutMs)
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline])
  try {
    return await follow(address, { policy: options.allowPrivate ? ANY_NETWORK : PUBLIC_NETWORK, ...options, signal })
  } catch (error) {
    options.signal?.throwIfAborted()
    throw deadline.aborted ? failure('timeout', error) : describe(error)
  }
}

type Options = RemoteFileOptions & { signal: AbortSignal; policy: NetworkPolicy }

async function follow(address: string, options: Options): Promise<FileRef> {
  const first = parseUrl(address)
  let url = first
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const answer = await fetchOnce(url, first, options)
    if (!('location' in answer)) return answer
    url = parseUrl(answer.location, url)
  }
  throw failure('redirects')
}

function parseUrl(text: string, base?: URL): URL {
  const url = text.length <= MAX_URL_LENGTH && URL.canParse(text, base?.href) ? new URL(text, base) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') throw failure('url')
  return url
}

async function fetchOnce(url: URL, first: URL, options: Options): Promise<FileRef | { location: string }> {
  if (!options.policy.allowsPort(url.port)) throw failure('port')
  const addresses = await allowedAddresses(url, options)
  const agent = new Agent({ connect: { lookup: pinnedTo(addresses), timeout: options.timeoutMs }, maxResponseSize: options.maxBytes })
  try {
    const headers = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'footlights' }
    const response = await request(url, { dispatcher: agent, signal: options.signal, headers })
    // Destroyed below, read or not.
    response.body.on('error', () => {})
    if (REDIRECTS.has(response.statusCode)) return { location: locationOf(response) }
    if (response.statusCode !== 200) throw new RemoteFileError('status', `answered ${response.statusCode}`)
    return await store(response, fileName(url, first), options)
  } finally {
    await agent.destroy()
  }
}

async function allowedAddresses({ hostname }: URL, { policy, signal }: Options): Promise<LookupAddress[]> {
  const host = hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  const addresses = family === 0 ? await resolveOrNone(policy, host, signal) : [{ address: host, family }]
  // A name that does not exist gets the same answer as one that leads inside: which names there are is nobody's business.
  if (addresses.length === 0 || !addresses.every(({ address }) => policy.allowsAddress(address))) throw failure('address')
  return addresses
}

async function resolveOrNone(policy: NetworkPolicy, host: string, signal: AbortSignal): Promise<LookupAddress[]> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([policy.resolve(host, signal).catch(() => []), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function pinnedTo(addresses: LookupAddress[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    const [first] = addresses
    if (all === true) callback(null, addresses)
    else callback(first === undefined ? new Error('no address') : null, first?.address ?? '', first?.family)
  }
}

function locationOf({ headers }: Dispatcher.ResponseData): string {
  const { location } = headers
  if (typeof location !== 'string') throw failure('redirects')
  return location
}

async function store({ headers, body }: Dispatcher.ResponseData, name: string, { store: files, maxBytes, signal }: Options): Promise<FileRef> {
  if (Number(headers['content-length']) > maxBytes) throw failure('too-large')
  const decoders = decodersFor(headers['content-encoding'])
  const contentType = headers['content-type']
  const upload = await files.createUpload(name, typeof contentType === 'string' ? contentType : undefined, { maxBytes })
  try {
    await pipeline([body, ...decoders, upload.stream], { signal })
    return await upload.commit()
  } catch (error) {
    await upload.discard()
    throw error
  }
}

/** We ask for none, but some servers compress all the same. */
function decodersFor(encoding: string | string[] | undefined): Transform[] {
  switch (encoding === undefined ? '' : String(encoding).trim().toLowerCase()) {
    case '':
    case 'identity':
      return []
    case 'gzip':
    case 'x-gzip':
      return [createGunzip()]
    case 'deflate':
      return [createInflate()]
    case 'br':
      return [createBrotliDecompress()]
    case 'zstd':
      return [createZstdDecompress()]
    default:
      throw failure('encoding')
  }
}

/** The address that the caller gave often says more than the one where redirects end. */
function fileName(last: URL, first: URL): string {
  const names = [last, first].map(lastSegment)
  return names.find((name) => extname(name) !== '') ?? names.find((name) => name !== '') ?? 'file'
}

function lastSegment({ pathname }: URL): string {
  const segment = pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(segment)
  } catch {
    // Not UTF-8 behind the percent signs: as it stands.
    return segment
  }
}

function failure(reason: Exclude<RemoteFileReason, 'status'>, cause?: unknown): RemoteFileError {
  return new RemoteFileError(reason, MESSAGES[reason], cause)
}

/** What went wrong on our side stays what it is; all else is the network's. */
function describe(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (error instanceof RemoteFileError || (typeof code === 'string' && DISK_ERRORS.has(code))) return error
  if (error instanceof TooLargeError || code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return failure('too-large', error)
  return failure('unreachable', error)
}
