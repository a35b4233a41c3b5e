import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

interface LockedPackage {
  version?: string
  resolved?: string
  hasInstallScript?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
}

interface Manifest {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

const lock: { packages: Record<string, LockedPackage> } = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'))
const manifest: Manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
const locked = Object.entries(lock.packages).filter(([path]) => path !== '')

describe('package-lock.json', () => {
  it('runs no install script of a dependency', () => {
    // npm 12 would not run it, older ones would: onnxruntime-node's downloads GPU libraries, swagger-ui-dist's reports home.
    // After an update of such a package, remove `hasInstallScript` from its entry; package.json `allowScripts` says the same to newer npm.
    assert.deepEqual(locked.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path), [])
  })

  it('names no registry, so that it installs from any', () => {
    assert.deepEqual(locked.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path), [])
  })

  it('holds what every platform needs', () => {
    for (const platform of ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64']) {
      assert.ok(`node_modules/@img/sharp-${platform}` in lock.packages, `sharp for ${platform}`)
      assert.ok(locked.some(([path, entry]) => path.startsWith('node_modules/node-') && `${entry.os}-${entry.cpu}` === platform && entry.version?.startsWith('24.')), `Node 24 for ${platform}`)
    }
  })
})

describe('package.json', () => {
  it('pins every version exactly', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies })) {
      assert.match(version, /^(?:npm:[\w@/.-]+@)?\d+\.\d+\.\d+$/, name)
    }
  })
})
