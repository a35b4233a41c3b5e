import assert from 'node:assert/strict'
import { link, lstat, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, it } from 'node:test'
import { FileStore, InvalidBase64Error } from '../../server/files/store.ts'
import { TooLargeError } from '../../server/files/upload.ts'

const PNG = Buffer.from('\x89PNG\r\n\x1a\n and more', 'latin1')

interface OpenStore extends AsyncDisposable {
  store: FileStore
  stateDir: string
}

async function openStore(options: Partial<Parameters<typeof FileStore.open>[0]> = {}): Promise<OpenStore> {
  const stateDir = await mkdtemp(join(tmpdir(), 'footlights-store-'))
  const store = await FileStore.open({ stateDir, keepFilesSeconds: 60, maxFileBytes: 1_000, ...options })
  return {
    store,
    stateDir,
    async [Symbol.asyncDispose]() {
      await store.close()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

async function add(store: FileStore, name = 'a.txt', content: string | Buffer = 'hello'): Promise<{ path: string; name: string; size: number; mimeType: string }> {
  const upload = await store.createUpload(name, undefined)
  upload.stream.end(content)
  return upload.commit()
}

async function age(ref: { path: string }, seconds: number): Promise<void> {
  const then = new Date(Date.now() - seconds * 1_000)
  await utimes(dirname(ref.path), then, then)
}

describe('an upload', () => {
  it('becomes a file under a name of our own, readable by nobody else', async () => {
    await using open = await openStore()
    const ref = await add(open.store, '../my picture.png', PNG)
    assert.deepEqual({ ...ref, path: '' }, { path: '', name: 'my_picture.png', size: PNG.length, mimeType: 'image/png' })
    assert.match(open.store.publicPath(ref), /^uploads\/[0-9a-f]{32}\/my_picture\.png$/)
    assert.equal((await lstat(ref.path)).mode & 0o777, 0o600)
    assert.equal((await lstat(dirname(ref.path))).mode & 0o777, 0o700)
  })

  it('is streamed whole, whatever the pieces', async () => {
    await using open = await openStore({ maxFileBytes: 10_000_000 })
    const upload = await open.store.createUpload('big.bin', undefined)
    const pieces = Array.from({ length: 500 }, (_, index) => Buffer.alloc(1 + ((index * 37) % 9_000), index))
    await pipeline(Readable.from(pieces), upload.stream)
    const ref = await upload.commit()
    assert.equal(ref.size, Buffer.concat(pieces).length)
    assert.equal((await lstat(ref.path)).size, ref.size)
  })

  it('gives a picture without a name that says so the extension it needs on its way back', async () => {
    await using open = await openStore()
    const ref = await add(open.store, 'blob', PNG)
    assert.equal(ref.name, 'blob.png')
    assert.deepEqual(await open.store.refFromPublicPath(open.store.publicPath(ref)), ref)
  })

  it('knows a picture with a name that says nothing again by its content', async () => {
    await using open = await openStore()
    const ref = await add(open.store, 'picture.dat', PNG)
    assert.equal((await open.store.refFromPublicPath(open.store.publicPath(ref)))?.mimeType, 'image/png')
  })

  it('is refused above the bound, and nothing of it stays', async () => {
    await using open = await openStore()
    const upload = await open.store.createUpload('a.txt', undefined, { maxBytes: 10 })
    await assert.rejects(pipeline(Readable.from([Buffer.alloc(6), Buffer.alloc(6)]), upload.stream), TooLargeError)
    await assert.rejects(upload.commit(), TooLargeError)
    await upload.discard()
    assert.deepEqual(await readdir(join(open.stateDir, 'uploads')), [])
  })

  it('may be as large as the bound exactly', async () => {
    await using open = await openStore({ maxFileBytes: 10 })
    assert.equal((await add(open.store, 'a.txt', '0123456789')).size, 10)
  })

  it('leaves nothing when discarded in the middle, or after commit, or twice', async () => {
    await using open = await openStore()
    const half = await open.store.createUpload('a.txt', undefined)
    half.stream.write('half')
    await half.discard()
    await half.discard()
    const whole = await open.store.createUpload('a.txt', undefined)
    whole.stream.end('whole')
    await whole.commit()
    await whole.discard()
    assert.deepEqual(await readdir(join(open.stateDir, 'uploads')), [])
  })

  it('cannot be asked for before it is whole', async () => {
    await using open = await openStore()
    const upload = await open.store.createUpload('a.txt', undefined)
    upload.stream.write('half')
    const [folder] = await readdir(join(open.stateDir, 'uploads'))
    for (const name of ['.partial', 'a.txt']) assert.equal(await open.store.refFromPublicPath(`uploads/${folder}/${name}`), null)
    await upload.discard()
  })

  it('works again after a cleaner took the whole folder', async () => {
    await using open = await openStore()
    await rm(join(open.stateDir, 'uploads'), { recursive: true })
    assert.equal((await open.store.sweep()).keptBytes, 0)
    assert.equal((await add(open.store)).size, 5)
  })
})

describe('refFromPublicPath', () => {
  it('finds uploads, results and examples', async () => {
    await using open = await openStore()
    for (const area of ['uploads', 'results', 'examples']) {
      const folder = join(open.stateDir, area, 'ab'.repeat(16))
      await mkdir(folder)
      await writeFile(join(folder, 'x.json'), '{}')
      const ref = await open.store.refFromPublicPath(`${area}/${'ab'.repeat(16)}/x.json`)
      assert.deepEqual(ref && { ...ref, path: '' }, { path: '', name: 'x.json', size: 2, mimeType: 'application/json' })
    }
  })

  it('refuses everything that is not exactly that', async () => {
    await using open = await openStore()
    const ref = await add(open.store)
    const path = open.store.publicPath(ref)
    const [area, folder, name] = path.split('/')
    const refused = [
      '', '/', '.', '..', path.toUpperCase(), `/${path}`, `./${path}`, `${path}/`, `${path}\0`, `${path}\n`, `${path}?x`, `x/${path}`, ref.path,
      `${area}/${folder}`, `${area}/${folder}/`, `${area}/${folder}/.`, `${area}/${folder}/..`, `${area}/${folder}/../${folder}/${name}`, `${area}//${folder}/${name}`,
      `${area}/${folder}\\${name}`, `${area}/../${area}/${folder}/${name}`, `run/${folder}/${name}`, `${area}/${folder?.slice(1)}/${name}`, `${area}/${folder}0/${name}`,
      `${area}/${folder}/missing.txt`, `${area}/${'0'.repeat(32)}/${name}`, 'uploads/../../etc/passwd', '/etc/passwd', 'file:///etc/passwd', `${area}/${folder}/%2e%2e`, 'x'.repeat(100_000),
    ]
    for (const attempt of refused) assert.equal(await open.store.refFromPublicPath(attempt), null, JSON.stringify(attempt.slice(0, 80)))
    assert.deepEqual(await open.store.refFromPublicPath(path), ref)
  })

  it('follows no symbolic link, neither of a file nor of a folder', async () => {
    await using open = await openStore()
    const ref = await add(open.store)
    await symlink('/etc/passwd', join(dirname(ref.path), 'link.txt'))
    await symlink(dirname(ref.path), join(open.stateDir, 'uploads', 'cd'.repeat(16)))
    assert.equal(await open.store.refFromPublicPath(open.store.publicPath({ path: join(dirname(ref.path), 'link.txt') })), null)
    assert.equal(await open.store.refFromPublicPath(`uploads/${'cd'.repeat(16)}/a.txt`), null)
  })

  it('refuses folders', async () => {
    await using open = await openStore()
    await mkdir(join(open.stateDir, 'uploads', 'ef'.repeat(16), 'folder'), { recursive: true })
    assert.equal(await open.store.refFromPublicPath(`uploads/${'ef'.repeat(16)}/folder`), null)
  })

  it('works in a state folder that is reached by a link, for refs under either name', async () => {
    await using open = await openStore()
    const alias = `${open.stateDir}-alias`
    await symlink(open.stateDir, alias)
    try {
      const store = await FileStore.open({ stateDir: alias, keepFilesSeconds: 60, maxFileBytes: 1_000 })
      const ref = await add(store)
      const path = store.publicPath(ref)
      assert.equal(store.publicPath({ path: join(alias, path) }), path)
      assert.deepEqual(await store.refFromPublicPath(path), ref)
    } finally {
      await rm(alias)
    }
  })
})

describe('publicPath', () => {
  it('exists for nothing outside the store', async () => {
    await using open = await openStore()
    for (const path of ['/etc/passwd', join(open.stateDir, 'run', '1.json'), join(open.stateDir, 'uploads', 'x')]) {
      assert.throws(() => open.store.publicPath({ path }), /outside the state folder/)
    }
  })
})

describe('FileStore.open', () => {
  it('refuses an area that is a link to elsewhere', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'footlights-store-'))
    try {
      await symlink(tmpdir(), join(stateDir, 'results'))
      await assert.rejects(FileStore.open({ stateDir, keepFilesSeconds: 60, maxFileBytes: 10 }))
    } finally {
      await rm(stateDir, { recursive: true })
    }
  })
})

