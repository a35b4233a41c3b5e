import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isStoredName, mimeTypeOf, safeFileName, sniffMimeType, withMediaExtension } from '../../server/files/names.ts'

describe('safeFileName', () => {
  const cases: [given: string, safe: string][] = [
    ['report.pdf', 'report.pdf'],
    ['archive.tar.gz', 'archive.tar.gz'],
    ['my file (1) [x].txt', 'my_file_1_x.txt'],
    ['"quoted".png', 'quoted.png'],
    ["it's.png", 'it_s.png'],
    ['a#b?c%d.txt', 'a_b_c_d.txt'],
    ['a<b>c:d|e*f$g`h{i}!.txt', 'a_b_c_d_e_f_g_h_i.txt'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\picture.png', 'picture.png'],
    ['/', 'file'],
    ['..', 'file'],
    ['.', 'file'],
    ['....', 'file'],
    ['', 'file'],
    ['   ', 'file'],
    ['name. . ', 'name'],
    ['name.txt...', 'name.txt'],
    ['.bashrc', 'bashrc'],
    ['con', '_con'],
    ['CON.txt', '_CON.txt'],
    ['lpt1.tar.gz', '_lpt1.tar.gz'],
    ['com¹.txt', '_com1.txt'],
    ['console.txt', 'console.txt'],
    ['Übung ärger.txt', 'Ubung_arger.txt'],
    ['写真.png', 'file.png'],
    ['写真', 'file'],
    ['a\u0000b\r\nc.txt', 'a_b_c.txt'],
    ['gpj\u202egnp.exe', 'gpj_gnp.exe'],
    ['．．／．．／x', 'x'],
    ['\ud800lone.txt', 'lone.txt'],
  ]
  for (const [given, safe] of cases) {
    it(`makes ${JSON.stringify(given)} ${safe}`, () => assert.equal(safeFileName(given), safe))
  }

  it('keeps its own names as they are, and calls each of them a stored name', () => {
    for (const [, safe] of cases) {
      assert.equal(safeFileName(safe), safe)
      assert.ok(isStoredName(safe), safe)
    }
  })

  it('cuts a long name to 200 bytes and keeps the extension', () => {
    const safe = safeFileName(`${'ä'.repeat(1_000)}.jpeg`)
    assert.equal(Buffer.byteLength(safe), 200)
    assert.ok(safe.endsWith('a.jpeg'))
  })

  it('cuts an extension that is no extension', () => {
    assert.equal(safeFileName(`x.${'y'.repeat(500)}`), `x.${'y'.repeat(31)}`)
  })

  it('takes a name of a million characters in no time worth noticing', () => {
    assert.equal(safeFileName('. '.repeat(500_000)), 'file')
  })
})

describe('isStoredName', () => {
  for (const name of ['', '.', '..', '.partial', 'a b', 'a/b', 'a\\b', 'a\0', 'a%2fb', 'é', 'a.', 'x'.repeat(201)]) {
    it(`refuses ${JSON.stringify(name.slice(0, 20))}`, () => assert.equal(isStoredName(name), false))
  }
})

describe('mimeTypeOf', () => {
  const png = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

  it('believes what the client says, without parameters', () => {
    assert.equal(mimeTypeOf('a.txt', 'Image/PNG; q=1', png), 'image/png')
  })
  it('goes by the extension when the client says nothing', () => {
    assert.equal(mimeTypeOf('a.txt', undefined, png), 'text/plain')
  })
  it('goes by the extension when the client says application/octet-stream', () => {
    assert.equal(mimeTypeOf('a.jpg', 'application/octet-stream', png), 'image/jpeg')
  })
  it('goes by the first bytes when the extension says nothing', () => {
    assert.equal(mimeTypeOf('blob', 'application/octet-stream', png), 'image/png')
  })
  it('does not look at bytes that it is not given', () => {
    assert.equal(mimeTypeOf('blob', undefined), 'application/octet-stream')
  })
  for (const nonsense of ['', 'png', 'image/', '/png', 'image/png\r\nx: y', 'a b/c', `image/${'x'.repeat(200)}`]) {
    it(`takes ${JSON.stringify(nonsense.slice(0, 20))} for nothing said`, () => assert.equal(mimeTypeOf('a.gif', nonsense), 'image/gif'))
  }
})

describe('sniffMimeType', () => {
  const beginnings: [bytes: string, mimeType: string | undefined][] = [
    ['\x89PNG\r\n\x1a\n', 'image/png'],
    ['\xff\xd8\xff\xe0', 'image/jpeg'],
    ['GIF89a', 'image/gif'],
    ['RIFF\x24\0\0\0WEBPVP8 ', 'image/webp'],
    ['RIFF\x24\0\0\0WAVEfmt ', 'audio/wav'],
    ['RIFF\x24\0\0\0AVI LIST', 'video/x-msvideo'],
    ['II*\0', 'image/tiff'],
    ['\0\0\0\x1cftypavif', 'image/avif'],
    ['\0\0\0\x18ftypheic', 'image/heic'],
    ['BM\x36\0\x0c\0\0\0\0\0', 'image/bmp'],
    ['ID3\x04\0', 'audio/mpeg'],
    ['\xff\xfb\x90\x64', 'audio/mpeg'],
    ['\xff\xf1\x50\x80', 'audio/aac'],
    ['fLaC\0', 'audio/flac'],
    ['OggS\0\x02', 'audio/ogg'],
    [`OggS\0${'\x02'.repeat(23)}\x80theora`, 'video/ogg'],
    ['\0\0\0\x20ftypM4A ', 'audio/mp4'],
    ['\0\0\0\x20ftypisom', 'video/mp4'],
    ['\0\0\0\x14ftypqt  ', 'video/quicktime'],
    ['\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm', 'video/webm'],
    ['\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska', 'video/x-matroska'],
    ['%PDF-1.7', 'application/pdf'],
    ['<svg xmlns="http://www.w3.org/2000/svg">', undefined],
    ['<!DOCTYPE html><html>', undefined],
    ['BMW is a car', undefined],
    ['\xff\xfe\x61\0', undefined],
    ['\xff\xff\xff\xff', undefined],
    ['hello', undefined],
    ['', undefined],
  ]
  for (const [bytes, mimeType] of beginnings) {
    it(`takes ${JSON.stringify(bytes.slice(0, 16))} for ${mimeType ?? 'nothing known'}`, () => {
      assert.equal(sniffMimeType(Buffer.from(bytes, 'latin1')), mimeType)
    })
  }
})

describe('withMediaExtension', () => {
  it('names a picture that came as a plain blob', () => assert.equal(withMediaExtension('blob', 'image/png'), 'blob.png'))
  it('leaves a name that has an extension', () => assert.equal(withMediaExtension('a.dat', 'image/png'), 'a.dat'))
  it('leaves a text without an extension', () => assert.equal(withMediaExtension('README', 'text/plain'), 'README'))
  it('leaves a type that has no extension', () => assert.equal(withMediaExtension('blob', 'image/x-unheard-of'), 'blob'))
})
