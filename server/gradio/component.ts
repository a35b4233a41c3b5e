import type { FileRef } from '../../workers/components.ts'

/** A JSON Schema as Gradio writes it. */
export type Schema = Record<string, unknown>

/** A file on Gradio's wire. `path` is a name of ours that `file=` takes, never a local path. */
export interface FileData {
  path: string
  url: string
  size: number
  orig_name: string
  mime_type: string
  is_stream: false
  meta: { _type: typeof FILE_DATA_TYPE }
}

export const FILE_DATA_TYPE = 'gradio.FileData'

/** A kept file as its reader fetches it. */
export type RenderFile = (file: FileRef) => FileData

/**
 * One kind of component as Gradio knows it. Methods take specs of this kind only; values are never null.
 */
export interface GradioComponent<Spec> {
  /** The front-end's name of it. */
  readonly type: string
  /** Constructor values of the front-end's component, beyond those that all have. */
  props(spec: Spec): Record<string, unknown>
  /** The value on the wire. */
  schema(spec: Spec, side: 'input' | 'output'): Schema
  /** The value in Python's words, for the client's `view_api`. */
  pythonType(spec: Spec, side: 'input' | 'output'): string
  /** A plausible value on the wire. */
  example(spec: Spec): unknown
  /** A checked output as the clients expect it. */
  toGradio(value: unknown, spec: Spec, renderFile: RenderFile): unknown
  /** A client's value in the host's own form, unchecked; files are left as they came. What it cannot read it leaves for the component to refuse. */
  fromGradio(value: unknown, spec: Spec): unknown
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