describe('fromBase64', () => {
  it('stores plain base64 under the type that the caller gave', async () => {
    await using open = await openStore()
    const ref = await open.store.fromBase64(PNG.toString('base64'), 'image/png', 'x y.png')
    assert.deepEqual({ ...ref, path: '' }, { path: '', name: 'x_y.png', size: PNG.length, mimeType: 'image/png' })
  })
  it('takes a data URL and its type', async () => {
    await using open = await openStore()
    const ref = await open.store.fromBase64(`data:image/png;charset=x;base64,${PNG.toString('base64')}`)
    assert.deepEqual([ref.mimeType, ref.name, ref.size], ['image/png', 'file.png', PNG.length])
  })
  it('lets a type that is given win over that of a data URL, unless it is empty', async () => {
    await using open = await openStore()
    const url = `data:image/png;base64,${PNG.toString('base64')}`
    assert.equal((await open.store.fromBase64(url, 'image/gif')).mimeType, 'image/gif')
    assert.equal((await open.store.fromBase64(url, '')).mimeType, 'image/png')
  })
  it('does not guess the type from the content', async () => {
    await using open = await openStore()
    assert.equal((await open.store.fromBase64(PNG.toString('base64'))).mimeType, 'application/octet-stream')
  })
  it('takes no bytes for an empty file', async () => {
    await using open = await openStore()
    assert.equal((await open.store.fromBase64('', 'text/plain')).size, 0)
  })
  for (const bad of ['a', 'ab=', 'abc', 'ab c', 'ab\nc', '====', 'a===', 'ab=c', 'a-_b', 'äbcd', 'data:text/plain,hello', 'data:;base64,a', 'data:image/png;base64', 'hello world!']) {
    it(`refuses ${JSON.stringify(bad)}`, async () => {
      await using open = await openStore()
      await assert.rejects(open.store.fromBase64(bad, 'image/png'), InvalidBase64Error)
      assert.deepEqual(await readdir(join(open.stateDir, 'uploads')), [])
    })
  }
  it('refuses what is above the bound', async () => {
    await using open = await openStore()
    await assert.rejects(open.store.fromBase64(Buffer.alloc(1_001).toString('base64')), TooLargeError)
    assert.deepEqual(await readdir(join(open.stateDir, 'uploads')), [])
  })
})

