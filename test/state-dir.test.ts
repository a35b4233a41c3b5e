import assert from 'node:assert/strict'
import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { ConfigError } from '../server/config.ts'
import { defaultStateDir, ensureStateDir, openStateDir } from '../server/state-dir.ts'

const NOBODY_UID = 65_534
const onWindows = process.platform === 'win32' ? 'Windows has no owners and modes of this kind' : false

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'footlights-state-dir-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

describe('ensureStateDir', () => {
  it('makes the folder for its owner alone', { skip: onWindows }, async (t) => {
    const path = join(await folder(t), 'deep', 'state')
    await ensureStateDir(path)
    assert.equal(await modeOf(path), 0o700)
  })

  it('closes a folder of ours that others could read', { skip: onWindows }, async (t) => {
    const path = await folder(t)
    await chmod(path, 0o755)
    await ensureStateDir(path)
    assert.equal(await modeOf(path), 0o700)
  })

  it('closes a folder that an earlier host of ours has filled, be it the root of a volume', { skip: onWindows }, async (t) => {
    const path = await folder(t)
    for (const name of ['run', 'uploads', 'results', 'examples', 'lost+found']) await mkdir(join(path, name))
    await chmod(path, 0o755)
    await ensureStateDir(path)
    assert.equal(await modeOf(path), 0o700)
  })

  it('takes a folder that is closed already as it is, whatever else is in it', { skip: onWindows }, async (t) => {
    const path = await folder(t)
    await writeFile(join(path, 'notes.txt'), '')
    await ensureStateDir(path)
    assert.equal(await modeOf(path), 0o700)
  })

  it('refuses an open folder with something in it that is not ours, and leaves it as it is', { skip: onWindows }, async (t) => {
    const path = await folder(t)
    await mkdir(join(path, 'run'))
    await writeFile(join(path, 'notes.txt'), '')
    await chmod(path, 0o755)
    await assert.rejects(ensureStateDir(path), (error) => error instanceof ConfigError && error.message.includes('notes.txt') && error.message.includes(join(path, 'footlights')))
    assert.equal(await modeOf(path), 0o755)
  })

  it('refuses a folder that all users share, as /tmp is, even an empty one, and leaves it as it is', { skip: onWindows }, async (t) => {
    const path = await folder(t)
    await chmod(path, 0o1777)
    await assert.rejects(ensureStateDir(path), (error) => error instanceof ConfigError && error.message.includes('shared'))
    assert.equal((await stat(path)).mode & 0o7777, 0o1777)
  })

  it('refuses a folder of another user', { skip: onWindows }, async (t) => {
    const path = await folder(t)
    const asRoot = process.getuid?.() === 0
    if (asRoot) await chown(path, NOBODY_UID, NOBODY_UID)
    await assert.rejects(ensureStateDir(asRoot ? path : '/'), (error) => error instanceof ConfigError && error.message.includes('another user'))
  })

  it('refuses a symbolic link and leaves its target as it is', { skip: onWindows }, async (t) => {
    const target = join(await folder(t), 'target')
    await mkdir(target)
    await chmod(target, 0o755)
    const link = `${target}-link`
    await symlink(target, link)
    await assert.rejects(ensureStateDir(`${link}/`), (error) => error instanceof ConfigError && error.message.includes('symbolic link'))
    assert.equal(await modeOf(target), 0o755)
  })

  it('refuses a file, and a place where nothing can be made', async (t) => {
    const file = join(await folder(t), 'file')
    await writeFile(file, '')
    await assert.rejects(ensureStateDir(file), ConfigError)
    await assert.rejects(ensureStateDir(join(file, 'state')), ConfigError)
  })
})

describe('openStateDir', () => {
  it('names the default after user and port, so that the next run finds it again', () => {
    assert.equal(defaultStateDir(7860, 1000), join(tmpdir(), 'footlights-1000-7860'))
    assert.notEqual(defaultStateDir(7860, 1000), defaultStateDir(7861, 1000))
    assert.notEqual(defaultStateDir(7860, 1000), defaultStateDir(7860, 1001))
  })

  it('removes the folder of a host on a free port, with all that is in it', async () => {
    const state = await openStateDir({ configured: undefined, port: 0 })
    await writeFile(join(state.path, 'left'), '')
    await state.close()
    await assert.rejects(stat(state.path))
  })

  it('keeps a folder that was asked for', async (t) => {
    const configured = await folder(t)
    const state = await openStateDir({ configured, port: 0 })
    assert.equal(state.path, configured)
    await state.close()
    assert.ok((await stat(configured)).isDirectory())
  })
})
