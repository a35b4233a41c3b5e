import assert from 'node:assert/strict'
import { access, readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

import { COMPONENT_KINDS } from '../../workers/components.ts'

const FOLDER = new URL('../../server/ui/src/components/', import.meta.url)
const ENTRY = /^ {2}(\w+): \{ input: \(\) => import\('(.+?)'\), output: \(\) => import\('(.+?)'\) \},$/gm

describe('the map of component files', () => {
  it('names two files for every kind there is, and no other kind', async () => {
    const entries = [...(await readFile(new URL('map.ts', FOLDER), 'utf8')).matchAll(ENTRY)]
    assert.deepEqual(entries.map(([, kind = '']) => kind).sort(), [...COMPONENT_KINDS].sort())
    for (const [, , input = '', output = ''] of entries) {
      await access(new URL(input, FOLDER))
      await access(new URL(output, FOLDER))
    }
  })

  it('loads each file only when it is asked for', async () => {
    const source = await readFile(new URL('map.ts', FOLDER), 'utf8')
    assert.doesNotMatch(source, /^import .*\.svelte'/m)
  })
})
