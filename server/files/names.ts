import { extname } from 'node:path'
import mime from 'mime-types'

const MAX_NAME_BYTES = 200
const MAX_EXTENSION_BYTES = 32
/** Longer names are no names; cut before they cost anything. */
const MAX_GIVEN_LENGTH = 4_096

/** What needs no encoding in a URL and no quoting in a shell. ASCII, because clients join names to URLs unencoded and file systems differ in how they compose accents. */
const NAME_CHARACTERS = /^[A-Za-z0-9._-]+$/

/** Names that Windows takes for devices, with any extension. Source: Microsoft Learn, "Naming Files, Paths, and Namespaces". */
const DEVICE_NAME = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i

const OCTET_STREAM = 'application/octet-stream'
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/

/**
 * A file name that is safe as the last segment of a path and of a URL on every platform: the base name in ASCII letters (accents dropped), digits and `. _ -`,
 * all else one `_`, without leading or trailing dots; device names get a `_` in front. At most 200 bytes, the extension kept; `file` for a stem of which nothing is left.
 * A name that it gave comes back unchanged.
 */
export function safeFileName(name: string): string {
  const base = name.slice(0, MAX_GIVEN_LENGTH).normalize('NFKD').split(/[/\\]/).at(-1) ?? ''
  const cleaned = base
    .replace(/\p{M}+/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, ' ')
    .replace(/ *\. */g, '.')
    .trim()
    .replace(/ /g, '_')
  const named = cleaned.replace(/\.+$/, '').replace(/^\.+/, startsWithExtension(base) ? 'file.' : '')
  return shorten(DEVICE_NAME.test(named) ? `_${named}` : named) || 'file'
}

/** A name such as `写真.png`, of whose stem nothing can stay, keeps its extension; a dot file such as `.bashrc` has none. */
function startsWithExtension(base: string): boolean {
  return !/^[\s.]/.test(base)
}

/** Whether a name can be one of a stored file; nothing else is looked for on the disk. */
export function isStoredName(name: string): boolean {
  return NAME_CHARACTERS.test(name) && !name.startsWith('.') && !name.endsWith('.') && name.length <= MAX_NAME_BYTES
}

function shorten(name: string): string {
  if (name.length <= MAX_NAME_BYTES) return name
  const extension = extname(name).slice(0, MAX_EXTENSION_BYTES)
  const stem = name.slice(0, name.length - extname(name).length)
  return stem.slice(0, MAX_NAME_BYTES - extension.length) + extension
}

/** The media type that a name's extension stands for, without parameters; `application/octet-stream` when it stands for none. */
export function mimeTypeOfName(name: string): string {
  return mime.lookup(extname(name)) || OCTET_STREAM
}

/**
 * What a file is. What the client says wins, unless it says nothing, nonsense or `application/octet-stream`; then the extension, then the first bytes.
 *
 * @param head The first bytes of the content, 64 are enough; without them the content is not looked at.
 */
export function mimeTypeOf(name: string, claimed: string | undefined, head?: Uint8Array): string {
  const said = claimed?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (said !== OCTET_STREAM && MEDIA_TYPE.test(said)) return said
  const byName = mimeTypeOfName(name)
  if (byName !== OCTET_STREAM || head === undefined) return byName
  return sniffMimeType(head) ?? OCTET_STREAM
}

/**
 * The name with an extension that says what a picture, sound, video or PDF is, when it has none that does: a client that uploads a plain `blob`
 * would otherwise have a file whose type is lost on its way back.
 */
