import { z } from 'zod'
import { type Component, type ComponentDefinition, COMMON_OPTIONS, createSpec, type Nullable, type OptionsOf, outputBy, text, whole } from './definition.ts'
import type { CodeSpec, HtmlSpec, MarkdownSpec, TextboxSpec } from './spec.ts'

const value = text.nullable().exactOptional()
const wireText = z.string()

/** One text, kept as it is: nothing is trimmed. */
const anyText = {
  input: () => text,
  output: outputBy<object>(() => text),
  wire: () => wireText,
  hasFiles: false,
} as const

export const textboxDefinition: ComponentDefinition<TextboxSpec> = {
  ...anyText,
  spec: z.strictObject({
    ...COMMON_OPTIONS,
    kind: z.literal('textbox'),
    value,
    lines: whole(1).exactOptional(),
    maxLength: whole(0).exactOptional(),
    placeholder: text.exactOptional(),
  }),
  input: limitedText,
  wire: (spec, side) => (side === 'input' ? limitedText(spec) : wireText),
  example: ({ placeholder, maxLength }) => (placeholder || 'Hello').slice(0, maxLength),
}

function limitedText({ maxLength }: TextboxSpec): z.ZodType {
  return maxLength === undefined ? text : text.max(maxLength, { error: `must have at most ${maxLength} characters` })
}

export const markdownDefinition: ComponentDefinition<MarkdownSpec> = {
  ...anyText,
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('markdown'), value }),
  example: () => '# Hello',
}

export const htmlDefinition: ComponentDefinition<HtmlSpec> = {
  ...anyText,
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('html'), value }),
  example: () => '<p>Hello</p>',
}

export const codeDefinition: ComponentDefinition<CodeSpec> = {
  ...anyText,
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('code'), value, language: text.exactOptional() }),
  example: () => 'print("Hello")',
}

type TextOptions<Kind extends 'textbox' | 'markdown' | 'html' | 'code', Optional extends boolean> = OptionsOf<Kind, string, Optional>
type TextComponent<Kind extends 'textbox' | 'markdown' | 'html' | 'code', Optional extends boolean> = Component<
  Nullable<string, Optional>,
  string,
  Nullable<string, Optional>,
  Kind
>

/** A line or more of plain text. */
export function textbox<Optional extends boolean = false>(options: TextOptions<'textbox', Optional> = {}): TextComponent<'textbox', Optional> {
  return createSpec('textbox', textboxDefinition, options)
}

/** Text that the page renders as Markdown. */
export function markdown<Optional extends boolean = false>(options: TextOptions<'markdown', Optional> = {}): TextComponent<'markdown', Optional> {
  return createSpec('markdown', markdownDefinition, options)
}

/** HTML that the page shows in a sandboxed frame. */
export function html<Optional extends boolean = false>(options: TextOptions<'html', Optional> = {}): TextComponent<'html', Optional> {
  return createSpec('html', htmlDefinition, options)
}

/** Source code, coloured by `language`. */
export function code<Optional extends boolean = false>(options: TextOptions<'code', Optional> = {}): TextComponent<'code', Optional> {
  return createSpec('code', codeDefinition, options)
}
