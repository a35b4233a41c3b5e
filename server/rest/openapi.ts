/** OpenAPI 3.1 made from the components. */
import type { RequestHandler } from 'express'

import { exampleValue, hasFiles, isRequired, jsonSchema } from '../../workers/components.ts'
import type { ComponentSpec } from '../../workers/components.ts'
import type { ModelSpec } from '../../workers/contract.ts'
import { ERROR_CODES } from '../../workers/errors.ts'
import type { AppDeps } from '../app.ts'
import { publicRoot } from '../security/public-root.ts'
import { sendJson } from './answer.ts'
import { hostPaths, predictionPaths, PROBLEM_ANSWERS } from './openapi-fixed.ts'
import type { ModelParams } from './predict.ts'

type Json = Record<string, unknown>
type Specs = Readonly<Record<string, ComponentSpec>>

interface Described {
  name: string
  spec: ModelSpec
}

/** `GET /openapi.json`: all models that have been described so far, and the host's own routes. */
export function createOpenApiHandler({ gateway, config, version }: AppDeps): RequestHandler {
  return (req, res) => {
    const described = gateway.models().flatMap(({ name, spec }) => (spec === null ? [] : [{ name, spec }]))
    const info = { title: 'Footlights', version, description: 'Model demos, each with its own inputs and outputs.' }
    sendJson(res, 200, documentOf(info, publicRoot(req, config.rootPath), described, hostPaths()))
  }
}

/** `GET /<model>/openapi.json`. Waits for a model that has not been described yet. */
export function createModelOpenApiHandler({ gateway, config, version }: AppDeps): RequestHandler<ModelParams> {
  return async (req, res) => {
    const model = gateway.model(req.params.model)
    const spec = model.spec ?? (await model.whenDescribed())
    const info = { title: spec.title, version, ...(spec.description !== '' && { description: spec.description }) }
    sendJson(res, 200, documentOf(info, publicRoot(req, config.rootPath), [{ name: model.name, spec }], {}))
  }
}

function documentOf(info: Json, server: string, models: Described[], otherPaths: Json): Json {
  const paths: Json = {}
  for (const { name, spec } of models) {
    paths[`/${name}/predict`] = { post: predictOperation(name, spec) }
    Object.assign(paths, predictionPaths(name, valuesSchema(spec.outputs, 'output')))
  }
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: server }],
    tags: models.map(({ name, spec }) => ({ name, description: spec.title })),
    paths: { ...paths, ...otherPaths },
    components: { schemas: { Problem: PROBLEM_SCHEMA }, responses: PROBLEM_ANSWERS },
  }
}

const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong, for a person' },
    code: { type: 'string', enum: ERROR_CODES },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      description: 'Each refused input',
      items: { type: 'object', required: ['path', 'message'], properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
}

function predictOperation(name: string, spec: ModelSpec): Json {
  const streamed = 'With accept: text/event-stream the answer is a stream of the events queued, held, started, replayed, progress, notice, output, then done or error.'
  return {
    tags: [name],
    operationId: `${name}-predict`,
    summary: spec.title,
    description: [spec.description, streamed].filter((text) => text !== '').join('\n\n'),
    parameters: [
      { name: 'x-timeout-ms', in: 'header', description: 'Deadline in ms, counted from arrival', schema: { type: 'integer', minimum: 1 } },
      { name: 'prefer', in: 'header', description: 'respond-async: answered 202 at once, the result is asked for later', schema: { type: 'string' } },
      { name: 'stream', in: 'query', description: 'delta: grown text comes as append events', schema: { type: 'string', enum: ['delta'] } },
    ],
    requestBody: { required: Object.values(spec.inputs).some(isRequired), content: bodyContent(spec.inputs) },
    responses: { 200: predictAnswer(spec.outputs), 202: { description: 'Accepted; `location` is where to ask' }, ...problemRefs() },
  }
}

function bodyContent(inputs: Specs): Json {
  const example = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, exampleValue(input)]))
  const json = { 'application/json': { schema: valuesSchema(inputs, 'input'), example } }
  return hasFiles(inputs) ? { ...json, 'multipart/form-data': { schema: formSchema(inputs) } } : json
}

function predictAnswer(outputs: Specs): Json {
  return {
    description: 'The outputs by name',
    headers: { 'x-prediction-id': { schema: { type: 'string' } }, 'x-request-id': { schema: { type: 'string' } } },
    content: { 'application/json': { schema: valuesSchema(outputs, 'output') }, 'text/event-stream': { schema: { type: 'string' } } },
  }
}

function valuesSchema(specs: Specs, side: 'input' | 'output'): Json {
  const names = Object.keys(specs)
  const required = side === 'output' ? names : names.filter((name) => isRequiredInput(specs[name]))
  const properties = Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, jsonSchema(spec, side)]))
  return { type: 'object', additionalProperties: false, properties, ...(required.length > 0 && { required }) }
}

function isRequiredInput(spec: ComponentSpec | undefined): boolean {
  return spec !== undefined && isRequired(spec)
}

/** The same inputs as a form: files as parts, all else as text. */
function formSchema(inputs: Specs): Json {
  const schema = valuesSchema(inputs, 'input')
  const properties = Object.fromEntries(Object.entries(inputs).map(([name, spec]) => [name, formProperty(name, spec)]))
  return { ...schema, properties }
}

function formProperty(name: string, spec: ComponentSpec): Json {
  if (!hasFiles({ [name]: spec })) return jsonSchema(spec, 'input')
  const binary = { type: 'string', contentMediaType: 'application/octet-stream' }
  const isMany = spec.kind === 'gallery' || (spec.kind === 'file' && spec.multiple === true)
  return isMany ? { type: 'array', items: binary } : binary
}

function problemRefs(): Json {
  return Object.fromEntries(Object.keys(PROBLEM_ANSWERS).map((status) => [status === 'Other' ? 'default' : status.slice(1), { $ref: `#/components/responses/${status}` }]))
}
