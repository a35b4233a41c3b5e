import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createLogger } from '../server/log.ts'
import { findModels, namesOfNothing } from '../server/registry.ts'

const log = createLogger({ level: 'silent', pretty: false })

describe('findModels', () => {
  test('finds folders with a model file, by name, and leaves out names that are reserved or no names', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'footlights-test-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    for (const path of ['b/model.mjs', 'a/model.ts', 'admin/model.ts', 'Upper/model.ts', 'empty/notes.md', '.hidden/model.ts', 'node_modules/model.ts']) {
      await mkdir(join(folder, path, '..'), { recursive: true })
      await writeFile(join(folder, path), '')
    }
    assert.deepEqual(await findModels(folder, log), [{ name: 'a', modelFile: join(folder, 'a/model.ts') }, { name: 'b', modelFile: join(folder, 'b/model.mjs') }])
  })
})

describe('namesOfNothing', () => {
  test('names what has limits but no folder', () => {
    assert.deepEqual(namesOfNothing({ digits: { replicas: 2 }, digit: { replicas: 2 } }, [{ name: 'digits', modelFile: '/models/digits/model.ts' }]), ['digit'])
  })
})
