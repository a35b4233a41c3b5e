import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import sharp from 'sharp'

import { normalise, SIDE } from '../../models/digits/normalise.ts'
import { findInk, readInk, removeDust } from '../../models/digits/read-ink.ts'
import { readTestDigits, type Rendering, renderDigit } from '../../models/digits/test-set.ts'
import { UserError } from '../../workers/errors.ts'
import { openModel, type OpenModel } from './open-model.ts'

/** A picture from rows of figures: 0 is black, 9 is white. */
function grey(...rows: string[]): Parameters<typeof findInk>[0] {
  const figures = rows.join('')
  return { values: Float64Array.from(figures, (figure) => (Number(figure) / 9) * 255), width: rows[0]?.length ?? 0, height: rows.length }
}

function negative(rows: string[]): string[] {
  return rows.map((row) => row.replace(/\d/g, (figure) => String(9 - Number(figure))))
}

const CORNER = ['999999', '991999', '991999', '991119', '999999']

/** Strokes of a pen on paper of 600 × 450, the digit 250 high and off the centre. */
async function drawing(path: string, strokeWidth: number, [paper, ink]: [string, string]): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="450"><rect width="100%" height="100%" fill="${paper}"/>
<path transform="translate(280 60) scale(2.5)" d="${path}" fill="none" stroke="${ink}" stroke-width="${strokeWidth}" stroke-linecap="round" stroke-linejoin="round"/></svg>`
  return sharp(Buffer.from(svg)).png().toBuffer()
}

const STROKES: Record<string, string> = {
  0: 'M50 12 C22 14 20 84 48 88 C80 90 82 14 50 12',
  1: 'M34 30 L54 10 L52 90',
  2: 'M26 30 C28 6 74 8 72 34 C70 54 40 70 24 88 L78 86',
  3: 'M28 18 C48 4 74 14 66 34 C62 46 48 48 42 48 C62 48 80 60 70 78 C60 94 34 92 24 78',
  4: 'M58 10 L22 62 L80 62 M60 36 L60 92',
  5: 'M74 12 L34 12 L30 46 C50 36 78 46 74 68 C70 92 36 92 24 78',
  6: 'M66 12 C40 16 24 50 28 72 C32 94 70 92 72 68 C72 48 40 44 30 66',
  7: 'M24 14 L76 14 L44 90',
  8: 'M52 48 C24 38 28 10 52 10 C76 10 76 38 52 48 C22 58 24 90 50 90 C80 90 78 58 52 48',
  9: 'M70 30 C66 8 30 8 30 32 C30 56 64 54 70 30 C72 50 68 74 60 90',
}

const COLOURS: [string, string][] = [
  ['#ffffff', '#222222'],
  ['#102030', '#ffffee'],
  ['#dd8833', '#ffffff'],
]

describe('findInk', () => {
  it('finds the same ink dark on light and light on dark', () => {
    const dark = findInk(grey(...CORNER))
    const light = findInk(grey(...negative(CORNER)))
    assert.deepEqual(dark, light)
    assert.equal(dark?.values.filter((value) => value === 1).length, 5)
  })

  it('takes the colour of the border for paper where most of the picture is ink', () => {
    const ink = findInk(grey('9999', '9009', '9009', '9009', '9999'))
    assert.equal(ink?.values[0], 0)
    assert.equal(ink?.values[5], 1)
  })

  it('finds nothing in a picture of one colour, even with slight noise', () => {
    assert.equal(findInk(grey('888', '888', '888')), null)
    assert.equal(findInk({ values: Float64Array.from([200, 203, 199, 201]), width: 2, height: 2 }), null)
  })

  it('works on a picture of a single pixel', () => {
    assert.equal(findInk(grey('5')), null)
  })
})

describe('removeDust', () => {
  it('clears a speck and keeps the digit', () => {
    const values = new Float64Array(10 * 10)
    for (let row = 1; row < 9; row++) for (let column = 3; column < 7; column++) values[row * 10 + column] = 1
    const speckled = values.slice()
    speckled[0] = 1
    assert.deepEqual(removeDust({ values: speckled, width: 10, height: 10 }).values, values)
  })
})

describe('normalise', () => {
  it('gives the same for a digit at any place', () => {
    const at = (x: number, y: number): Float32Array => {
      const values = new Float64Array(40 * 40)
      for (let row = 0; row < 12; row++) for (let column = 0; column < 6; column++) values[(y + row) * 40 + x + column] = column < 2 || row < 3 ? 1 : 0
      return normalise({ values, width: 40, height: 40 })
    }
    const placed = at(20, 25)
    for (const [cell, value] of at(1, 2).entries()) assert.ok(Math.abs(value - (placed[cell] ?? NaN)) < 1e-5)
  })

  it('gives nearly the same for a digit of any size', () => {
    const of = (scale: number): Float32Array => {
      const width = 30 * scale
      const values = Float64Array.from({ length: width * width }, (_, at) => {
        const [x, y] = [at % width, Math.floor(at / width)].map((place) => place / scale)
        return x !== undefined && y !== undefined && x >= 8 && x < 14 && y >= 4 && y < 26 ? 1 : 0
      })
      return normalise({ values, width, height: width })
    }
    const small = of(1)
    for (const [cell, value] of of(7).entries()) assert.ok(Math.abs(value - (small[cell] ?? NaN)) < 0.02)
  })

  it('gives SIDE × SIDE values from 0 to 1, and refuses a picture without ink', () => {
    const cells = normalise({ values: Float64Array.of(0, 0.9, 0, 0.2), width: 2, height: 2 })
    assert.equal(cells.length, SIDE * SIDE)
    assert.ok(cells.every((value) => value >= 0 && value <= 1))
    assert.throws(() => normalise({ values: new Float64Array(4), width: 2, height: 2 }), RangeError)
  })
})

describe('readInk', () => {
  it('reads black or white strokes on a transparent canvas', async () => {
    for (const stroke of ['#000', '#fff']) {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60"><path d="M30 10V50" stroke="${stroke}" stroke-width="8"/></svg>`
      const ink = await readInk(await sharp(Buffer.from(svg)).png().toBuffer())
      assert.equal(ink?.values[30 * 60 + 30], 1, stroke)
      assert.equal(ink?.values[0], 0, stroke)
    }
  })

  it('refuses what is no picture', async () => {
    await assert.rejects(readInk(Buffer.from('no picture at all')))
  })
})

