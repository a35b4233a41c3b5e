/** The form's values as calls in several languages. */
import { takesFiles, filesOf, hasFile } from './request-body.ts'
import type { ModelSpec, Values } from './api-types.ts'

export const SNIPPETS = ['curl', 'javascript', 'python', 'gradioJs', 'gradioPython'] as const
export type SnippetKind = (typeof SNIPPETS)[number]

export interface Snippet {
  code: string
  /** For the colouring. */
  language: string
  /** What has to be installed for it. */
  needs?: string
}

/** Names that Gradio's clients keep for themselves; the host calls such inputs by their place. */
const GRADIO_WORDS: ReadonlySet<string> = new Set(['api_name', 'fn_index', 'result_callbacks'])
const PLACEHOLDER: Readonly<Record<string, string>> = { image: 'picture.png', audio: 'sound.wav', video: 'film.mp4', file: 'file.txt', gallery: 'picture.png' }
const LONG_LINE = 72

/** @param base Address of the model, with a final slash. */
export function snippet(kind: SnippetKind, spec: ModelSpec, values: Values, base: string): Snippet {
  const call: Call = { spec, base, url: `${base}predict`, given: given(spec, values), outputs: Object.keys(spec.outputs) }
  switch (kind) {
    case 'curl':
      return { code: curl(call), language: 'bash' }
    case 'javascript':
      return { code: javascript(call), language: 'javascript' }
    case 'python':
      return { code: python(call), language: 'python', needs: 'pip install requests' }
    case 'gradioJs':
      return { code: gradioJs(call), language: 'javascript', needs: 'npm install @gradio/client' }
    case 'gradioPython':
      return { code: gradioPython(call), language: 'python', needs: 'pip install gradio_client' }
  }
}

interface Given {
  name: string
  value: unknown
  /** Names of files that the reader has to put in. */
  files: string[]
}

interface Call {
  spec: ModelSpec
  base: string
  url: string
  given: Given[]
  outputs: string[]
}

/** What is required and not in the form yet stands as the first example has it. */
function given({ inputs, examples }: ModelSpec, values: Values): Given[] {
  return Object.entries(inputs).flatMap(([name, spec]): Given[] => {
    const now = values[name]
    const isUnset = (now === undefined || now === null || now === '') && spec.optional !== true && spec.value === undefined
    const value = isUnset ? examples[0]?.[name] : now
    const isEmpty = value === undefined || value === null || (Array.isArray(value) && value.length === 0 && takesFiles(spec))
    if (isEmpty && (spec.optional === true || spec.value !== undefined)) return []
    if (takesFiles(spec) && (isEmpty || hasFile(value))) return [{ name, value: null, files: isEmpty ? [PLACEHOLDER[spec.kind] ?? 'file'] : filesOf(value).map((file) => file.name) }]
    return [{ name, value: isEmpty ? '' : value, files: [] }]
  })
}

function hasFiles({ given: all }: Call): boolean {
  return all.some(({ files }) => files.length > 0)
}

function json(all: Given[]): string {
  const object = Object.fromEntries(all.map(({ name, value }) => [name, value]))
  const line = JSON.stringify(object)
  return line.length > LONG_LINE ? JSON.stringify(object, null, 2) : line
}

function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function fieldText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function curl(call: Call): string {
  if (!hasFiles(call)) return `curl ${call.url} \\\n  -H 'content-type: application/json' \\\n  -d ${shell(json(call.given))}`
  const fields = call.given.flatMap(({ name, value, files }) => (files.length > 0 ? files.map((file) => `${name}=@${file}`) : [`${name}=${fieldText(value)}`]))
  return [`curl ${call.url}`, ...fields.map((field) => `-F ${shell(field)}`)].join(' \\\n  ')
}

function quoted(text: string): string {
  const inside = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${inside}'`
}

/** JSON as JavaScript is written by hand. */
function jsValue(value: unknown, indent = ''): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const isList = Array.isArray(value)
  const items = isList ? value.map((item) => jsValue(item, `${indent}  `)) : Object.entries(value).map(([key, item]) => `${jsKey(key)}: ${jsValue(item, `${indent}  `)}`)
  const [open, close] = isList ? ['[', ']'] : ['{ ', ' }']
  const line = items.length === 0 ? (isList ? '[]' : '{}') : `${open}${items.join(', ')}${close}`
  return line.length + indent.length <= LONG_LINE ? line : `${open.trim()}\n${items.map((item) => `${indent}  ${item},`).join('\n')}\n${indent}${close.trim()}`
}

function jsKey(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)
}

function objectOf(all: Given[]): Values {
  return Object.fromEntries(all.map(({ name, value }) => [name, value]))
}

function jsResult(outputs: string[]): string {
  return outputs.every((name) => jsKey(name) === name) ? `const { ${outputs.join(', ')} } = await response.json()` : 'const outputs = await response.json()'
}

