import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { acceptAttribute, addressOf, fileName, fileProblem, rulesInWords } from '../../server/ui/src/lib/file-input.ts'

function file(name: string, type: string, size = 1): File {
  return new File([new Uint8Array(size)], name, { type })
}

describe('what a file input takes', () => {
  it('is said to the chooser and to the visitor', () => {
    assert.equal(acceptAttribute({ kind: 'image' }), 'image/*')
    assert.equal(acceptAttribute({ kind: 'gallery' }), 'image/*')
    assert.equal(acceptAttribute({ kind: 'file' }), undefined)
    assert.equal(acceptAttribute({ kind: 'image', accept: ['image/png', '.webp'] }), 'image/png,.webp')
    assert.equal(rulesInWords({ kind: 'image', accept: ['image/png', 'image/jpeg', '.webp'], maxSize: 20_000_000 }), 'PNG, JPEG or WEBP, up to 20 MB')
    assert.equal(rulesInWords({ kind: 'file', maxSize: 640_000 }), 'Up to 640 kB')
    assert.equal(rulesInWords({ kind: 'file' }), '')
  })

  it('is what the host would take, too', () => {
    assert.equal(fileProblem({ kind: 'image' }, file('a.png', 'image/png')), null)
    assert.equal(fileProblem({ kind: 'audio' }, file('a.webm', 'video/webm')), null)
    assert.equal(fileProblem({ kind: 'image' }, file('no-type', '')), null)
    assert.equal(fileProblem({ kind: 'file', accept: ['.csv'] }, file('A.CSV', 'text/plain')), null)
    assert.match(fileProblem({ kind: 'image' }, file('a.txt', 'text/plain')) ?? '', /“a\.txt” cannot be used here\. Use an image\./)
    assert.match(fileProblem({ kind: 'file', accept: ['.csv'] }, file('a.txt', 'text/plain')) ?? '', /Use CSV\./)
    assert.match(fileProblem({ kind: 'file', maxSize: 2_000 }, file('a', 'x/y', 2_500)) ?? '', /has 2\.5 kB\. Use a file of at most 2 kB\./)
  })
})

describe('an address', () => {
  it('is one of http', () => {
    assert.equal(addressOf('  https://host.example/a.png?x=1 '), 'https://host.example/a.png?x=1')
    for (const text of ['', 'host.example', 'javascript:alert(1)', 'file:///etc/passwd', 'https://', 'https://a b']) assert.equal(addressOf(text), null, text)
  })

  it('names a file by its last part', () => {
    assert.equal(fileName({ url: 'https://host.example/deep/a.png?x=/y' }), 'a.png')
    assert.equal(fileName({ url: 'https://host.example/a.png', name: 'given.png' }), 'given.png')
  })
})
