/**
 * Components as plain data: what a worker announces about the inputs and outputs of its model, with every option an author may set.
 * An absent option is an absent key. The zod schema that checks each of them stands with its definition.
 */
import type { FileAnnouncement } from './file-value.ts'

/** Where the browser may take a picture, a sound or a film from. */
export const SOURCES = ['upload', 'camera', 'microphone', 'sketch', 'clipboard'] as const
export type Source = (typeof SOURCES)[number]

/** A choice: its value, or what the reader sees and the value that `predict` gets. */
export type Choice = string | readonly [label: string, value: string]

/** What every component takes. */
export interface CommonSpec<Value> {
  /** Default: the component's key in words, see `displayLabel`. */
  label?: string
  /** A line of help. */
  info?: string
  /** Used when a caller leaves the input out; `null` only with `optional`. Without it the input is required (but see each component). */
  value?: Value | null
  /** Then the value may be null, and an input left out without a `value` is null. Default false: null is refused. */
  optional?: boolean
}

export interface TextboxSpec extends CommonSpec<string> {
  kind: 'textbox'
  /** Height on the page. Default 1. */
  lines?: number
  /** Longest accepted text in UTF-16 code units, as in HTML. Default: no limit but the body's. */
  maxLength?: number
  placeholder?: string
}

export interface NumberSpec extends CommonSpec<number> {
  kind: 'number'
  minimum?: number
  maximum?: number
  /** Decimals to which a value is rounded; 0 makes it whole. Default: not rounded. */
  precision?: number
}

export interface SliderSpec extends CommonSpec<number> {
  kind: 'slider'
  /** Default 0. */
  minimum: number
  /** Default 100. */
  maximum: number
  /** Distance between two positions on the page; values in between are accepted. */
  step?: number
  /** Decimals to which a value is rounded; 0 makes it whole. Default: not rounded. */
  precision?: number
}

/** Without `value`: false. */
export interface CheckboxSpec extends CommonSpec<boolean> {
  kind: 'checkbox'
}

/** Without `value`: nothing is checked. */
export interface CheckboxGroupSpec extends CommonSpec<readonly string[]> {
  kind: 'checkboxGroup'
  choices: readonly Choice[]
}

export interface RadioSpec extends CommonSpec<string> {
  kind: 'radio'
  choices: readonly Choice[]
}

/** Without `value`: the first choice, or nothing chosen with `multiple`. */
export interface DropdownSpec extends CommonSpec<string | readonly string[]> {
  kind: 'dropdown'
  choices: readonly Choice[]
  /** Any number of choices, as an array. Default false. */
  multiple?: boolean
}

interface FileRules {
  /** MIME types (`image/png`, `audio/*`) or extensions (`.pdf`) that are accepted. Default: all that the kind allows. */
  accept?: readonly string[]
  /** Largest accepted file in bytes. Default: no limit but the host's for uploads. */
  maxSize?: number
}

export interface ImageSpec extends CommonSpec<FileAnnouncement>, FileRules {
  kind: 'image'
  sources?: readonly Source[]
  /** For an output: the image input beside which the page shows it. */
  compareWith?: string
}

export interface AudioSpec extends CommonSpec<FileAnnouncement>, FileRules {
  kind: 'audio'
  sources?: readonly Source[]
}

export interface VideoSpec extends CommonSpec<FileAnnouncement>, FileRules {
  kind: 'video'
  sources?: readonly Source[]
}

export interface FileSpec extends CommonSpec<FileAnnouncement | readonly FileAnnouncement[]>, FileRules {
  kind: 'file'
  /** Any number of files, as an array. Default false. */
  multiple?: boolean
}

export interface GallerySpec extends CommonSpec<readonly { readonly image: FileAnnouncement; readonly caption?: string }[]>, FileRules {
  kind: 'gallery'
}

export interface LabelSpec extends CommonSpec<string | Readonly<Record<string, number>>> {
  kind: 'label'
  /** How many classes the page shows, the likeliest first. Default: all. */
  top?: number
}

export interface JsonSpec extends CommonSpec<unknown> {
  kind: 'json'
}

export interface MarkdownSpec extends CommonSpec<string> {
  kind: 'markdown'
}

export interface HtmlSpec extends CommonSpec<string> {
  kind: 'html'
}

export interface HighlightedTextSpec extends CommonSpec<readonly { readonly text: string; readonly label?: string | null }[]> {
  kind: 'highlightedText'
}

export interface DataframeSpec extends CommonSpec<unknown> {
  kind: 'dataframe'
  /** Names of the columns when rows come without them. Default `1`, `2`, …. */
  headers?: readonly string[]
}

export interface CodeSpec extends CommonSpec<string> {
  kind: 'code'
  /** Language for the colouring, e.g. `python`. Default: plain text. */
  language?: string
}

export const CHAT_ROLES = ['user', 'assistant', 'system'] as const

export interface ChatMessage {
  role: (typeof CHAT_ROLES)[number]
  content: string
}

export interface ChatbotSpec extends CommonSpec<readonly ChatMessage[]> {
  kind: 'chatbot'
}

/** A component as data, told apart by `kind`. */
export type ComponentSpec =
  | TextboxSpec
  | NumberSpec
  | SliderSpec
  | CheckboxSpec
  | CheckboxGroupSpec
  | RadioSpec
  | DropdownSpec
  | ImageSpec
  | AudioSpec
  | VideoSpec
  | FileSpec
  | GallerySpec
  | LabelSpec
  | JsonSpec
  | MarkdownSpec
  | HtmlSpec
  | HighlightedTextSpec
  | DataframeSpec
  | CodeSpec
  | ChatbotSpec

export type ComponentKind = ComponentSpec['kind']

/** The spec of one kind. */
export type SpecOf<Kind extends ComponentKind> = Extract<ComponentSpec, { kind: Kind }>
