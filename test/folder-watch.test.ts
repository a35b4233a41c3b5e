import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FolderWatch, type FolderWatchOptions } from '../workers/folder-watch.ts'

/** More than the quiet that is waited for, on a busy machine. */
const SETTLED_MS = 1_000

class Changes {
  count = 0
  #wake = (): void => {}

  readonly changed = (): void => {
    this.count++
    this.#wake()
  }

  async next(): Promise<void> {
    const { count } = this
    while (this.count === count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

async function watched(t: TestContext, { files = { 'model.ts': 'one' }, options, link = false }: { files?: Record<string, string>; options?: FolderWatchOptions; link?: boolean } = {}) {
  const root = await mkdtemp(join(tmpdir(), 'footlights-test-'))
  const folder = join(root, 'model')
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  if (link) await symlink(folder, join(root, 'link'))
  const changes = new Changes()
  const watch = new FolderWatch(link ? join(root, 'link') : folder, changes, options)
  t.after(async () => {
    watch.close()
    await rm(root, { recursive: true, force: true })
  })
  await watch.begun()
  return { folder, changes, watch, at: (path: string) => join(folder, path) }
}

describe('a watched folder', () => {
  for (const [what, act] of [
    ['a file written', (at) => writeFile(at('model.ts'), 'two')],
    ['a file replaced by another, as editors save', async (at) => {
      await writeFile(at('model.ts.tmp'), 'two')
      await rename(at('model.ts.tmp'), at('model.ts'))
    }],
    ['a file added', (at) => writeFile(at('labels.txt'), 'cat')],
    ['a file removed', (at) => rm(at('model.ts'))],
    ['a file further down', (at) => writeFile(at('weights/a/b.bin'), 'two')],
    ['a new time', (at) => utimes(at('model.ts'), new Date(), new Date(2_000_000_000_000))],
  ] as const satisfies [string, (at: (path: string) => string) => Promise<unknown>][]) {
    test(`tells of ${what}, once`, async (t) => {
      const { changes, at } = await watched(t, { files: { 'model.ts': 'one', 'weights/a/b.bin': 'one' } })
      await Promise.all([changes.next(), act(at)])
      await sleep(SETTLED_MS)
      assert.equal(changes.count, 1)
    })
  }

  test('tells of a file in a folder that came later, and again when that is made anew', async (t) => {
    const { changes, at } = await watched(t)
    await mkdir(at('weights'))
    await sleep(SETTLED_MS)
    await Promise.all([changes.next(), writeFile(at('weights/a.bin'), 'one')])
    await Promise.all([changes.next(), rm(at('weights'), { recursive: true }).then(() => mkdir(at('weights'))).then(() => writeFile(at('weights/a.bin'), 'two'))])
    await Promise.all([changes.next(), writeFile(at('weights/a.bin'), 'three')])
    assert.equal(changes.count, 3)
  })

  test('tells of what is written for a while when it is complete', async (t) => {
    const { changes, at } = await watched(t)
    const told = changes.next()
    for (let piece = 0; piece < 10; piece++) {
      await appendFile(at('model.ts'), `piece ${piece}\n`)
      await sleep(50)
    }
    assert.equal(changes.count, 0)
    await told
    assert.equal(changes.count, 1)
  })

  test('follows a link to where the files are', async (t) => {
    const { changes, at } = await watched(t, { link: true })
    await Promise.all([changes.next(), writeFile(at('model.ts'), 'two')])
  })

  test('says nothing of what is no part of a model, and then still tells of what is', async (t) => {
    const { changes, at } = await watched(t, { files: { 'model.ts': 'one', 'page/index.html': 'one', 'node_modules/x/index.js': 'one', '.cache/x': 'one' } })
    for (const path of ['page/index.html', 'page/new.css', 'node_modules/x/index.js', '.cache/x', '.model.ts.swp', 'model.ts~', '4913', '#model.ts#', 'weights.bin.part', 'run.log']) await writeFile(at(path), 'two')
    await rm(at('model.ts~'))
    await sleep(SETTLED_MS)
    assert.equal(changes.count, 0)
    await Promise.all([changes.next(), writeFile(at('model.ts'), 'two')])
  })

  test('by names tells of entries and of where links lead, not of what is inside', async (t) => {
    const { changes, at, folder } = await watched(t, { files: { 'a/model.ts': 'one', 'b/model.ts': 'one' }, options: { depth: 'names' } })
    await writeFile(at('a/model.ts'), 'two')
    await sleep(SETTLED_MS)
    assert.equal(changes.count, 0)
    await Promise.all([changes.next(), symlink(join(folder, 'a'), at('link'))])
    await symlink(join(folder, 'b'), at('link.tmp'))
    await Promise.all([changes.next(), rename(at('link.tmp'), at('link'))])
    await Promise.all([changes.next(), rm(at('a'), { recursive: true })])
  })

  for (const depth of ['inside', 'names'] as const) {
    test(`that is removed and comes back is watched again (${depth})`, async (t) => {
      const { changes, at, folder } = await watched(t, { options: { depth } })
      await Promise.all([changes.next(), rm(folder, { recursive: true })])
      await sleep(SETTLED_MS)
      await Promise.all([changes.next(), mkdir(folder).then(() => writeFile(at('model.ts'), 'two'))])
      await Promise.all([changes.next(), writeFile(at('labels.txt'), 'cat')])
    })
  }

  test('that is closed says nothing more', async (t) => {
    const { changes, at, watch } = await watched(t)
    await writeFile(at('model.ts'), 'two')
    watch.close()
    await sleep(SETTLED_MS)
    assert.equal(changes.count, 0)
  })
})
