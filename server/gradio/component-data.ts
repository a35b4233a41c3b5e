/** Labels, JSON, marked text, tables and conversations on Gradio's wire. */
import type { SpecOf } from '../../workers/components.ts'
import { isRecord } from './component.ts'
import type { GradioComponent } from './component.ts'

const nullable = (type: string): Record<string, unknown> => ({ anyOf: [{ type }, { type: 'null' }], default: null })

export const label: GradioComponent<SpecOf<'label'>> = {
  type: 'label',
  props: ({ top }) => ({ show_heading: true, ...(top !== undefined && { num_top_classes: top }) }),
  schema: () => ({
    title: 'LabelData',
    type: 'object',
    properties: {
      label: { anyOf: [{ type: 'string' }, { type: 'integer' }, { type: 'number' }, { type: 'null' }], default: null },
      confidences: {
        anyOf: [{ type: 'array', items: { type: 'object', title: 'LabelConfidence', properties: { label: nullable('string'), confidence: nullable('number') } } }, { type: 'null' }],
        default: null,
      },
    },
  }),
  pythonType: () => 'dict(label: str | int | float | None, confidences: list[dict(label: str | int | float | None, confidence: float | None)] | None)',
  example: () => ({ label: 'cat', confidences: [{ label: 'cat', confidence: 0.9 }, { label: 'dog', confidence: 0.1 }] }),
  toGradio: (value, { top }) => {
    if (!isRecord(value)) return { label: value, confidences: null }
    const sorted = Object.entries(value).sort(([, a], [, b]) => Number(b) - Number(a))
    return { label: sorted[0]?.[0] ?? null, confidences: sorted.slice(0, top).map(([name, confidence]) => ({ label: name, confidence })) }
  },
  fromGradio: (value) => {
    if (!isRecord(value) || !Object.hasOwn(value, 'label')) return value
    const { confidences } = value
    if (!Array.isArray(confidences)) return value['label']
    return Object.fromEntries(confidences.filter(isRecord).map((item) => [String(item['label']), item['confidence']]))
  },
}

export const json: GradioComponent<SpecOf<'json'>> = {
  type: 'json',
  props: () => ({ open: false, show_indices: false, buttons: ['copy'] }),
  schema: () => ({ type: {}, description: 'any valid json' }),
  pythonType: () => 'str | float | bool | list | dict',
  example: () => ({ foo: 'bar' }),
  toGradio: (value) => value,
  fromGradio: (value) => (typeof value === 'string' ? parsed(value) : value),
}

/** Gradio parses text given for JSON; text that is none is a JSON value itself. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const highlightedText: GradioComponent<SpecOf<'highlightedText'>> = {
  type: 'highlightedtext',
  props: () => ({ show_legend: false, show_inline_category: true, combine_adjacent: false, adjacent_separator: '' }),
  schema: () => ({
    title: 'HighlightedTextData',
    type: 'array',
    items: {
      title: 'HighlightedToken',
      type: 'object',
      properties: { token: { type: 'string' }, class_or_confidence: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'null' }], default: null } },
      required: ['token'],
    },
  }),
  pythonType: () => 'list[dict(token: str, class_or_confidence: str | float | None)]',
  example: () => [
    { token: 'The', class_or_confidence: null },
    { token: 'quick', class_or_confidence: 'adj' },
  ],
  toGradio: (value) => (Array.isArray(value) ? value.map((piece: unknown) => (isRecord(piece) ? { token: piece['text'], class_or_confidence: piece['label'] ?? null } : piece)) : value),
  fromGradio: (value) => (Array.isArray(value) ? value.map(pieceOf) : value),
}

function pieceOf(piece: unknown): unknown {
  if (!isRecord(piece) || !Object.hasOwn(piece, 'token')) return piece
  const { token, class_or_confidence: marked = null } = piece
  return { text: token, label: typeof marked === 'number' ? String(marked) : marked }
}

export const dataframe: GradioComponent<SpecOf<'dataframe'>> = {
  type: 'dataframe',
  props: ({ headers = ['1', '2', '3'] }) => ({
    headers,
    row_count: [3, 'dynamic'],
    col_count: [headers.length, 'dynamic'],
    column_count: [headers.length, 'dynamic'],
    datatype: 'str',
    type: 'array',
    latex_delimiters: [{ left: '$$', right: '$$', display: true }],
    column_widths: [],
    static_columns: [],
    show_search: 'none',
  }),
  schema: () => ({
    title: 'DataframeData',
    type: 'object',
    properties: {
      headers: { type: 'array', items: {} },
      data: { type: 'array', items: { type: 'array', items: {} } },
      metadata: { anyOf: [{ type: 'object', additionalProperties: { anyOf: [{ type: 'array', items: {} }, { type: 'null' }] } }, { type: 'null' }], default: null },
    },
    required: ['headers', 'data'],
  }),
  pythonType: () => 'dict(headers: list[Any], data: list[list[Any]], metadata: dict(str, list[Any] | None) | None)',
  example: ({ headers = ['a', 'b'] }) => ({ headers, data: [headers.map((_, column) => (column === 0 ? 'foo' : 'bar'))], metadata: null }),
  toGradio: (value) => (isRecord(value) ? { headers: value['headers'], data: value['data'], metadata: null } : value),
  fromGradio: (value) => {
    if (!isRecord(value) || !Array.isArray(value['headers'])) return value
    return { headers: value['headers'].map((header: unknown) => (typeof header === 'number' ? String(header) : header)), data: value['data'] }
  },
}

export const chatbot: GradioComponent<SpecOf<'chatbot'>> = {
  type: 'chatbot',
  props: () => ({ height: 400, avatar_images: [null, null], latex_delimiters: [{ left: '$$', right: '$$', display: true }], sanitize_html: true, render_markdown: true, line_breaks: true, buttons: ['copy', 'copy_all'], allow_tags: true }),
  schema: () => ({
    title: 'ChatbotDataMessages',
    type: 'array',
    items: {
      title: 'Message',
      type: 'object',
      properties: {
        role: { type: 'string', enum: ['user', 'assistant', 'system'] },
        metadata: nullable('object'),
        content: { type: 'array', items: { title: 'TextMessage', type: 'object', properties: { text: { type: 'string' }, type: { const: 'text', default: 'text', type: 'string' } }, required: ['text'] } },
        options: nullable('array'),
      },
      required: ['role', 'content'],
    },
  }),
  pythonType: () => "list[dict(role: Literal['user', 'assistant', 'system'], metadata: dict | None, content: list[dict(text: str, type: Literal['text'])], options: list | None)]",
  example: () => [
    { role: 'user', metadata: null, content: [{ text: 'Hello', type: 'text' }], options: null },
    { role: 'assistant', metadata: null, content: [{ text: 'How can I help?', type: 'text' }], options: null },
  ],
  toGradio: (value) =>
    Array.isArray(value)
      ? value.map((message: unknown) => (isRecord(message) ? { role: message['role'], metadata: null, content: [{ text: message['content'], type: 'text' }], options: null } : message))
      : value,
  fromGradio: (value) => (Array.isArray(value) ? value.map((message: unknown) => (isRecord(message) ? { role: message['role'], content: contentOf(message['content']) } : message)) : value),
}

/** The text of a message that comes in parts; other parts than text are left for the component to refuse. */
function contentOf(content: unknown): unknown {
  const parts: unknown[] = Array.isArray(content) ? content : [content]
  const texts = parts.map((part) => (isRecord(part) && part['type'] === 'text' ? part['text'] : part))
  return texts.every((text) => typeof text === 'string') ? texts.join('') : content
}
