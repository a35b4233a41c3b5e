/** The hosted models as data: the list, and one model with all options of its components. */
import type { RequestHandler } from 'express'

import { displayLabel } from '../../workers/components.ts'
import type { ComponentSpec } from '../../workers/components.ts'
import type { Limits, ModelSpec } from '../../workers/contract.ts'
import type { AppDeps } from '../app.ts'
import type { HostedModel } from '../hosted-model.ts'
import type { ModelView } from '../model-view.ts'
import { withoutPaths } from '../status/public-text.ts'
import { createRender, sendJson } from './answer.ts'
import type { Render } from './answer.ts'
import type { ModelParams } from './predict.ts'

/** One model in `GET /models`. */
export interface ModelEntry {
  name: string
  title: string
  description: string
  /** Kinds of the inputs and outputs, in order. */
  inputs: string[]
  outputs: string[]
  state: ModelView['state']
  /** Why it is not serving, or `sleeping`. */
  cause?: string
  /** ISO 8601. */
  retryAt?: string
  queueDepth: number
  /** How long a prediction usually runs; null until one has. */
  usualSeconds: number | null
  /** Until the model is expected to be ready; null when unknown or not starting. */
  startupEtaSeconds: number | null
}

export function entryOf(view: ModelView): ModelEntry {
  const { name, title, description, inputs, outputs, state, cause, retryAt, queue, usualSeconds, startupEtaSeconds } = view
  return {
    name,
    title,
    description,
    inputs,
    outputs,
    state,
    ...(cause !== null && { cause: withoutPaths(cause) }),
    ...(retryAt !== null && { retryAt }),
    queueDepth: queue.depth,
    usualSeconds,
    startupEtaSeconds,
  }
}

export function createModelsHandler({ gateway }: AppDeps): RequestHandler {
  return (_req, res) => {
    res.setHeader('cache-control', 'no-store')
    sendJson(res, 200, { models: gateway.models().map((model) => entryOf(model.view())) })
  }
}

/** `GET /<model>/spec`. Waits for a model that has not been described yet, up to its hold time. */
export function createSpecHandler({ gateway, files, config }: AppDeps): RequestHandler<ModelParams> {
  return async (req, res) => {
    const model = gateway.model(req.params.model)
    const spec = model.spec ?? (await model.whenDescribed())
    const renderInputs = createRender(() => req, spec.inputs, files, config.rootPath)
    const renderOutputs = createRender(() => req, spec.outputs, files, config.rootPath)
    sendJson(res, 200, specOf(model, spec, renderInputs, renderOutputs))
  }
}

/** What a caller meets of the limits; the others are the operator's business. */
const CALLER_LIMITS = ['timeoutMs', 'holdMs', 'reattachMs', 'queueSize'] as const satisfies (keyof Limits)[]

function specOf({ name, limits }: HostedModel, spec: ModelSpec, renderInputs: Render, renderOutputs: Render): object {
  const { title, description, article, inputs, outputs, examples, streams, replay, apiName, batch } = spec
  return {
    name,
    title,
    description,
    article,
    inputs: withLabels(inputs, renderInputs),
    outputs: withLabels(outputs, renderOutputs),
    examples: examples.map(renderInputs),
    limits: Object.fromEntries(CALLER_LIMITS.map((limit) => [limit, limits[limit]])),
    streams,
    replay,
    apiName,
    ...(batch !== null && { batch: { maxSize: batch.maxSize } }),
  }
}

/** Every label spelt out, and files in default values as links. */
function withLabels(specs: Readonly<Record<string, ComponentSpec>>, render: Render): Record<string, object> {
  const labelled: Record<string, object> = {}
  for (const [key, spec] of Object.entries(specs)) {
    const value = spec.value === undefined ? {} : { value: render({ [key]: spec.value })[key] }
    labelled[key] = { ...spec, ...value, label: displayLabel(key, spec) }
  }
  return labelled
}
