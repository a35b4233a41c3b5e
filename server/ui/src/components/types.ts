/** What the page and the components of inputs and outputs agree on. */
import type { ComponentKind, ComponentSpec, SpecOf } from '../../../../workers/components/spec.ts'

export type { Choice, ChatMessage, ComponentKind, ComponentSpec, Source, SpecOf } from '../../../../workers/components/spec.ts'

/** A file as the API answers it. */
export interface PublicFile {
  /** Absolute. */
  url: string
  name: string
  /** Bytes. */
  size: number
  mimeType: string
}

/** A file in the form: chosen in this browser, named by an address, or one of the model's examples or results. */
export type FileInput = File | PublicFile | { url: string; name?: string; size?: number; mimeType?: string }

/** One picture of a gallery in the form. */
export interface GalleryInput {
  image: FileInput
  caption?: string
}

/**
 * Props of an input component. Its label, help and error line are drawn by `Field.svelte` around it.
 * Kinds that consist of several controls (`GROUP_KINDS`) stand in a `<fieldset>`; all others put `id` on their one control, which the label names.
 */
export interface InputProps<Kind extends ComponentKind = ComponentKind, Value = unknown> {
  /** The announced options, with the input's `label` always filled in. */
  spec: SpecOf<Kind> & { label: string }
  /** Bindable. The value in JSON form; files as `FileInput`. Undefined or null while nothing is given. */
  value: Value | null | undefined
  /** Unique in the page; further ids start with it and a hyphen. */
  id: string
  /** Ids of help and error, for `aria-describedby`. */
  describedBy?: string | undefined
  /** The server or the form refused the value: `aria-invalid`. */
  invalid?: boolean
  disabled?: boolean
  /** Runs the model, as Ctrl + Enter in the form does. */
  onsubmit?: (() => void) | undefined
  /** Bytes sent of this input's files while they travel, 0 to 1; undefined when nothing travels. */
  uploaded?: number | undefined
}

/** Props of an output component. It draws all of its part of the result, its name and tools (`parts/OutHead.svelte`) included. */
export interface OutputProps<Kind extends ComponentKind = ComponentKind, Value = unknown> {
  spec: SpecOf<Kind> & { label: string }
  /**
   * What to show, as the API answers; undefined before the first output, null when the model left it empty.
   * While a run has not answered yet, the page keeps showing the result before it (dimmed): then this is that older value.
   */
  value: Value | null | undefined
  /** More may come. */
  running?: boolean
  /** The value of the run before this one, when there was one. */
  previous?: Value | null | undefined
  /** The inputs that the shown result was made from, e.g. for `compareWith`. */
  inputs?: Readonly<Record<string, unknown>>
  /** Stops the run that is under way. */
  onstop?: (() => void) | undefined
  /** Runs again with the same inputs. */
  onretry?: (() => void) | undefined
}

/** Inputs of several controls: labelled by the legend of a fieldset. */
export const GROUP_KINDS: ReadonlySet<ComponentKind> = new Set(['checkboxGroup', 'radio', 'image', 'audio', 'video', 'file', 'gallery', 'highlightedText', 'dataframe', 'chatbot', 'code'])

/** Inputs that hold files: sent as a form, not kept over a reload. */
export const FILE_KINDS: ReadonlySet<ComponentKind> = new Set(['image', 'audio', 'video', 'file', 'gallery'])

export type LabelledSpec = ComponentSpec & { label: string }
