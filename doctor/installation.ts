/** What must be there before anything else can be looked at. Needs nothing that is installed. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding } from './finding.ts'

const NEEDED_MAJOR = 24

export interface Installation {
  nodeVersion: string
  version: string
  /** Packages that package.json names and that are not there in that version. */
  missing: string[]
  hasPages: boolean
}

/** @param root Folder of package.json; absolute. */
export async function lookAtInstallation(root: string): Promise<Installation> {
  const manifest = await manifestIn(root)
  const missing: string[] = []
  for (const [name, wanted] of Object.entries(textsOf(manifest['dependencies']))) {
    const { version } = await manifestIn(join(root, 'node_modules', name)).catch((): Record<string, unknown> => ({}))
    if (version !== wanted) missing.push(typeof version === 'string' ? `${name} ${wanted} (${version} is there)` : `${name} ${wanted}`)
  }
  return { nodeVersion: process.versions.node, version: String(manifest['version']), missing, hasPages: await isFolder(join(root, 'dist', 'ui')) }
}

export function judgeInstallation({ nodeVersion, version, missing, hasPages }: Installation): Finding[] {
  const findings: Finding[] = []
  if (Number.parseInt(nodeVersion, 10) < NEEDED_MAJOR) {
    findings.push({ check: 'installation', level: 'wrong', cause: 'packages', text: `Node ${nodeVersion} is too old`, advice: `install Node ${NEEDED_MAJOR}, or start with \`npm start\`, which brings it along` })
  }
  if (missing.length > 0) {
    findings.push({ check: 'installation', level: 'wrong', cause: 'packages', text: `packages are missing or of another version: ${missing.join(', ')}`, advice: 'run `npm ci`, then start the host again' })
  }
  if (findings.length === 0) findings.push({ check: 'installation', level: 'ok', text: `Footlights ${version} on Node ${nodeVersion}, every package is there` })
  if (!hasPages) {
    findings.push({ check: 'installation', level: 'warning', text: 'the pages are not built: browsers see a note, the API works', advice: 'run `npm run build:ui`' })
  }
  return findings
}

async function manifestIn(folder: string): Promise<Record<string, unknown>> {
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  return typeof manifest === 'object' && manifest !== null ? { ...manifest } : {}
}

function textsOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false)
}
