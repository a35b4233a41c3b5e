/**
 * Components as data: the one table of all kinds, and the functions that read it. Gateway, runner, OpenAPI and Gradio's wire all go through here.
 * A new kind is a spec in `components/spec.ts`, a definition with its factory, and a line in the table.
 */
import { z } from 'zod'
import { checkboxGroupDefinition, dropdownDefinition, radioDefinition } from './components/choices.ts'
import { compileInputs, type InputsResult } from './components/compile.ts'
import { chatbotDefinition, highlightedTextDefinition, jsonDefinition, labelDefinition } from './components/data.ts'
import { dataframeDefinition } from './components/dataframe.ts'
import { type ComponentDefinition, OutputShapeError, type Side, valueProblem } from './components/definition.ts'
import { audioDefinition, fileDefinition, galleryDefinition, imageDefinition, videoDefinition } from './components/media.ts'
import { checkboxDefinition, numberDefinition, sliderDefinition } from './components/numbers.ts'
import type { ComponentKind, ComponentSpec, SpecOf } from './components/spec.ts'
import { codeDefinition, htmlDefinition, markdownDefinition, textboxDefinition } from './components/text.ts'
import type { Values } from './contract.ts'

export { checkboxGroup, dropdown, namedChoices, type NamedChoice, radio } from './components/choices.ts'
export type { InputsResult } from './components/compile.ts'
export { chatbot, highlightedText, json, label } from './components/data.ts'
export { dataframe, type Dataframe, type DataframeLike } from './components/dataframe.ts'
export { type Component, type ComponentDefinition, type GivenOf, type InOf, type OutOf, OutputShapeError, PROTOTYPE_KEYS, type Side } from './components/definition.ts'
export { type FileAnnouncement, type FileOutput, type FileRef, isFileRef, NOT_RESOLVED } from './components/file-value.ts'
export { mapAuthorFiles, mapInputFiles, mapOutputFiles, renderFiles, unresolvedFiles } from './components/file-walk.ts'
export { audio, file, gallery, image, video } from './components/media.ts'
export { checkbox, number, slider } from './components/numbers.ts'
export type { JsonValue } from './components/plain-json.ts'
export type * from './components/spec.ts'
export { code, html, markdown, textbox } from './components/text.ts'

const definitions = {
  textbox: textboxDefinition,
  number: numberDefinition,
  slider: sliderDefinition,
  checkbox: checkboxDefinition,
  checkboxGroup: checkboxGroupDefinition,
  radio: radioDefinition,
  dropdown: dropdownDefinition,
  image: imageDefinition,
  audio: audioDefinition,
  video: videoDefinition,
  file: fileDefinition,
  gallery: galleryDefinition,
  label: labelDefinition,
  json: jsonDefinition,
  markdown: markdownDefinition,
  html: htmlDefinition,
  highlightedText: highlightedTextDefinition,
  dataframe: dataframeDefinition,
  code: codeDefinition,
  chatbot: chatbotDefinition,
} satisfies { [Kind in ComponentKind]: ComponentDefinition<SpecOf<Kind>> }

/** Every kind. A definition is only ever asked about specs of its own kind, which its methods' parameters can't say. */
export const COMPONENTS: Readonly<Record<ComponentKind, ComponentDefinition<ComponentSpec>>> = Object.freeze(definitions)

export const COMPONENT_KINDS: readonly ComponentKind[] = Object.freeze(Object.keys(COMPONENTS).filter(isComponentKind))

export function isComponentKind(value: unknown): value is ComponentKind {
  return typeof value === 'string' && Object.hasOwn(COMPONENTS, value)
}

/** Checks a spec that a worker announced, its default included. */
export const componentSpecSchema: z.ZodType<ComponentSpec, unknown> = z.looseObject({ kind: z.unknown() }).transform((value, context): ComponentSpec => {
  if (!isComponentKind(value.kind)) {
    context.issues.push({ code: 'custom', path: ['kind'], message: 'is no component', input: value.kind })
    return z.NEVER
  }
  const definition = COMPONENTS[value.kind]
  const parsed = definition.spec.safeParse(value)
  const problem = parsed.success ? valueProblem(definition, parsed.data) : null
  if (parsed.success && problem === null) return parsed.data
  if (problem !== null) context.issues.push({ code: 'custom', message: problem, input: value })
  for (const { path, message } of parsed.error?.issues ?? []) context.issues.push({ code: 'custom', path, message, input: value })
  return z.NEVER
})

/**
 * Compiles the check of all inputs of a model. It fills in defaults, refuses unknown names and names every problem (at most 50);
 * null passes for optional inputs only. The result's values are the caller's own objects or fresh copies.
 *
 * @throws {TypeError} when an input's name would reach a prototype.
 */
