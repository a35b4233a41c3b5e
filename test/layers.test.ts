import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LAYERS = ['bin', 'doctor', 'models', 'server', 'workers']
const SOURCE = /\.(?:ts|mts|js|mjs|svelte)$/
const SPECIFIER = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)(['"])(?<specifier>[^'"\n]+)\1/gm
const BROWSER = 'server/ui/src/'
/** Started as a program or loaded as a thread, never imported. */
const ENTRY = /^(?:server|doctor)\/main\.ts$|-entry\.ts$|^bin\//

interface SourceFile {
  /** From the root, with slashes. */
  path: string
  text: string
}

/** Every import that points the wrong way, and every other look at the environment, as `file: what`. */
function breaches(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const code = withoutComments(text)
    const imports = [...code.matchAll(SPECIFIER)].map(({ groups }) => groups?.['specifier'] ?? '')
    const wrong = imports.filter((specifier) => !mayImport(path, specifier)).map((specifier) => `${path}: imports ${specifier}`)
    const reads = /\bprocess\s*(?:\.|\?\.|\[\s*['"])\s*env\b/.test(code) && !ENTRY.test(path) ? [`${path}: reads process.env`] : []
    const wire = /\bfn_index\b/.test(code) && !path.startsWith('server/gradio/') && !path.startsWith(BROWSER) ? [`${path}: knows Gradio's wire`] : []
    return [...wrong, ...reads, ...wire]
  })
}

function mayImport(path: string, specifier: string): boolean {
  if (!specifier.startsWith('.')) return specifier.startsWith('node:') || !/^(?:\/|[a-z]+:)/.test(specifier)
  const target = posix.join(posix.dirname(path), specifier)
  if (ENTRY.test(target)) return path.startsWith('bin/')
  return mayReach(path).some((folder) => target.startsWith(folder))
}

/** Folders that a file may import from; down only. */
function mayReach(path: string): string[] {
  const [layer, name] = path.split('/')
  if (layer === 'models') return [`models/${name}/`]
  if (layer === 'workers') return ['workers/']
  // What runs in the browser knows the host by HTTP alone, and the components as data.
  if (path.startsWith(BROWSER)) return ['server/ui/', 'workers/components/']
  // Looks at the host from outside, with what the host knows of itself; nobody but the launcher needs it.
  if (layer === 'doctor') return ['doctor/', 'server/', 'workers/']
  return layer === 'server' ? ['server/', 'workers/'] : ['server/', 'workers/', 'doctor/', 'bin/']
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;{}(])\/\/[^\n]*/g, '$1')
}

async function sourceFiles(): Promise<SourceFile[]> {
  const files: SourceFile[] = []
  for (const layer of LAYERS) {
    for (const entry of await readdir(join(ROOT, layer), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(ROOT.length).replaceAll('\\', '/')
      if (!entry.isFile() || !SOURCE.test(path) || /\/(?:node_modules|dist)\//.test(path)) continue
      if (path.startsWith('server/ui/') && !path.startsWith(BROWSER)) continue
      files.push({ path, text: await readFile(join(ROOT, path), 'utf8') })
    }
  }
  return files
}

describe('layers', () => {
  test('imports point down, and only the entries read the environment', async () => {
    const files = await sourceFiles()
    assert.ok(files.length > 80, `only ${files.length} files were looked at`)
    for (const layer of LAYERS) assert.ok(files.some(({ path }) => path.startsWith(`${layer}/`)), layer)
    assert.deepEqual(breaches(files), [])
  })

  for (const [path, text] of [
    ['models/digits/model.ts', "import { x } from '../../workers/runner.ts'"],
    ['models/digits/model.ts', "import { x } from '../photo/model.ts'"],
    ['models/digits/model.ts', "import '/opt/x.ts'"],
    ['workers/runner.ts', "import type { Config } from '../server/config.ts'"],
    ['workers/runner.ts', "export { x } from '../server/config.ts'"],
    ['workers/runner.ts', "const x = await import('../server/config.ts')"],
    ['workers/components/media.ts', 'import {\n  a,\n  b,\n} from "../../server/config.ts"'],
    ['server/app.ts', "import './main.ts'"],
    ['server/registry.ts', "import { x } from '../workers/process-entry.ts'"],
    ['workers/thread-pool.ts', "import handle from './thread-entry.ts'"],
    ['server/app.ts', "import { x } from '../models/digits/model.ts'"],
    ['server/ui/src/app.ts', "import { x } from '../../gateway.ts'"],
    ['server/log.ts', 'const level = process.env.LOG_LEVEL'],
    ['server/app.ts', "import { x } from '../doctor/finding.ts'"],
    ['workers/ports.ts', "import { x } from '../doctor/proc.ts'"],
    ['doctor/examine.ts', "import '../server/main.ts'"],
    ['doctor/ask.ts', 'const { PORT } = process.env'],
    ['workers/runner.ts', "const level = process['env'].LOG_LEVEL"],
    ['server/rest/predict.ts', 'const { fn_index } = body'],
  ] as const) {
    test(`would refuse ${JSON.stringify(text)} in ${path}`, () => {
      assert.equal(breaches([{ path, text }]).length, 1)
    })
  }

  for (const [path, text] of [
    ['models/digits/model.ts', "import { defineModel } from 'footlights'\nimport sharp from 'sharp'\nimport { x } from './tokens.ts'"],
    ['server/gradio/x.ts', "import { x } from '../../workers/errors.ts'\nconst { fn_index } = body"],
    ['server/main.ts', 'start(process.env)'],
    ['workers/process-entry.ts', 'const { env } = process\nprocess.env.X = "1"'],
    ['bin/footlights.mjs', "await import('../server/main.ts')"],
    ['bin/footlights.mjs', "await import('../doctor/main.ts')"],
    ['doctor/checks/port.ts', "import { x } from '../../server/run-state.ts'\nimport { y } from '../../workers/ports.ts'"],
    ['workers/runner.ts', "// import { x } from '../server/config.ts'\n/* process.env */"],
  ] as const) {
    test(`would take ${JSON.stringify(text)} in ${path}`, () => {
      assert.deepEqual(breaches([{ path, text }]), [])
    })
  }
})
