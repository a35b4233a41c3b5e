import { z } from 'zod'
import { type Component, type ComponentDefinition, COMMON_OPTIONS, createSpec, finite, type Nullable, type OptionsOf, outputBy, PROTOTYPE_KEYS, text, whole } from './definition.ts'
import { callerJson, type JsonValue, modelJson } from './plain-json.ts'
import { CHAT_ROLES, type ChatbotSpec, type ChatMessage, type HighlightedTextSpec, type JsonSpec, type LabelSpec } from './spec.ts'

export const jsonDefinition: ComponentDefinition<JsonSpec> = {
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('json') }),
  input: () => callerJson,
  output: outputBy(() => modelJson),
  wire: () => z.unknown(),
  example: () => ({ key: 'value' }),
  hasFiles: false,
}

const LABEL_SHAPE = 'must be a string, or an object of class names and numbers'

/** Copied by entries, because a model may have seen the word `__proto__`. */
function confidences(refused: ReadonlySet<string>): z.ZodType {
  return z.unknown().transform((value, context): string | Record<string, number> => {
    const refuse = (message: string, path: PropertyKey[] = []): never => {
      context.issues.push({ code: 'custom', path, message, input: value })
      return z.NEVER
    }
    if (typeof value === 'string') return value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(LABEL_SHAPE)
    for (const [name, confidence] of Object.entries(value)) {
      if (refused.has(name)) return refuse(`must not have a key named "${name}"`)
      if (!Number.isFinite(confidence)) return refuse('must be a finite number', [name])
    }
    return Object.fromEntries(Object.entries(value))
  })
}

const wireLabel = z.union([z.string(), z.record(z.string(), z.number())])

export const labelDefinition: ComponentDefinition<LabelSpec> = {
  spec: z.strictObject({
    ...COMMON_OPTIONS,
    kind: z.literal('label'),
    value: z.union([text, z.record(z.string(), finite)], { error: LABEL_SHAPE }).nullable().exactOptional(),
    top: whole(1).exactOptional(),
  }),
  input: () => confidences(PROTOTYPE_KEYS),
  output: outputBy(() => confidences(new Set())),
  wire: () => wireLabel,
  example: () => ({ cat: 0.9, dog: 0.1 }),
  hasFiles: false,
}

const highlighted = z.array(z.strictObject({ text, label: text.nullable().default(null) }, { error: 'must be { text, label }' }), {
  error: 'must be an array of { text, label }',
})
const wireHighlighted = z.array(z.strictObject({ text: z.string(), label: z.string().nullable() }))

export const highlightedTextDefinition: ComponentDefinition<HighlightedTextSpec> = {
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('highlightedText'), value: highlighted.nullable().exactOptional() }),
  input: () => highlighted,
  output: outputBy(() => highlighted),
  wire: (_spec, side) => (side === 'input' ? highlighted : wireHighlighted),
  example: () => [
    { text: 'Ada', label: 'person' },
    { text: ' wrote a program', label: null },
  ],
  hasFiles: false,
}

const messages = z.array(
  z.strictObject({ role: z.enum(CHAT_ROLES, { error: `must be one of ${CHAT_ROLES.join(', ')}` }), content: text }, { error: 'must be { role, content }' }),
  { error: 'must be an array of { role, content }' },
)

export const chatbotDefinition: ComponentDefinition<ChatbotSpec> = {
  spec: z.strictObject({ ...COMMON_OPTIONS, kind: z.literal('chatbot'), value: messages.nullable().exactOptional() }),
  input: () => messages,
  output: outputBy(() => messages),
  wire: () => messages,
  example: () => [{ role: 'user', content: 'Hello' }],
  hasFiles: false,
}

/** Any JSON value. */
export function json<Optional extends boolean = false>(options: OptionsOf<'json', unknown, Optional> = {}): Component<JsonValue, unknown, JsonValue, 'json'> {
  return createSpec('json', jsonDefinition, options)
}

type Confidences = string | Record<string, number>

/** A class, or classes with their confidences. */
export function label<Optional extends boolean = false>(
  options: OptionsOf<'label', Confidences, Optional> = {},
): Component<Nullable<Confidences, Optional>, Confidences, Nullable<Confidences, Optional>, 'label'> {
  return createSpec('label', labelDefinition, options)
}

interface Highlight {
  text: string
  label: string | null
}
type HighlightLike = readonly { readonly text: string; readonly label?: string | null }[]

/** Text in pieces, some of them marked with a label. */
export function highlightedText<Optional extends boolean = false>(
  options: OptionsOf<'highlightedText', HighlightLike, Optional> = {},
): Component<Nullable<Highlight[], Optional>, HighlightLike, Nullable<HighlightLike, Optional>, 'highlightedText'> {
  return createSpec('highlightedText', highlightedTextDefinition, options)
}

/** A conversation. */
export function chatbot<Optional extends boolean = false>(
  options: OptionsOf<'chatbot', ChatMessage[], Optional> = {},
): Component<Nullable<ChatMessage[], Optional>, ChatMessage[], Nullable<ChatMessage[], Optional>, 'chatbot'> {
  return createSpec('chatbot', chatbotDefinition, options)
}
