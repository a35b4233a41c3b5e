import { z } from 'zod'

/** A file as `predict` sees it. */
export interface FileRef {
  /** Absolute local path, readable while the prediction runs. Never sent to a caller. */
  path: string
  /** The caller's file name, made safe. */
  name: string
  /** Bytes. */
  size: number
  mimeType: string
}

/** A file as `predict` returns it: a path (relative ones start at the model's folder) or the bytes themselves. A `FileRef` is one, too. */
export type FileOutput = { path: string; mimeType?: string; name?: string } | { data: Uint8Array; mimeType?: string; name?: string }

/** A file as an author writes it into `examples` and `value`: relative paths start at the model's folder. */
export interface FileAnnouncement {
  readonly path: string
  readonly name?: string
  readonly size?: number
  readonly mimeType?: string
}

export const NOT_RESOLVED = 'must be a file: { "data": base64, "mimeType" } or { "url" }'

/** A file that a caller has sent, once the HTTP layer has resolved it. */
export const fileRefSchema = z.object(
  {
    path: z.string({ error: NOT_RESOLVED }).min(1),
    name: z.string({ error: NOT_RESOLVED }),
    size: z.number({ error: NOT_RESOLVED }).nonnegative(),
    mimeType: z.string({ error: NOT_RESOLVED }),
  },
  { error: NOT_RESOLVED },
)

export function isFileRef(value: unknown): value is FileRef {
  return fileRefSchema.safeParse(value).success
}

export const fileAnnouncementSchema = z.strictObject(
  {
    path: z.string({ error: 'must be a path' }).min(1, { error: 'must be a path' }),
    name: z.string().exactOptional(),
    size: z.number().nonnegative().exactOptional(),
    mimeType: z.string().exactOptional(),
  },
  { error: 'must be a file: { path }' },
)

const OUTPUT_SHAPE = 'must be a file: { path } or { data: Uint8Array, mimeType }'

/** A file as a model returns it. Whether the path can be read is for the one who copies it. */
export const fileOutputSchema = z.unknown().transform((value, context): FileOutput | FileRef => {
  if (isFileOutput(value)) return value
  context.issues.push({ code: 'custom', message: OUTPUT_SHAPE, input: value })
  return z.NEVER
})

function isFileOutput(value: unknown): value is FileOutput | FileRef {
  if (typeof value !== 'object' || value === null) return false
  const { path, data, mimeType, name }: { path?: unknown; data?: unknown; mimeType?: unknown; name?: unknown } = value
  if (mimeType !== undefined && typeof mimeType !== 'string') return false
  if (name !== undefined && typeof name !== 'string') return false
  if (data !== undefined) return path === undefined && data instanceof Uint8Array
  return typeof path === 'string' && path !== ''
}

/** A file in a JSON body, before it is resolved. */
export const wireFileInputSchema = z.xor([
  z.strictObject({
    data: z.string().meta({ contentEncoding: 'base64', description: 'The bytes in base64' }),
    mimeType: z.string().meta({ description: 'For example image/png' }),
    name: z.string().exactOptional().meta({ description: 'File name' }),
  }),
  z.strictObject({ url: z.string().meta({ format: 'uri', description: 'An http or https address that the host fetches' }) }),
])

/** A file in an answer. */
export const wireFileOutputSchema = z.strictObject({
  url: z.string().meta({ format: 'uri-reference', description: 'Where the file can be fetched for as long as the host keeps it' }),
  name: z.string(),
  size: z.int().nonnegative().meta({ description: 'Bytes' }),
  mimeType: z.string(),
})
