/** Pictures, sounds, films and files on Gradio's wire. */
import { renderFiles } from '../../workers/components.ts'
import type { ComponentKind, Source, SpecOf } from '../../workers/components.ts'
import { FILE_DATA_TYPE, isRecord } from './component.ts'
import type { GradioComponent, Schema } from './component.ts'

const nullable = (type: string, title: string): Schema => ({ anyOf: [{ type }, { type: 'null' }], default: null, title })

/** One file. The Python client finds the file in a value by `path` beside a `meta` whose `_type` is constant. */
const FILE_SCHEMA: Schema = Object.freeze({
  title: 'FileData',
  type: 'object',
  description: 'A file: what an upload returned, or a publicly available URL.',
  properties: {
    path: { title: 'Path', type: 'string' },
    url: nullable('string', 'Url'),
    size: nullable('integer', 'Size'),
    orig_name: nullable('string', 'Orig Name'),
    mime_type: nullable('string', 'Mime Type'),
    is_stream: { default: false, title: 'Is Stream', type: 'boolean' },
    meta: { type: 'object', properties: { _type: { const: FILE_DATA_TYPE, title: 'Type', type: 'string' } }, required: ['_type'] },
  },
  required: ['path', 'meta'],
})

const fileExample = (name: string): unknown => ({ path: `https://example.com/${name}`, url: `https://example.com/${name}`, orig_name: name, meta: { _type: FILE_DATA_TYPE } })

const GRADIO_SOURCE = { upload: 'upload', camera: 'webcam', microphone: 'microphone', sketch: null, clipboard: 'clipboard' } as const satisfies Record<Source, string | null>

function sources(given: readonly Source[] | undefined, usual: readonly Source[]): string[] {
  const named = (given ?? usual).map((source) => GRADIO_SOURCE[source]).filter((source) => source !== null)
  return named.length === 0 ? ['upload'] : named
}

function mediaComponent<Kind extends 'image' | 'audio' | 'video'>(
  type: Kind,
  exampleName: string,
  props: (spec: SpecOf<Kind>) => Record<string, unknown>,
): GradioComponent<SpecOf<Kind>> {
  return {
    type,
    props,
    schema: () => FILE_SCHEMA,
    pythonType: () => 'filepath',
    example: () => fileExample(exampleName),
    toGradio: (value, spec, renderFile) => renderFiles(spec, value, renderFile),
    fromGradio: (value) => value,
  }
}

export const image = mediaComponent('image', 'picture.png', ({ sources: given }) => ({
  type: 'filepath',
  image_mode: 'RGB',
  sources: sources(given, ['upload', 'camera', 'clipboard']),
  buttons: ['download', 'fullscreen'],
  webcam_options: { mirror: true, constraints: null },
  streaming: false,
}))
export const audio = mediaComponent('audio', 'sound.wav', ({ sources: given }) => ({
  type: 'filepath',
  sources: sources(given, ['upload', 'microphone']),
  editable: true,
  waveform_options: { show_recording_waveform: true, skip_length: 5, sample_rate: 44_100 },
  streaming: false,
}))
export const video = mediaComponent('video', 'film.mp4', ({ sources: given }) => ({
  sources: sources(given, ['upload', 'camera']),
  webcam_options: { mirror: true, constraints: null },
  include_audio: true,
  streaming: false,
}))

export const file: GradioComponent<SpecOf<'file'>> = {
  type: 'file',
  props: ({ multiple, accept }) => ({ file_count: multiple === true ? 'multiple' : 'single', type: 'filepath', ...(accept !== undefined && { file_types: accept }) }),
  schema: ({ multiple }) => (multiple === true ? { type: 'array', items: FILE_SCHEMA, title: 'ListFiles' } : FILE_SCHEMA),
  pythonType: ({ multiple }) => (multiple === true ? 'list[filepath]' : 'filepath'),
  example: ({ multiple }) => (multiple === true ? [fileExample('paper.pdf')] : fileExample('paper.pdf')),
  toGradio: (value, spec, renderFile) => renderFiles(spec, value, renderFile),
  fromGradio: (value, { multiple }) => oneOrMore(value, multiple === true),
}

/** Gradio's page sends a list of one for a single file, and clients a single file for a list. */
function oneOrMore(value: unknown, isMultiple: boolean): unknown {
  if (isMultiple) return Array.isArray(value) ? value : [value]
  return Array.isArray(value) && value.length === 1 ? value[0] : value
}

const GALLERY_ITEM: Schema = {
  title: 'GalleryImage',
  type: 'object',
  properties: { image: FILE_SCHEMA, caption: nullable('string', 'Caption') },
  required: ['image'],
}

export const gallery: GradioComponent<SpecOf<'gallery'>> = {
  type: 'gallery',
  props: () => ({ columns: 2, allow_preview: true, buttons: ['download', 'fullscreen'], type: 'filepath', sources: ['upload'] }),
  schema: () => ({ type: 'array', items: GALLERY_ITEM, title: 'GalleryData' }),
  pythonType: () => 'list[dict(image: filepath, caption: str | None)]',
  example: () => [{ image: fileExample('picture.png'), caption: null }],
  toGradio: (value, spec, renderFile) => withCaptions(renderFiles(spec, value, renderFile)),
  fromGradio: (value) => (Array.isArray(value) ? value.map(pictureOf) : value),
}

function withCaptions(rendered: unknown): unknown {
  return Array.isArray(rendered) ? rendered.map((item: unknown) => (isRecord(item) ? { image: item['image'], caption: item['caption'] ?? null } : item)) : rendered
}

/** A picture comes with its caption, as a bare file, or, from the JavaScript client, as the bare name of an upload. */
function pictureOf(item: unknown): unknown {
  if (typeof item === 'string') return { image: { path: item, meta: { _type: FILE_DATA_TYPE } } }
  if (!isRecord(item)) return item
  if (Object.hasOwn(item, 'path')) return { image: item }
  const { image: picture, caption, ...others } = item
  return { image: picture, ...(caption !== null && caption !== undefined && { caption }), ...others }
}

/** Do values of this kind hold files? */
export const FILE_KINDS: ReadonlySet<ComponentKind> = new Set(['image', 'audio', 'video', 'file', 'gallery'])
