import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { makeSocketPath, removeSocket } from '../../server/siblings/socket-path.ts'

const notHere = process.platform === 'win32' ? 'no Unix sockets' : false

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'footlights-test-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A socket file that nobody listens on any more, as a killed process leaves it. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer()
  await once(server.listen(`${path}.new`), 'listening')
  // Closing removes only the name that was bound.
  await rename(`${path}.new`, path)
  server.close()
}

describe('the path of the socket', { skip: notHere }, () => {
  it('is beside the run-state file, free of what an earlier process left there', async (t) => {
    const state = await folder(t)
    const expected = join(state, 'run', `${process.pid}.sock`)
    assert.equal(makeSocketPath(state), expected)
    await leaveSocket(expected)
    assert.equal(makeSocketPath(state), expected)
    assert.ok(!existsSync(expected))
  })

  it('is in a folder for this user alone when it would be too long, and the folder goes with it', async (t) => {
    const path = makeSocketPath(join(await folder(t), 'x'.repeat(120)))
    assert.ok(path !== null && Buffer.byteLength(path) <= 103)
    assert.equal((await stat(dirname(path))).mode & 0o777, 0o700)
    removeSocket(path)
    assert.ok(!existsSync(dirname(path)))
  })

  it('counts bytes, not characters', async (t) => {
    const path = makeSocketPath(join(await folder(t), 'ü'.repeat(40)))
    assert.ok(path?.startsWith(tmpdir()) === true && !path.includes('ü'))
    removeSocket(path)
  })

  it('is removed only when it is a socket', async (t) => {
    const file = join(await folder(t), 'precious')
    await writeFile(file, 'text')
    removeSocket(file)
    removeSocket(`${file}-not-there`)
    assert.ok(existsSync(file))
    const place = join(await folder(t), 'footlights-socket-x')
    await mkdir(place)
    await writeFile(join(place, 'more'), '')
    removeSocket(join(place, 'sock'))
    assert.ok(existsSync(join(place, 'more')))
  })
})
