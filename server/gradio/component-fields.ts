/** Texts, numbers and choices on Gradio's wire. */
import { namedChoices } from '../../workers/components.ts'
import type { Choice, ComponentKind, SpecOf } from '../../workers/components.ts'
import type { GradioComponent, Schema } from './component.ts'

/** Gradio's text components take anything that has a text form. */
function asText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
}

function same(value: unknown): unknown {
  return value
}

/** A kind whose value is one text. */
function textComponent<Kind extends ComponentKind>(type: string, example: string, props: (spec: SpecOf<Kind>) => Record<string, unknown>): GradioComponent<SpecOf<Kind>> {
  return { type, props, schema: () => ({ type: 'string' }), pythonType: () => 'str', example: () => example, toGradio: same, fromGradio: asText }
}

const PROSE = { sanitize_html: true, line_breaks: false, header_links: false, latex_delimiters: [{ left: '$$', right: '$$', display: true }], container: false, padding: false }

export const textbox = textComponent<'textbox'>('textbox', 'Hello!!', ({ lines = 1, maxLength, placeholder }) => ({
  type: 'text',
  lines,
  max_lines: Math.max(20, lines),
  ...(maxLength !== undefined && { max_length: maxLength }),
  ...(placeholder !== undefined && { placeholder }),
}))
export const markdown = textComponent<'markdown'>('markdown', '# Hello!', () => PROSE)
export const html = textComponent<'html'>('html', '<p>Hello</p>', () => ({ html_template: '${value}', css_template: '', apply_default_css: true, container: false, padding: false, props: {} }))
export const code = textComponent<'code'>('code', "print('Hello World')", ({ language }) => ({ lines: 5, show_line_numbers: true, ...(language !== undefined && { language }) }))

export const number: GradioComponent<SpecOf<'number'>> = {
  type: 'number',
  props: ({ minimum, maximum, precision }) => ({
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
    ...(precision !== undefined && { precision }),
    step: 1,
  }),
  schema: ({ precision }) => ({ type: precision === 0 ? 'integer' : 'number' }),
  pythonType: ({ precision }) => (precision === 0 ? 'int' : 'float'),
  example: ({ minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY }) => Math.min(Math.max(3, minimum), maximum),
  toGradio: same,
  fromGradio: same,
}

export const slider: GradioComponent<SpecOf<'slider'>> = {
  type: 'slider',
  props: ({ minimum, maximum, step = (maximum - minimum) / 100, precision }) => ({ minimum, maximum, step, ...(precision !== undefined && { precision }) }),
  schema: ({ minimum, maximum, precision }) => ({ type: precision === 0 ? 'integer' : 'number', description: `numeric value between ${minimum} and ${maximum}` }),
  pythonType: ({ precision }) => (precision === 0 ? 'int' : 'float'),
  example: ({ minimum }) => minimum,
  toGradio: same,
  fromGradio: same,
}

export const checkbox: GradioComponent<SpecOf<'checkbox'>> = {
  type: 'checkbox',
  props: () => ({}),
  schema: () => ({ type: 'boolean' }),
  pythonType: () => 'bool',
  example: () => true,
  toGradio: same,
  fromGradio: same,
}

interface Chooser {
  choices: readonly Choice[]
}

function values(spec: Chooser): string[] {
  return namedChoices(spec).map((choice) => choice.value)
}

function pairs(spec: Chooser): [string, string][] {
  return namedChoices(spec).map(({ label, value }) => [label, value])
}

function oneOf(spec: Chooser): Schema {
  return spec.choices.length === 0 ? { type: 'string' } : { enum: values(spec), type: 'string' }
}

function literal(spec: Chooser): string {
  return spec.choices.length === 0 ? 'str' : `Literal[${values(spec).map(pythonText).join(', ')}]`
}

/** A text as Python writes it. */
export function pythonText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

export const checkboxGroup: GradioComponent<SpecOf<'checkboxGroup'>> = {
  type: 'checkboxgroup',
  props: (spec) => ({ choices: pairs(spec), type: 'value' }),
  schema: (spec) => ({ items: oneOf(spec), title: 'Checkbox Group', type: 'array' }),
  pythonType: (spec) => `list[${literal(spec)}]`,
  example: (spec) => values(spec).slice(0, 1),
  toGradio: same,
  fromGradio: same,
}

export const radio: GradioComponent<SpecOf<'radio'>> = {
  type: 'radio',
  props: (spec) => ({ choices: pairs(spec), type: 'value' }),
  schema: (spec) => ({ ...oneOf(spec), title: 'Radio' }),
  pythonType: literal,
  example: (spec) => values(spec)[0] ?? null,
  toGradio: same,
  fromGradio: same,
}

export const dropdown: GradioComponent<SpecOf<'dropdown'>> = {
  type: 'dropdown',
  props: (spec) => ({ choices: pairs(spec), type: 'value', allow_custom_value: false, filterable: true, ...(spec.multiple === true && { multiselect: true }) }),
  schema: (spec) => (spec.multiple === true ? { type: 'array', items: oneOf(spec) } : oneOf(spec)),
  pythonType: (spec) => (spec.multiple === true ? `list[${literal(spec)}]` : literal(spec)),
  example: (spec) => (spec.multiple === true ? values(spec).slice(0, 1) : (values(spec)[0] ?? null)),
  toGradio: same,
  fromGradio: same,
}
