import { z } from 'zod'
import { type Component, type ComponentDefinition, COMMON_OPTIONS, createSpec, flag, type Nullable, outputBy, text } from './definition.ts'
import type { CheckboxGroupSpec, Choice, CommonSpec, DropdownSpec, RadioSpec } from './spec.ts'

/** A choice spelt out. */
export interface NamedChoice {
  label: string
  value: string
}

/** The choices with what the reader sees and what `predict` gets. */
export function namedChoices(spec: { choices: readonly Choice[] }): NamedChoice[] {
  return spec.choices.map((choice) => (typeof choice === 'string' ? { label: choice, value: choice } : { label: choice[0], value: choice[1] }))
}

const choices = z
  .array(z.union([z.string(), z.tuple([z.string(), z.string()])], { error: 'must be a string or a pair [label, value]' }), { error: 'must be an array' })
  .default([])
  .refine((given) => new Set(given.map((choice) => (typeof choice === 'string' ? choice : choice[1]))).size === given.length, {
    error: 'must not name one value twice',
  })

const NAMED_IN_MESSAGE = 12

/** One of the choices; any text for an output that was given none. */
function oneOf(spec: { choices: readonly Choice[] }): z.ZodType<string> {
  const values = namedChoices(spec).map((choice) => choice.value)
  if (values.length === 0) return text
  const named = values.slice(0, NAMED_IN_MESSAGE).map((value) => JSON.stringify(value)).join(', ')
  return z.enum(values, { error: `must be one of ${named}${values.length > NAMED_IN_MESSAGE ? ', …' : ''}` })
}

/** Some of the choices, none of them twice. */
function someOf(spec: { choices: readonly Choice[] }): z.ZodType<string[]> {
  return z
    .array(oneOf(spec), { error: 'must be an array of choices' })
    .refine((given) => new Set(given).size === given.length, { error: 'must not name one choice twice' })
    .meta({ uniqueItems: true })
}

function firstChoice(spec: { choices: readonly Choice[] }): string | undefined {
  return namedChoices(spec)[0]?.value
}

function chosen(spec: DropdownSpec): z.ZodType {
  return spec.multiple === true ? someOf(spec) : oneOf(spec)
}

const oneValue = text.nullable().exactOptional()
const someValues = z.array(text, { error: 'must be an array' }).nullable().exactOptional()

export const radioDefinition: ComponentDefinition<RadioSpec> = {
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('radio'), value: oneValue, choices }),
  input: oneOf,
  output: outputBy(oneOf),
  wire: oneOf,
  example: (spec) => firstChoice(spec) ?? '',
  hasFiles: false,
}

export const checkboxGroupDefinition: ComponentDefinition<CheckboxGroupSpec> = {
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('checkboxGroup'), value: someValues, choices }),
  input: someOf,
  output: outputBy(someOf),
  wire: someOf,
  emptyValue: () => [],
  example: (spec) => namedChoices(spec).slice(0, 1).map((choice) => choice.value),
  hasFiles: false,
}

export const dropdownDefinition: ComponentDefinition<DropdownSpec> = {
  spec: z.strictObject({
    ...COMMON_OPTIONS,
    kind: z.literal('dropdown'),
    value: z.union([text, z.array(text)]).nullable().exactOptional(),
    choices,
    multiple: flag.exactOptional(),
  }),
  input: chosen,
  output: outputBy(chosen),
  wire: chosen,
  emptyValue: (spec) => (spec.multiple === true ? [] : firstChoice(spec)),
  example: (spec) => (spec.multiple === true ? namedChoices(spec).slice(0, 1).map((choice) => choice.value) : (firstChoice(spec) ?? '')),
  hasFiles: false,
}

type Choices = readonly Choice[]
/** The union of the values of choices that are known when the code is compiled. */
type ValueOf<C extends Choices> = C[number] extends infer One ? (One extends readonly [string, infer Value extends string] ? Value : One extends string ? One : never) : never

type ChoiceOptions<C extends Choices, Value, Optional extends boolean> = Omit<CommonSpec<Value>, 'value' | 'optional'> & {
  /** Needed for an input; an output without them may be any text. */
  choices?: C
  value?: NoInfer<Nullable<Value, Optional>>
  optional?: Optional
}
type Picked<Value, Optional extends boolean, Kind extends 'radio' | 'checkboxGroup' | 'dropdown'> = Component<Nullable<Value, Optional>, Value, Nullable<Value, Optional>, Kind>

/** One of a few choices, all of them visible. */
export function radio<const C extends Choices = readonly string[], Optional extends boolean = false>(
  options: ChoiceOptions<C, ValueOf<C>, Optional> = {},
): Picked<ValueOf<C>, Optional, 'radio'> {
  return createSpec('radio', radioDefinition, options)
}

/** Any of a few choices, all of them visible. */
export function checkboxGroup<const C extends Choices = readonly string[], Optional extends boolean = false>(
  options: ChoiceOptions<C, ValueOf<C>[], Optional> = {},
): Picked<ValueOf<C>[], Optional, 'checkboxGroup'> {
  return createSpec('checkboxGroup', checkboxGroupDefinition, options)
}

type Dropped<C extends Choices, Multiple extends boolean> = Multiple extends true ? ValueOf<C>[] : ValueOf<C>

/** One of many choices, or with `multiple` any of them. */
export function dropdown<const C extends Choices = readonly string[], Multiple extends boolean = false, Optional extends boolean = false>(
  options: ChoiceOptions<C, Dropped<C, Multiple>, Optional> & { multiple?: Multiple } = {},
): Picked<Dropped<C, Multiple>, Optional, 'dropdown'> {
  return createSpec('dropdown', dropdownDefinition, options)
}
