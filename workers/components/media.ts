import { z } from 'zod'
import { type Component, type ComponentDefinition, COMMON_OPTIONS, createSpec, flag, type Nullable, type OptionsOf, outputBy, text, whole } from './definition.ts'
import { bytesInWords, isAccepted, isMediaType } from './file-rules.ts'
import {
  type FileAnnouncement,
  type FileOutput,
  type FileRef,
  fileAnnouncementSchema,
  fileOutputSchema,
  fileRefSchema,
  wireFileInputSchema,
  wireFileOutputSchema,
} from './file-value.ts'
import { type AudioSpec, type FileSpec, type GallerySpec, type ImageSpec, SOURCES, type VideoSpec } from './spec.ts'

interface FileRules {
  accept?: readonly string[]
  maxSize?: number
}

const ACCEPT_RULE = /^(\.[\w.+-]+|[\w.+-]+\/(\*|[\w.+-]+)|\*\/\*)$/
const acceptRule = z.string({ error: 'must be a string' }).regex(ACCEPT_RULE, { error: 'must be a MIME type such as "image/png" or "audio/*", or an extension such as ".pdf"' })
const fileOptions = {
  accept: z.array(acceptRule, { error: 'must be an array of MIME types and extensions' }).min(1, { error: 'must not be empty' }).exactOptional(),
  maxSize: whole(1).exactOptional(),
}
const sources = z
  .array(z.enum(SOURCES, { error: `must be one of ${SOURCES.join(', ')}` }), { error: 'must be an array' })
  .min(1, { error: 'must not be empty' })
  .exactOptional()
const value = fileAnnouncementSchema.nullable().exactOptional()

/** One resolved file that fits the rules; `kind` is null for any file. */
function oneFile(kind: 'image' | 'audio' | 'video' | null, { accept, maxSize }: FileRules): z.ZodType<FileRef> {
  return fileRefSchema.superRefine((file, context) => {
    const refuse = (message: string): void => context.addIssue({ code: 'custom', message })
    if (kind !== null && !isMediaType(kind, file.mimeType)) refuse(`must be ${kind === 'video' ? 'a' : 'an'} ${kind} file, not ${file.mimeType || 'of an unknown type'}`)
    else if (accept !== undefined && !isAccepted(accept, file)) refuse(`must be one of ${accept.join(', ')}, not ${file.mimeType || 'of an unknown type'}`)
    if (maxSize !== undefined && file.size > maxSize) refuse(`must be at most ${bytesInWords(maxSize)}`)
  })
}

const EXAMPLE_URL = { image: 'https://example.com/picture.png', audio: 'https://example.com/sound.wav', video: 'https://example.com/film.mp4' } as const

function mediaDefinition<Kind extends 'image' | 'audio' | 'video'>(kind: Kind) {
  return {
    input: (spec: FileRules) => oneFile(kind, spec),
    output: outputBy<object>(() => fileOutputSchema),
    wire: (_spec: unknown, side: 'input' | 'output') => (side === 'input' ? wireFileInputSchema : wireFileOutputSchema),
    example: () => ({ url: EXAMPLE_URL[kind] }),
    hasFiles: true,
  } as const
}

export const imageDefinition: ComponentDefinition<ImageSpec> = {
  ...mediaDefinition('image'),
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('image'), value, sources, ...fileOptions, compareWith: text.exactOptional() }),
}

export const audioDefinition: ComponentDefinition<AudioSpec> = {
  ...mediaDefinition('audio'),
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('audio'), value, sources, ...fileOptions }),
}

export const videoDefinition: ComponentDefinition<VideoSpec> = {
  ...mediaDefinition('video'),
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('video'), value, sources, ...fileOptions }),
}

const NEEDS_FILES = 'must be an array of files'

function oneOrMore(spec: { multiple?: boolean }, schema: z.ZodType): z.ZodType {
  return spec.multiple === true ? z.array(schema, { error: NEEDS_FILES }) : schema
}

