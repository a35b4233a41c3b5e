import { z } from 'zod'
import { type Component, type ComponentDefinition, COMMON_OPTIONS, createSpec, finite, flag, type Nullable, type OptionsOf, outputBy, whole } from './definition.ts'
import type { CheckboxSpec, NumberSpec, SliderSpec } from './spec.ts'

interface NumberRules {
  minimum?: number
  maximum?: number
  precision?: number
}

const MAX_PRECISION = 15
const precision = whole(0).max(MAX_PRECISION, { error: `must be at most ${MAX_PRECISION}` }).exactOptional()
const value = finite.nullable().exactOptional()
const isOrdered = ({ minimum, maximum }: NumberRules): boolean => minimum === undefined || maximum === undefined || minimum <= maximum
const ORDER = { path: ['minimum'], error: 'must not be above "maximum"' }

/** The decimal shift goes through text, because 1.005 * 100 is 100.49999999999999. */
function shift(number: number, digits: number): number {
  const [mantissa, exponent = '0'] = String(number).split('e')
  return Number(`${mantissa}e${Number(exponent) + digits}`)
}

/** Rounded to `precision` decimals, halves up, without leaving the range. */
function round(number: number, { minimum, maximum, precision }: NumberRules): number {
  if (precision === undefined) return number
  const shifted = shift(number, precision)
  const rounded = shift(Math.round(shifted), -precision)
  if (maximum !== undefined && rounded > maximum) return shift(Math.floor(shifted), -precision)
  if (minimum !== undefined && rounded < minimum) return shift(Math.ceil(shifted), -precision)
  return rounded
}

function inRange({ minimum, maximum }: NumberRules): z.ZodNumber {
  let schema = z.number({ error: 'must be a number' })
  if (minimum !== undefined) schema = schema.min(minimum, { error: `must be at least ${minimum}` })
  if (maximum !== undefined) schema = schema.max(maximum, { error: `must be at most ${maximum}` })
  return schema
}

const checkOutput = outputBy<NumberRules>(({ precision }) => finite.transform((number) => round(number, precision === undefined ? {} : { precision })))

/** A number inside its range; `step` is for the page and is not enforced. Outputs are rounded, their range is not enforced. */
const anyNumber = {
  input: (spec: NumberRules) => inRange(spec).transform((number) => round(number, spec)),
  output: checkOutput,
  wire: (spec: NumberRules, side: 'input' | 'output') => (side === 'input' ? inRange(spec) : z.number()),
  example: ({ minimum = 0, maximum = Number.POSITIVE_INFINITY }: NumberRules) => Math.min(Math.max(1, minimum), maximum),
  hasFiles: false,
} as const

export const numberDefinition: ComponentDefinition<NumberSpec> = {
  ...anyNumber,
  spec: z
    .strictObject({ ...COMMON_OPTIONS, kind: z.literal('number'), value, minimum: finite.exactOptional(), maximum: finite.exactOptional(), precision })
    .refine(isOrdered, ORDER),
}

export const sliderDefinition: ComponentDefinition<SliderSpec> = {
  ...anyNumber,
  spec: z
    .strictObject({
      ...COMMON_OPTIONS,
      kind: z.literal('slider'),
      value,
      minimum: finite.default(0),
      maximum: finite.default(100),
      step: finite.positive({ error: 'must be above 0' }).exactOptional(),
      precision,
    })
    .refine(isOrdered, ORDER),
}

export const checkboxDefinition: ComponentDefinition<CheckboxSpec> = {
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('checkbox'), value: flag.nullable().exactOptional() }),
  input: () => flag,
  output: outputBy(() => flag),
  wire: () => z.boolean(),
  emptyValue: () => false,
  example: () => true,
  hasFiles: false,
}

type NumberComponent<Kind extends 'number' | 'slider', Optional extends boolean> = Component<Nullable<number, Optional>, number, Nullable<number, Optional>, Kind>

/** A number typed into a field. */
export function number<Optional extends boolean = false>(options: OptionsOf<'number', number, Optional> = {}): NumberComponent<'number', Optional> {
  return createSpec('number', numberDefinition, options)
}

/** The options of a slider; without a range it goes from 0 to 100. */
export type SliderOptions<Optional extends boolean> = Omit<OptionsOf<'slider', number, Optional>, 'minimum' | 'maximum'> & { minimum?: number; maximum?: number }

/** A number chosen in a range. */
export function slider<Optional extends boolean = false>(options: SliderOptions<Optional> = {}): NumberComponent<'slider', Optional> {
  return createSpec('slider', sliderDefinition, options)
}

/** Yes or no. */
export function checkbox<Optional extends boolean = false>(
  options: OptionsOf<'checkbox', boolean, Optional> = {},
): Component<Nullable<boolean, Optional>, boolean, Nullable<boolean, Optional>, 'checkbox'> {
  return createSpec('checkbox', checkboxDefinition, options)
}