describe('the model digits', () => {
  let model: OpenModel
  let folder: string
  before(async () => {
    model = await openModel('digits')
    folder = await mkdtemp(join(tmpdir(), 'footlights-digits-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  async function read(picture: Buffer): Promise<string | undefined> {
    const path = join(folder, 'picture.png')
    await writeFile(path, picture)
    const [output] = await model.predict({ picture: { path } })
    const chances: [string, number][] = Object.entries(output?.['digit'] ?? {})
    assert.equal(chances.length, 10)
    return chances.toSorted((a, b) => b[1] - a[1])[0]?.[0]
  }

  const renderings: Rendering[] = [
    { side: 8, ink: 'light' },
    { side: 160, ink: 'dark' },
  ]
  for (const rendering of renderings) {
    it(`reads at least 97 % of the unseen digits at ${rendering.side} pixels, ${rendering.ink} ink`, async () => {
      const digits = await readTestDigits()
      let right = 0
      for (const digit of digits) if ((await read(await renderDigit(digit, rendering))) === digit.label) right++
      assert.equal(digits.length, 360)
      assert.ok(right >= 0.97 * digits.length, `${right} of ${digits.length}`)
    })
  }

  it('reads drawings with thin and thick pens, off the centre, on paper of any colour', async () => {
    for (const [digit, path] of Object.entries(STROKES)) {
      for (const strokeWidth of [2, 6, 12]) {
        for (const colours of COLOURS) {
          assert.equal(await read(await drawing(path, strokeWidth, colours)), digit, `${digit} at ${strokeWidth}, ${colours.join(' and ')}`)
        }
      }
    }
  })

  it('says what is wrong with an empty picture and with a file that is none', async () => {
    const blank = await sharp({ create: { width: 50, height: 50, channels: 3, background: '#fff' } }).png().toBuffer()
    await assert.rejects(read(blank), (error) => error instanceof UserError && /nothing to read/.test(error.message))
    await assert.rejects(read(Buffer.from('text')), (error) => error instanceof UserError && /not a picture/.test(error.message))
  })
})
