/** Files in the form: what a component takes, and how a file is named. */
import { isAccepted, isMediaType } from '../../../../workers/components/file-rules.ts'
import type { FileInput, PublicFile } from '../components/types.ts'
import { words } from './component-text.ts'

export type FileKind = 'image' | 'audio' | 'video' | 'file' | 'gallery'

/** What the spec of a component that takes files says about them. */
export interface FileRules {
  kind: FileKind
  accept?: readonly string[] | undefined
  maxSize?: number | undefined
}

/** The media type that the kind is bound to; null: any. */
function mediaOf(kind: FileKind): 'image' | 'audio' | 'video' | null {
  if (kind === 'gallery') return 'image'
  return kind === 'file' ? null : kind
}

/** For the `accept` attribute of a file control. */
export function acceptAttribute({ kind, accept }: FileRules): string | undefined {
  if (accept !== undefined) return accept.join(',')
  const media = mediaOf(kind)
  return media === null ? undefined : `${media}/*`
}

const FAMILIAR: Readonly<Record<string, string>> = { 'image/jpeg': 'JPEG', 'image/webp': 'WebP', 'audio/mpeg': 'MP3', 'text/plain': 'text', 'image/svg+xml': 'SVG', 'image/*': 'images', 'audio/*': 'sounds', 'video/*': 'films', 'text/*': 'text' }

/** What is accepted, in the words of a visitor: `PNG`, `JPEG`, `sounds`. */
function acceptedWords({ accept = [] }: FileRules): string[] {
  return accept.map((rule) => FAMILIAR[rule] ?? (rule.startsWith('.') ? rule.slice(1).toUpperCase() : (rule.split('/')[1] ?? rule).replace(/^x-/, '').toUpperCase()))
}

/** One line such as `PNG or JPEG, up to 20 MB`; empty when anything goes. */
export function rulesInWords(rules: FileRules): string {
  return words.files.rules(acceptedWords(rules), rules.maxSize)
}

/** Why the file cannot be taken, or null. The server has the last word; this only spares the way there. */
export function fileProblem(rules: FileRules, file: File): string | null {
  const media = mediaOf(rules.kind)
  const fits = (media === null || file.type === '' || isMediaType(media, file.type)) && (rules.accept === undefined || isAccepted(rules.accept, { name: file.name, mimeType: file.type }))
  if (!fits) {
    const kinds = acceptedWords(rules)
    return words.files.notOfKind(file.name, kinds.length > 0 ? words.files.rules(kinds, undefined) : words.files.kindWords[media ?? 'image'])
  }
  if (rules.maxSize !== undefined && file.size > rules.maxSize) return words.files.tooLarge(file.name, file.size, rules.maxSize)
  return null
}

export function isFileInput(value: unknown): value is FileInput {
  return value instanceof File || (typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string')
}

export function isPublicFile(value: unknown): value is PublicFile {
  return isFileInput(value) && !(value instanceof File) && typeof value.name === 'string' && typeof value.size === 'number'
}

/** The name to show; for an address its last part. */
export function fileName(file: FileInput): string {
  if (file instanceof File || file.name !== undefined) return file.name ?? ''
  const path = file.url.split(/[?#]/, 1)[0] ?? ''
  return path.split('/').findLast((part) => part !== '') ?? file.url
}

export function fileType(file: FileInput): string {
  return (file instanceof File ? file.type : file.mimeType) ?? ''
}

/** `harbour.jpg, 1.2 MB`. */
export function fileInWords(file: FileInput, bytesInWords: (bytes: number) => string): string {
  const { size } = file
  return size === undefined ? fileName(file) : `${fileName(file)}, ${bytesInWords(size)}`
}

/** An address that the host may fetch, or null. */
export function addressOf(text: string): string | null {
  const trimmed = text.trim()
  if (!/^https?:\/\/[^\s]+$/i.test(trimmed)) return null
  return URL.canParse(trimmed) ? trimmed : null
}
