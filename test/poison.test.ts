import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Poison } from '../server/poison.ts'

describe('Poison', () => {
  test('a file that can not be read any more ends neither the check nor the host', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'footlights-poison-'))
    try {
      const path = join(folder, 'input.bin')
      await writeFile(path, 'bytes')
      const poison = new Poison(() => 0)
      const file = { path, name: 'input.bin', size: 5, mimeType: 'text/plain' }
      await poison.remember({ file })
      assert.equal(await poison.remembered({ file }), 600)
      await writeFile(join(folder, 'copy.bin'), 'bytes')
      assert.equal(await poison.remembered({ file: { ...file, path: join(folder, 'copy.bin'), name: 'copy.bin' } }), 600, 'content counts, not name or place')
      await rm(path)
      assert.equal(await poison.remembered({ file }), 0)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('is forgotten after ten minutes, and then costs nothing', async () => {
    let now = 0
    const poison = new Poison(() => now)
    await poison.remember({ text: 'a' })
    assert.equal(poison.isEmpty, false)
    now = 599_001
    assert.equal(await poison.remembered({ text: 'a' }), 1)
    now = 600_000
    assert.equal(poison.isEmpty, true)
  })

  test('does not take one text for another', async () => {
    const poison = new Poison(() => 0)
    await poison.remember({ a: 'x;b=string:y', b: '' })
    assert.equal(await poison.remembered({ a: 'x', b: 'y;b=string:' }), 0)
  })
})
