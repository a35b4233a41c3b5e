import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import sharp, { type Metadata, type Sharp } from 'sharp'

import { blur, crop, edges, greyscale, MAX_SIDE, pixelate, type Pixels, resize, sobel, toPixels } from '../../models/photo/operations.ts'
import { UserError } from '../../workers/errors.ts'
import { openModel, type OpenModel } from './open-model.ts'

const WIDTH = 64
const HEIGHT = 32

/** Left half red, right half white. */
const halves: Pixels = {
  data: Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, at) => (Math.floor(at / 3) % WIDTH < WIDTH / 2 && at % 3 !== 0 ? 0 : 255)),
  width: WIDTH,
  height: HEIGHT,
  channels: 3,
}

function pixel({ data, width, channels }: Pixels, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels)]
}

describe('the operations on a photo', () => {
  it('crop takes a part by percent, and never less than a pixel or beyond the border', async () => {
    const right = await toPixels(crop(halves, { left: 50, top: 25, width: 50, height: 50 }))
    assert.deepEqual([right.width, right.height, pixel(right, 0, 0)], [32, 16, [255, 255, 255]])
    const corner = await toPixels(crop(halves, { left: 100, top: 100, width: 100, height: 1 }))
    assert.deepEqual([corner.width, corner.height], [1, 1])
    const whole = await toPixels(crop(halves, { left: 0, top: 0, width: 100, height: 100 }))
    assert.deepEqual([whole.width, whole.height], [WIDTH, HEIGHT])
  })

  it('resize keeps the proportions, and bounds the height of a tall picture', async () => {
    const half = await toPixels(resize(halves, 32))
    assert.deepEqual([half.width, half.height], [32, 16])
    const tall = await toPixels(resize({ data: new Uint8Array(100), width: 1, height: 100, channels: 1 }, MAX_SIDE))
    assert.deepEqual([tall.width, tall.height], [41, MAX_SIDE])
  })

  it('greyscale keeps the brightness and drops the colour', async () => {
    const grey = await toPixels(greyscale(halves))
    assert.equal(grey.channels, 1)
    const [red = 0, white = 0] = [...pixel(grey, 5, 5), ...pixel(grey, WIDTH - 5, 5)]
    assert.ok(red > 20 && red < 200, String(red))
    assert.equal(white, 255)
  })

  it('blur softens the border between the halves and leaves their middles', async () => {
    const soft = await toPixels(blur(halves, 100))
    const [, green = 0] = pixel(soft, WIDTH / 2 - 1, 16)
    assert.ok(green > 20 && green < 235)
    assert.deepEqual(pixel(soft, 5, 16), [255, 0, 0])
    assert.deepEqual(pixel(soft, WIDTH - 5, 16), [255, 255, 255])
  })

  it('pixelate makes blocks of one colour', async () => {
    const blocks = await toPixels(await pixelate(halves, 100))
    assert.deepEqual([blocks.width, blocks.height], [WIDTH, HEIGHT])
    for (let at = 1; at < 8; at++) assert.deepEqual(pixel(blocks, at, at), pixel(blocks, 0, 0))
  })

  it('edges are bright at the border between the halves and black elsewhere', async () => {
    const lines = await toPixels(await edges(halves, 100))
    assert.ok((pixel(lines, WIDTH / 2, 16)[0] ?? 0) > 200)
    assert.equal(pixel(lines, 10, 16)[0], 0)
    assert.equal(pixel(lines, WIDTH - 10, 16)[0], 0)
  })
})

describe('sobel', () => {
  it('is a quarter of the gradient times the gain, cut at 255', () => {
    const step: Pixels = { data: Uint8Array.of(0, 0, 40, 0, 0, 40, 0, 0, 40), width: 3, height: 3, channels: 1 }
    assert.equal(sobel(step, 1)[4], 40)
    assert.equal(sobel(step, 2)[4], 80)
    assert.equal(sobel(step, 100)[4], 255)
    assert.equal(sobel(step, 1)[0], 0)
  })
})

describe('the model photo', () => {
  let model: OpenModel
  let folder: string
  before(async () => {
    model = await openModel('photo')
    folder = await mkdtemp(join(tmpdir(), 'footlights-photo-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  async function edit(bytes: Uint8Array, name: string, settings: Record<string, unknown>): Promise<Metadata> {
    const path = join(folder, name)
    await writeFile(path, bytes)
    const [output] = await model.predict({ picture: { path }, ...settings })
    const result = output?.['result']
    assert.ok(typeof result === 'object' && result !== null && 'data' in result && result.data instanceof Uint8Array && 'mimeType' in result)
    const metadata = await sharp(result.data).metadata()
    assert.equal(result.mimeType, `image/${metadata.format}`)
    return metadata
  }

  const picture = (width: number, height: number): Sharp => sharp({ create: { width, height, channels: 3, background: '#369' } })

  it('keeps JPEG, PNG and WebP, and makes PNG of all else', async () => {
    const source = picture(40, 20)
    const kept = { jpeg: 'jpeg', png: 'png', webp: 'webp', gif: 'png', tiff: 'png' } as const
    for (const [format, expected] of Object.entries(kept)) {
      const bytes = await source.clone().toFormat(format === 'gif' ? 'gif' : format === 'tiff' ? 'tiff' : expected).toBuffer()
      assert.equal((await edit(bytes, `picture.${format}`, { operation: 'greyscale' })).format, expected)
    }
  })

  it('turns a picture upright and drops its metadata', async () => {
    const turned = await picture(40, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer()
    const { width, height, orientation, exif } = await edit(turned, 'turned.jpg', { operation: 'blur' })
    assert.deepEqual([width, height, orientation, exif], [20, 40, undefined, undefined])
  })

  it('scales a large picture down and says so', async () => {
    const { width, height } = await edit(await picture(5000, 100).jpeg().toBuffer(), 'wide.jpg', { operation: 'greyscale' })
    assert.deepEqual([width, height], [4096, 82])
    assert.match(model.notices.at(-1) ?? '', /scaled down to 4096 × 82/)
  })

  it('refuses what is no picture, a broken one, and one of absurd size', async () => {
    const png = await sharp(Buffer.from(halves.data), { raw: halves }).png().toBuffer()
    const absurd = Buffer.from(png)
    absurd.writeUInt32BE(100_000, 16)
    absurd.writeUInt32BE(100_000, 20)
    const cases: [Uint8Array, RegExp][] = [
      [Buffer.from('plain text'), /not a picture/],
      [png.subarray(0, 60), /not a picture/],
      [absurd, /too large: 100000 × 100000|not a picture/],
      [await picture(10_000, 5_001).png().toBuffer(), /too large: 10000 × 5001/],
    ]
    for (const [bytes, message] of cases) {
      await assert.rejects(edit(bytes, 'bad.png', {}), (error) => error instanceof UserError && message.test(error.message))
    }
  })
})
