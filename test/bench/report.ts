/** All that a run found, and under what circumstances: what is written as JSON, and what the page is made from. */
import { readFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'

import type { Judged } from './criteria.ts'
import type { Figure } from './figures.ts'
import type { Settings } from './settings.ts'

export const PEER_REQUIREMENTS = fileURLToPath(new URL('peers/requirements.txt', import.meta.url))
const MANIFEST = new URL('../../package.json', import.meta.url)
/** Packages whose versions matter to who compares. */
const NAMED_PEERS = ['fastapi', 'uvicorn', 'litserve', 'mosec', 'gradio']
const NAMED_PACKAGES = ['express', 'autocannon']

export interface Machine {
  cpu: string
  cores: number
  memoryGb: number
  system: string
  node: string
}

export interface Report {
  /** ISO 8601, of the end. */
  at: string
  minutes: number
  machine: Machine
  /** By package; the peers' only where they took part. */
  versions: Record<string, string>
  settings: Settings
  figures: Figure[]
  judged: Judged[]
  /** What could not be measured. */
  complaints: string[]
}

export function machineOf(): Machine {
  const cores = cpus()
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown', cores: cores.length, memoryGb: Math.round(totalmem() / 1024 ** 3), system: `${type()} ${release().split('-')[0] ?? ''}`, node: process.versions.node,
  }
}

export async function versionsOf(withPeers: boolean): Promise<Record<string, string>> {
  const { version, dependencies, devDependencies } = JSON.parse(await readFile(MANIFEST, 'utf8')) as Record<'dependencies' | 'devDependencies', Record<string, string>> & { version: string }
  const own = NAMED_PACKAGES.map((name) => [name, dependencies[name] ?? devDependencies[name] ?? ''])
  const pins = withPeers ? (await readFile(PEER_REQUIREMENTS, 'utf8')).split('\n').map((line) => line.split('==')) : []
  return Object.fromEntries([['footlights', version], ...own, ...pins.filter(([name = '']) => NAMED_PEERS.includes(name))])
}
