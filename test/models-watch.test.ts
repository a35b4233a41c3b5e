import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { HostedModel } from '../server/hosted-model.ts'
import { createLogger } from '../server/log.ts'
import { ModelsWatch } from '../server/models-watch.ts'

describe('a model that writes into its own folder whenever it starts', () => {
  test('is not started over and over, and the operator hears of it', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'footlights-test-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await mkdir(join(folder, 'noisy'))
    await writeFile(join(folder, 'noisy/model.ts'), '')
    let restarts = 0
    const { promise: warned, resolve } = Promise.withResolvers<string>()
    const registry = {
      models: new Map<string, HostedModel>(),
      reloadModel: async () => {
        restarts++
        await writeFile(join(folder, 'noisy/cache.bin'), `start ${restarts}`)
      },
    }
    const log = createLogger({ level: 'warn', pretty: false, destination: { write: resolve } })
    const watch = new ModelsWatch(folder, registry, log)
    t.after(() => watch.close())
    assert.match(await warned, /again and again/)
    assert.equal(restarts, 10)
  })
})
