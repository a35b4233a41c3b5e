import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { audio, file, gallery, image, json, mapAuthorFiles, mapInputFiles, mapOutputFiles, renderFiles, video } from '../../workers/components.ts'

const kept = { path: '/state/results/1/a.png', name: 'a.png', size: 3, mimeType: 'image/png' }

describe('mapInputFiles', () => {
  it('resolves every leaf with its path, in order and one after the other', async () => {
    const seen: string[] = []
    let running = 0
    const resolve = async (leaf: unknown, path: string): Promise<unknown> => {
      assert.equal(++running, 1)
      await Promise.resolve()
      running -= 1
      seen.push(path)
      return { resolved: leaf }
    }
    for (const spec of [image(), audio(), video(), file()]) assert.deepEqual(await mapInputFiles(spec, 'a', resolve, 'x'), { resolved: 'a' })
    assert.deepEqual(await mapInputFiles(file({ multiple: true }), ['a', 'b'], resolve, 'y'), [{ resolved: 'a' }, { resolved: 'b' }])
    assert.deepEqual(await mapInputFiles(gallery(), [{ image: 'a', caption: 'c' }, { image: 'b' }], resolve, 'z'), [
      { image: { resolved: 'a' }, caption: 'c' },
      { image: { resolved: 'b' } },
    ])
    assert.deepEqual(seen, ['x', 'x', 'x', 'x', 'y[0]', 'y[1]', 'z[0].image', 'z[1].image'])
  })

  it('leaves null, values without files, and what has no place for a file to the schema', async () => {
    const never = (): never => assert.fail('no file here')
    for (const value of [null, undefined]) assert.equal(await mapInputFiles(image(), value, never), value)
    assert.deepEqual(await mapInputFiles(json(), { path: 'a' }, never), { path: 'a' })
    assert.deepEqual(await mapInputFiles(file({ multiple: true }), kept, never), kept)
    assert.deepEqual(await mapInputFiles(gallery(), [kept, null, 'a'], never), [kept, null, 'a'])
  })

  it('lets no leaf of a multiple file, a single file or a gallery pass unresolved', async () => {
    const refuse = (): never => assert.fail('refused')
    await assert.rejects(mapInputFiles(image(), kept, refuse), /refused/)
    await assert.rejects(mapInputFiles(file({ multiple: true }), [kept], refuse), /refused/)
    await assert.rejects(mapInputFiles(gallery(), [{ image: kept }], refuse), /refused/)
  })
})

describe('mapOutputFiles', () => {
  it('hands over bytes, paths and kept files as they are', async () => {
    const bytes = { data: new Uint8Array([1, 2]), mimeType: 'image/png' }
    const seen: unknown[] = []
    await mapOutputFiles(file({ multiple: true }), [bytes, { path: 'a' }, kept], (given) => void seen.push(given))
    assert.deepEqual(seen, [bytes, { path: 'a' }, kept])
  })

  it('does not change the value that it was given', async () => {
    const value = [{ image: { path: 'a' }, caption: 'b' }]
    assert.deepEqual(await mapOutputFiles(gallery(), value, () => kept), [{ image: kept, caption: 'b' }])
    assert.deepEqual(value, [{ image: { path: 'a' }, caption: 'b' }])
  })
})

describe('mapAuthorFiles', () => {
  it('walks the paths of examples and defaults, and takes no bytes', async () => {
    assert.deepEqual(await mapAuthorFiles(image(), { path: 'a' }, ({ path }) => path), 'a')
    await assert.rejects(mapAuthorFiles(image(), { data: new Uint8Array(1) }, () => kept, 'x'), /x must be a file: \{ path \}/)
  })
})

describe('renderFiles', () => {
  it('turns kept files into what a caller sees, and refuses others', () => {
    assert.deepEqual(renderFiles(gallery(), [{ image: kept, caption: 'a' }], ({ name }) => ({ url: name })), [{ image: { url: 'a.png' }, caption: 'a' }])
    assert.equal(renderFiles(image(), null, () => assert.fail()), null)
    assert.throws(() => renderFiles(image(), { path: '/etc/passwd' }, ({ name }) => name), /is no kept file/)
  })
})