export function withMediaExtension(name: string, mimeType: string): string {
  if (mimeTypeOfName(name) !== OCTET_STREAM || extname(name) !== '') return name
  if (!/^(?:image|audio|video)\//.test(mimeType) && mimeType !== 'application/pdf') return name
  const extension = mime.extension(mimeType)
  return extension === false ? name : safeFileName(`${name}.${extension}`)
}

/** One known beginning: `bytes` in Latin-1 at `offset`, and optionally `then` at `thenOffset`. */
interface Signature {
  mimeType: string
  bytes: string
  offset?: number
  then?: string
  thenOffset?: number
}

/** Source: WHATWG MIME Sniffing, sections 6.1 to 6.2, and for what it lacks the formats' own specifications. The first match counts. */
const SIGNATURES: readonly Signature[] = [
  { mimeType: 'image/png', bytes: '\x89PNG\r\n\x1a\n' },
  { mimeType: 'image/jpeg', bytes: '\xff\xd8\xff' },
  { mimeType: 'image/gif', bytes: 'GIF87a' },
  { mimeType: 'image/gif', bytes: 'GIF89a' },
  { mimeType: 'image/webp', bytes: 'RIFF', then: 'WEBPVP', thenOffset: 8 },
  { mimeType: 'image/tiff', bytes: 'II*\0' },
  { mimeType: 'image/tiff', bytes: 'MM\0*' },
  { mimeType: 'image/avif', bytes: 'ftypavif', offset: 4 },
  { mimeType: 'image/avif', bytes: 'ftypavis', offset: 4 },
  { mimeType: 'image/heic', bytes: 'ftyphei', offset: 4 },
  { mimeType: 'image/heif', bytes: 'ftypmif1', offset: 4 },
  { mimeType: 'image/bmp', bytes: 'BM', then: '\0\0\0\0', thenOffset: 6 },
  { mimeType: 'audio/wav', bytes: 'RIFF', then: 'WAVE', thenOffset: 8 },
  { mimeType: 'audio/aiff', bytes: 'FORM', then: 'AIF', thenOffset: 8 },
  { mimeType: 'audio/flac', bytes: 'fLaC' },
  { mimeType: 'audio/mpeg', bytes: 'ID3' },
  { mimeType: 'audio/midi', bytes: 'MThd\0\0\0\x06' },
  { mimeType: 'audio/mp4', bytes: 'ftypM4A', offset: 4 },
  { mimeType: 'video/ogg', bytes: 'OggS\0', then: '\x80theora', thenOffset: 28 },
  { mimeType: 'audio/ogg', bytes: 'OggS\0' },
  { mimeType: 'video/quicktime', bytes: 'ftypqt  ', offset: 4 },
  { mimeType: 'video/mp4', bytes: 'ftyp', offset: 4 },
  { mimeType: 'video/x-msvideo', bytes: 'RIFF', then: 'AVI ', thenOffset: 8 },
  { mimeType: 'application/pdf', bytes: '%PDF-' },
]

/**
 * Recognises pictures, sound, video and PDF by their first bytes; undefined for all else. Never text, HTML or SVG: a guess there could make a harmless download a page.
 */
export function sniffMimeType(head: Uint8Array): string | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 64)).toString('latin1')
  const found = SIGNATURES.find(({ bytes, offset = 0, then = '', thenOffset = 0 }) => text.startsWith(bytes, offset) && text.startsWith(then, thenOffset))
  if (found !== undefined) return found.mimeType
  if (text.startsWith('\x1a\x45\xdf\xa3')) return text.includes('webm') ? 'video/webm' : 'video/x-matroska'
  return sniffMpegAudio(head)
}

/** A frame header without ID3 tag: MP3 (layer III) or AAC in ADTS. Values that no encoder writes are refused, as two bytes alone are weak evidence. */
function sniffMpegAudio(head: Uint8Array): string | undefined {
  const [sync = 0, version = 0, rates = 0] = head
  if (sync !== 0xff) return undefined
  if ((version & 0xf6) === 0xf0) return (rates >> 2 & 0xf) < 13 ? 'audio/aac' : undefined
  const isLayer3 = (version & 0xe6) === 0xe2 && (version & 0x18) !== 0x08
  return isLayer3 && rates >> 4 !== 0 && rates >> 4 !== 15 && (rates >> 2 & 3) !== 3 ? 'audio/mpeg' : undefined
}