export function inputsSchema(inputs: Readonly<Record<string, ComponentSpec>>): (raw: unknown) => InputsResult {
  return compileInputs(
    Object.entries(inputs).map(([name, spec]) => {
      return { name, schema: COMPONENTS[spec.kind].input(spec), optional: spec.optional === true, defaultValue: defaultValue(spec) }
    }),
  )
}

/**
 * Checks and normalises what `predict` returned for all outputs of a model; files are left as they are.
 *
 * @throws {OutputShapeError} for a missing, unknown or wrong output, its path starting with the output's name.
 */
export function checkOutputs(outputs: Readonly<Record<string, ComponentSpec>>, returned: unknown): Values {
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) throw new OutputShapeError('', 'predict must return an object of named outputs')
  const given = new Map<string, unknown>(Object.entries(returned))
  const checked: Values = {}
  for (const [name, spec] of Object.entries(outputs)) {
    const value = given.get(name)
    if (value === undefined) throw new OutputShapeError(name, 'is missing; null leaves it empty')
    checked[name] = checkOutput(name, spec, value)
    given.delete(name)
  }
  for (const name of given.keys()) throw new OutputShapeError(name, 'is no output of this model')
  return checked
}

function checkOutput(name: string, spec: ComponentSpec, value: unknown): unknown {
  try {
    return COMPONENTS[spec.kind].output(spec, value)
  } catch (error) {
    if (!(error instanceof OutputShapeError)) throw error
    const separator = error.path === '' || error.path.startsWith('[') ? '' : '.'
    throw new OutputShapeError(`${name}${separator}${error.path}`, error.message.slice(error.path.length).trimStart())
  }
}

/** JSON Schema 2020-12 of the value over native HTTP, with label, help and default; nullable when null may stand there. */
export function jsonSchema(spec: ComponentSpec, side: Side): Record<string, unknown> {
  const { $schema: _dialect, ...schema }: Record<string, unknown> = z.toJSONSchema(COMPONENTS[spec.kind].wire(spec, side), { io: 'input' })
  const nullable = side === 'output' || spec.optional === true
  const described: Record<string, unknown> = nullable && Object.keys(schema).length > 0 ? { anyOf: [schema, { type: 'null' }] } : schema
  if (spec.label !== undefined) described.title = spec.label
  if (spec.info !== undefined) described.description = spec.info
  const value = side === 'input' && !COMPONENTS[spec.kind].hasFiles ? defaultValue(spec) : undefined
  if (value !== undefined) described.default = value
  return described
}

/** Does any of the components hold files? Says whether values need to be walked at all. */
export function hasFiles(specs: Readonly<Record<string, ComponentSpec>>): boolean {
  return Object.values(specs).some((spec) => COMPONENTS[spec.kind].hasFiles)
}

/** What an input that was left out becomes; undefined: it is required. */
export function defaultValue(spec: ComponentSpec): unknown {
  if (spec.value !== undefined) return spec.value
  const empty = COMPONENTS[spec.kind].emptyValue?.(spec)
  return empty === undefined && spec.optional === true ? null : empty
}

/** Must a caller give this input? */
export function isRequired(spec: ComponentSpec): boolean {
  return defaultValue(spec) === undefined
}

/** A plausible value in the JSON form over native HTTP, for documentation: the author's default, or one made up. */
export function exampleValue(spec: ComponentSpec): unknown {
  const { hasFiles, example } = COMPONENTS[spec.kind]
  return spec.value === undefined || spec.value === null || hasFiles ? example(spec) : spec.value
}

/** What a reader sees as the component's name: its label, or its key in words (`max_length` and `maxLength` are `Max length`). */
export function displayLabel(key: string, spec?: { label?: string }): string {
  if (spec?.label !== undefined) return spec.label
  const words = key
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[\s_-]+/)
    .filter((word) => word !== '')
    .map((word) => (/^\p{Lu}{2,}\d*$/u.test(word) ? word : word.toLowerCase()))
    .join(' ')
  return words === '' ? key : words.charAt(0).toUpperCase() + words.slice(1)
}

const TEXT_KINDS: ReadonlySet<ComponentKind> = new Set(['textbox', 'markdown', 'html', 'code', 'radio'])

/**
 * The input that a text form field stands for: text stays text, all else is read as JSON. What is no JSON stays text for the component to refuse.
 */
export function fromFormField(spec: ComponentSpec, field: string): unknown {
  if (TEXT_KINDS.has(spec.kind) || (spec.kind === 'dropdown' && spec.multiple !== true)) return field
  try {
    return JSON.parse(field)
  } catch {
    // A label is a bare string as well as an object.
    return field
  }
}