export const fileDefinition: ComponentDefinition<FileSpec> = {
  spec: z
    .strictObject({
      ...COMMON_OPTIONS,
      kind: z.literal('file'),
      value: z.union([fileAnnouncementSchema, z.array(fileAnnouncementSchema)], { error: 'must be { path }, or an array of them' }).nullable().exactOptional(),
      multiple: flag.exactOptional(),
      ...fileOptions,
    })
    .refine(({ value, multiple }) => value === undefined || value === null || Array.isArray(value) === (multiple === true), {
      path: ['value'],
      error: 'must be an array with multiple: true, and one file without',
    }),
  input: (spec) => oneOrMore(spec, oneFile(null, spec)),
  output: outputBy((spec) => oneOrMore(spec, fileOutputSchema)),
  wire: (spec, side) => oneOrMore(spec, side === 'input' ? wireFileInputSchema : wireFileOutputSchema),
  example: (spec) => (spec.multiple === true ? [{ url: 'https://example.com/paper.pdf' }] : { url: 'https://example.com/paper.pdf' }),
  hasFiles: true,
}

/** Pictures with their captions; an absent caption stays absent. */
function pictures<Image extends z.ZodType>(image: Image) {
  return z.array(z.strictObject({ image, caption: text.exactOptional() }, { error: 'must be { image, caption }' }), {
    error: 'must be an array of { image, caption }',
  })
}

export const galleryDefinition: ComponentDefinition<GallerySpec> = {
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('gallery'), value: pictures(fileAnnouncementSchema).nullable().exactOptional(), ...fileOptions }),
  input: (spec) => pictures(oneFile('image', spec)),
  output: outputBy(() => pictures(fileOutputSchema)),
  wire: (_spec, side) => pictures(side === 'input' ? wireFileInputSchema : wireFileOutputSchema),
  example: () => [{ image: { url: EXAMPLE_URL.image }, caption: 'A picture' }],
  hasFiles: true,
}

type Media<Kind extends 'image' | 'audio' | 'video', Optional extends boolean> = Component<Nullable<FileRef, Optional>, FileOutput, Nullable<FileAnnouncement, Optional>, Kind>

/** A picture. */
export function image<Optional extends boolean = false>(options: OptionsOf<'image', FileAnnouncement, Optional> = {}): Media<'image', Optional> {
  return createSpec('image', imageDefinition, options)
}

/** A sound. */
export function audio<Optional extends boolean = false>(options: OptionsOf<'audio', FileAnnouncement, Optional> = {}): Media<'audio', Optional> {
  return createSpec('audio', audioDefinition, options)
}

/** A film. */
export function video<Optional extends boolean = false>(options: OptionsOf<'video', FileAnnouncement, Optional> = {}): Media<'video', Optional> {
  return createSpec('video', videoDefinition, options)
}

type OneOrMore<T, Multiple extends boolean> = Multiple extends true ? T[] : T
type FileOptions<Multiple extends boolean, Optional extends boolean> = Omit<OptionsOf<'file', OneOrMore<FileAnnouncement, Multiple>, Optional>, 'multiple'> & { multiple?: Multiple }

/** A file of any type, or with `multiple` any number of them. */
export function file<Multiple extends boolean = false, Optional extends boolean = false>(
  options: FileOptions<Multiple, Optional> = {},
): Component<Nullable<OneOrMore<FileRef, Multiple>, Optional>, OneOrMore<FileOutput, Multiple>, Nullable<OneOrMore<FileAnnouncement, Multiple>, Optional>, 'file'> {
  return createSpec('file', fileDefinition, options)
}

interface Captioned<Image> {
  image: Image
  caption?: string
}

/** Pictures with captions. */
export function gallery<Optional extends boolean = false>(
  options: OptionsOf<'gallery', Captioned<FileAnnouncement>[], Optional> = {},
): Component<Nullable<Captioned<FileRef>[], Optional>, Captioned<FileOutput>[], Nullable<Captioned<FileAnnouncement>[], Optional>, 'gallery'> {
  return createSpec('gallery', galleryDefinition, options)
}
