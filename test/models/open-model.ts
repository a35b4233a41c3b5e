import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'

import { lookup } from 'mime-types'

import { checkOutputs, inputsSchema, mapInputFiles } from '../../workers/components.ts'
import type { Values } from '../../workers/contract.ts'
import { type AnyModelDefinition, isModelDefinition, type ModelLog } from '../../workers/model.ts'

export interface OpenModel {
  readonly definition: AnyModelDefinition
  /** Texts that the model showed its callers. */
  readonly notices: readonly string[]
  /** Every output of one prediction, in order. Inputs as a caller gives them, files as `{ path }`, also relative to the model's folder. */
  predict(inputs: Values, signal?: AbortSignal): Promise<Values[]>
}

const silent: ModelLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** A shipped model in this process: imported, set up, its inputs and outputs checked as the host does it. */
export async function openModel(name: string): Promise<OpenModel> {
  const folder = new URL(`../../models/${name}/`, import.meta.url)
  const module: unknown = await import(new URL('model.ts', folder).href)
  assert.ok(typeof module === 'object' && module !== null && 'default' in module && isModelDefinition(module.default))
  const definition = module.default
  const checkInputs = inputsSchema(definition.inputs)
  const signal = new AbortController().signal
  const state = await definition.setup?.({ signal, log: silent })
  const notices: string[] = []
  return {
    definition,
    notices,
    predict: async (given, callerSignal = signal) => {
      const checked = checkInputs(await resolveFiles(definition, given, folder))
      assert.ok(checked.ok, JSON.stringify(checked))
      const returned = await definition.predict?.(checked.value, {
        state, signal: callerSignal, log: silent, requestId: 'test', progress: () => {}, notify: (text) => void notices.push(text),
      })
      const outputs: Values[] = []
      for await (const output of isIterable(returned) ? returned : [returned]) outputs.push(checkOutputs(definition.outputs, output))
      return outputs
    },
  }
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

async function resolveFiles(definition: AnyModelDefinition, given: Values, folder: URL): Promise<Values> {
  const resolved: Values = { ...given }
  for (const [name, spec] of Object.entries(definition.inputs)) {
    if (name in given) resolved[name] = await mapInputFiles(spec, given[name], (leaf) => toFile(leaf, folder))
  }
  return resolved
}

async function toFile(leaf: unknown, folder: URL): Promise<unknown> {
  assert.ok(typeof leaf === 'object' && leaf !== null && 'path' in leaf && typeof leaf.path === 'string')
  const path = isAbsolute(leaf.path) ? leaf.path : fileURLToPath(new URL(leaf.path, folder))
  return { path, name: basename(path), size: (await stat(path)).size, mimeType: lookup(path) || 'application/octet-stream' }
}