function javascript(call: Call): string {
  const end = [`if (!response.ok) throw new Error((await response.json()).detail)`, jsResult(call.outputs)]
  if (!hasFiles(call)) {
    const body = jsValue(objectOf(call.given), '  ')
    const request = [`const response = await fetch(${quoted(call.url)}, {`, "  method: 'POST',", "  headers: { 'content-type': 'application/json' },", `  body: JSON.stringify(${body}),`, '})']
    return [...request, ...end].join('\n')
  }
  const fields = call.given.flatMap(({ name, value, files }) =>
    files.length > 0 ? files.map((file) => `form.append(${quoted(name)}, file) // a File or Blob, e.g. ${file}`) : [`form.append(${quoted(name)}, ${quoted(fieldText(value))})`],
  )
  return ['const form = new FormData()', ...fields, `const response = await fetch(${quoted(call.url)}, { method: 'POST', body: form })`, ...end].join('\n')
}

/** JSON as Python is written by hand. */
function pyValue(value: unknown, indent = ''): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value !== 'object') return JSON.stringify(value)
  const isList = Array.isArray(value)
  const items = isList ? value.map((item) => pyValue(item, `${indent}    `)) : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pyValue(item, `${indent}    `)}`)
  const [open, close] = isList ? ['[', ']'] : ['{', '}']
  const line = `${open}${items.join(', ')}${close}`
  return line.length + indent.length <= LONG_LINE ? line : `${open}\n${items.map((item) => `${indent}    ${item},`).join('\n')}\n${indent}${close}`
}

function python(call: Call): string {
  const timeout = Math.ceil(call.spec.limits.timeoutMs / 1_000)
  const body = hasFiles(call) ? pyForm(call.given) : [`    json=${pyValue(objectOf(call.given), '    ')},`]
  const result = call.outputs.length === 1 ? `answer.json()[${JSON.stringify(call.outputs[0])}]` : 'answer.json()'
  return ['import requests', '', 'answer = requests.post(', `    ${JSON.stringify(call.url)},`, ...body, `    timeout=${timeout},`, ')', 'answer.raise_for_status()', `print(${result})`].join('\n')
}

function pyForm(all: Given[]): string[] {
  const files = all.flatMap(({ name, files: names }) => names.map((file) => `(${JSON.stringify(name)}, open(${JSON.stringify(file)}, "rb"))`))
  const fields = all.filter(({ files: names }) => names.length === 0).map(({ name, value }) => [name, fieldText(value)])
  const data = fields.length === 0 ? [] : [`    data=${pyValue(Object.fromEntries(fields), '    ')},`]
  return [`    files=[${files.join(', ')}],`, ...data]
}

function gradioName(call: Call, name: string): string {
  return GRADIO_WORDS.has(name) ? `param_${Object.keys(call.spec.inputs).indexOf(name)}` : name
}

/** Files of our own host, and those the reader puts in, go through the client's own helper. */
function gradioFile({ value, files }: Given): string[] {
  return files.length > 0 ? files : [value].flat().flatMap((each: unknown) => (typeof each === 'object' && each !== null && 'url' in each ? [String(each.url)] : []))
}

function isFileInput(call: Call, name: string): boolean {
  const spec = call.spec.inputs[name]
  return spec !== undefined && takesFiles(spec) && spec.kind !== 'gallery'
}

function takesMany(call: Call, name: string): boolean {
  const spec = call.spec.inputs[name]
  return spec?.kind === 'file' && spec.multiple === true
}

function gradioArguments(call: Call, write: (value: unknown) => string, text: (value: string) => string): [string, string][] {
  return call.given.map((each) => {
    const files = isFileInput(call, each.name) ? gradioFile(each).map((file) => `handle_file(${text(file)})`) : []
    const value = files.length === 0 ? write(each.value) : takesMany(call, each.name) ? `[${files.join(', ')}]` : (files[0] ?? '')
    return [gradioName(call, each.name), value]
  })
}

function gradioJs(call: Call): string {
  const args = gradioArguments(call, (value) => jsValue(value, '  '), quoted)
  const helper = args.some(([, value]) => value.includes('handle_file(')) ? ', handle_file' : ''
  const lines = args.map(([name, value]) => `  ${jsKey(name)}: ${value},`)
  return [
    `import { Client${helper} } from '@gradio/client'`,
    '',
    `const app = await Client.connect(${quoted(call.base)})`,
    `const { data } = await app.predict(${quoted(`/${call.spec.apiName}`)}, {`,
    ...lines,
    '})',
    `const [${call.outputs.map((name) => (jsKey(name) === name ? name : 'output')).join(', ')}] = data`,
  ].join('\n')
}

function gradioPython(call: Call): string {
  const args = gradioArguments(call, (value) => pyValue(value, '    '), (value) => JSON.stringify(value))
  const helper = args.some(([, value]) => value.includes('handle_file(')) ? ', handle_file' : ''
  const lines = args.map(([name, value]) => `    ${name}=${value},`)
  return [
    `from gradio_client import Client${helper}`,
    '',
    `app = Client(${JSON.stringify(call.base)})`,
    'answer = app.predict(',
    ...lines,
    `    api_name=${JSON.stringify(`/${call.spec.apiName}`)},`,
    ')',
    'print(answer)',
  ].join('\n')
}
