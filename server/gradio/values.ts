import { mapInputFiles } from '../../workers/components.ts'
import type { ComponentSpec } from '../../workers/components.ts'
import type { ModelSpec, Values } from '../../workers/contract.ts'
import { FILE_KINDS } from './component-files.ts'
import { fromGradio, toGradio } from './components.ts'
import { renderFileData, resolveFileData } from './file-data.ts'
import { LEFT_OUT } from './parameters.ts'
import type { FileSource, RenderContext } from './file-data.ts'

export type { RenderContext } from './file-data.ts'

/** The outputs in the order of their components; what is absent is null. */
export function renderOutputs(specs: Readonly<Record<string, ComponentSpec>>, outputs: Values, context: RenderContext): unknown[] {
  return Object.entries(specs).map(([name, component]) => renderValue(component, outputs[name], context))
}

/** One value of a component as clients see it; null for none. */
export function renderValue(spec: ComponentSpec, value: unknown, context: RenderContext): unknown {
  return toGradio(spec, value, (file) => renderFileData(file, context))
}

/**
 * Named inputs from a client's `data`. Entries beyond the inputs are ignored; for an input without an entry its default holds.
 *
 * @throws {RequestError} `INVALID_INPUT` naming a file that cannot be had.
 */
export async function readInputs(spec: ModelSpec, data: readonly unknown[], source: FileSource): Promise<Values> {
  const inputs: Values = {}
  for (const [index, [name, component]] of Object.entries(spec.inputs).entries()) {
    if (index >= data.length) break
    if (isLeftOut(component, data[index])) continue
    const value = fromGradio(component, data[index])
    inputs[name] = FILE_KINDS.has(component.kind) ? await mapInputFiles(component, value, (leaf, path) => resolveFileData(leaf, path, source), name) : value
  }
  return inputs
}

/** The JavaScript client sends null for what its caller left out; where null cannot be meant, the default is. */
function isLeftOut(component: ComponentSpec, value: unknown): boolean {
  return value === LEFT_OUT || (value === null && component.optional !== true)
}

/** Can reading these inputs take longer than a caller's patience? Only files may have to be fetched. */
export function mayFetch(spec: ModelSpec): boolean {
  return Object.values(spec.inputs).some(({ kind }) => FILE_KINDS.has(kind))
}