describe('sweep', () => {
  it('removes uploads and results past their time, and leaves examples and whatever is not ours', async () => {
    await using open = await openStore()
    const [old, young] = [await add(open.store), await add(open.store)]
    await age(old, 61)
    for (const [area, folder] of [['results', 'ab'.repeat(16)], ['examples', 'ab'.repeat(16)], ['uploads', 'notes']] as const) {
      await mkdir(join(open.stateDir, area, folder))
      await age({ path: join(open.stateDir, area, folder, 'x') }, 61)
    }
    assert.equal((await open.store.sweep()).removedFolders, 2)
    assert.equal(await open.store.refFromPublicPath(open.store.publicPath(old)), null)
    assert.deepEqual(await open.store.refFromPublicPath(open.store.publicPath(young)), young)
    assert.deepEqual(await readdir(join(open.stateDir, 'results')), [])
    assert.deepEqual(await readdir(join(open.stateDir, 'examples')), ['ab'.repeat(16)])
    assert.ok((await readdir(join(open.stateDir, 'uploads'))).includes('notes'))
  })

  it('removes the longest unused first while all together are too large', async () => {
    await using open = await openStore({ maxTotalBytes: 1_000 })
    const refs = []
    for (const seconds of [10, 40, 30, 20]) {
      const ref = await add(open.store, 'a.bin', Buffer.alloc(400))
      await age(ref, seconds)
      refs.push(ref)
    }
    assert.deepEqual(await open.store.sweep(), { removedFolders: 2, removedBytes: 800, keptBytes: 800 })
    const found = await Promise.all(refs.map((ref) => open.store.refFromPublicPath(open.store.publicPath(ref))))
    assert.deepEqual(found.map((ref) => ref !== null), [true, false, false, true])
  })

  it('spares what was used lately', async () => {
    await using open = await openStore()
    const ref = await add(open.store)
    await age(ref, 61)
    await open.store.touch(ref)
    assert.equal((await open.store.sweep()).removedFolders, 0)
  })

  it('spares what is held, until the last holder gives it back', async () => {
    await using open = await openStore()
    const ref = await add(open.store)
    await age(ref, 61)
    const [first, second] = [open.store.hold(ref), open.store.hold(ref)]
    first()
    first()
    assert.equal((await open.store.sweep()).removedFolders, 0)
    second()
    assert.equal((await open.store.sweep()).removedFolders, 1)
  })

  it('spares an upload that is still coming in', async () => {
    await using open = await openStore()
    const upload = await open.store.createUpload('a.txt', undefined)
    upload.stream.write('half')
    const later = Date.now() + 3_600_000
    assert.equal((await open.store.sweep(later)).removedFolders, 0)
    upload.stream.end()
    await upload.commit()
    assert.equal((await open.store.sweep(later)).removedFolders, 1)
  })

  it('removes a link that lies in a folder, and not what it points to', async () => {
    await using open = await openStore()
    const outside = join(open.stateDir, 'outside.txt')
    await writeFile(outside, 'stays')
    const ref = await add(open.store)
    await symlink(outside, join(dirname(ref.path), 'link'))
    await link(outside, join(dirname(ref.path), 'hard'))
    await age(ref, 61)
    assert.equal((await open.store.sweep()).removedFolders, 1)
    assert.equal((await lstat(outside)).size, 5)
  })

  it('runs at the start', async () => {
    await using open = await openStore()
    const ref = await add(open.store)
    await age(ref, 61)
    open.store.start()
    await open.store.close()
    assert.equal(await open.store.refFromPublicPath(open.store.publicPath(ref)), null)
  })

  it('runs when much was written since the last time', async () => {
    await using open = await openStore({ maxTotalBytes: 1_000 })
    open.store.start()
    await open.store.sweep()
    const first = await add(open.store, 'a.bin', Buffer.alloc(900))
    await age(first, 10)
    await open.store.sweep()
    await add(open.store, 'a.bin', Buffer.alloc(900))
    await open.store.close()
    assert.equal(await open.store.refFromPublicPath(open.store.publicPath(first)), null)
  })
})
