/** The folder of models: which are hosted, which are left out. */
import { readdir } from 'node:fs/promises'
import { namesOfNothing, findModels, type FoundModel } from '../../server/registry.ts'
import type { Config } from '../../server/config.ts'
import type { Finding } from '../finding.ts'

export interface ModelsFolder {
  path: string
  found: FoundModel[]
  /** Have a model file and a name that is not allowed. */
  misnamed: string[]
  /** Folders without a model file. */
  empty: string[]
  /** Names that limits are set for, and that no folder has. */
  unknownLimits: string[]
}

export async function lookAtModels({ models, limits }: Config): Promise<ModelsFolder> {
  const misnamed: string[] = []
  const found = await findModels(models, { error: ({ model }) => misnamed.push(model) })
  const known = new Set([...found.map(({ name }) => name), ...misnamed])
  const folders = (await readdir(models, { withFileTypes: true })).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
  return { path: models, found, misnamed, empty: folders.map(({ name }) => name).filter((name) => !known.has(name)), unknownLimits: namesOfNothing(limits, found) }
}

export function judgeModels({ path, found, misnamed, empty, unknownLimits }: ModelsFolder): Finding[] {
  const findings: Finding[] = []
  const names = found.map(({ name }) => name).join(', ')
  if (found.length === 0) {
    findings.push({ check: 'models', level: 'wrong', text: `there is no model in ${path}`, advice: 'a model is a folder in it with a model.ts; FOOTLIGHTS_MODELS names another folder' })
  } else {
    findings.push({ check: 'models', level: 'ok', text: `${names} in ${path}` })
  }
  if (misnamed.length > 0) {
    findings.push({ check: 'models', level: 'wrong', text: `left out for their names: ${misnamed.join(', ')}`, advice: 'rename the folder: a-z, 0-9 and -, at most 63, none that is reserved' })
  }
  if (empty.length > 0) findings.push({ check: 'models', level: 'warning', text: `no model.ts, .js or .mjs in: ${empty.join(', ')}`, advice: 'add the file, or move the folder away' })
  if (unknownLimits.length > 0) findings.push({ check: 'models', level: 'warning', text: `limits are set for models that are not there: ${unknownLimits.join(', ')}`, advice: 'correct the name in footlights.config.ts' })
  return findings
}
