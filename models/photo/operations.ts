import sharp, { type Sharp } from 'sharp'

/** A decoded picture: 8 bits a channel, 1 to 4 channels, row by row. */
export interface Pixels {
  data: Uint8Array
  width: number
  height: number
  channels: 1 | 2 | 3 | 4
}

/** Parts of the picture's own width and height, in percent. */
export interface Box {
  left: number
  top: number
  width: number
  height: number
}

/** No result has a longer side, in pixels. */
export const MAX_SIDE = 4096

/** Sigma of the strongest blur, over the longer side of the picture. */
const STRONGEST_BLUR = 0.02

/** Side of the largest block, over the longer side of the picture. */
const LARGEST_BLOCK = 0.125

export function open({ data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels } })
}

export async function toPixels(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height, channels: info.channels }
}

/** What of the box lies in the picture, one pixel at least. */
export function crop(pixels: Pixels, box: Box): Sharp {
  const left = Math.min(pixels.width - 1, Math.round((pixels.width * box.left) / 100))
  const top = Math.min(pixels.height - 1, Math.round((pixels.height * box.top) / 100))
  const width = Math.max(1, Math.min(pixels.width - left, Math.round((pixels.width * box.width) / 100)))
  const height = Math.max(1, Math.min(pixels.height - top, Math.round((pixels.height * box.height) / 100)))
  return open(pixels).extract({ left, top, width, height })
}

/** To a width, the height in proportion; narrower when the height would be above MAX_SIDE. */
export function resize(pixels: Pixels, width: number): Sharp {
  return open(pixels).resize({ width, height: MAX_SIDE, fit: 'inside' })
}

/** @param strength 1 to 100 */
export function blur(pixels: Pixels, strength: number): Sharp {
  const sigma = Math.max(0.3, (strength / 100) * STRONGEST_BLUR * Math.max(pixels.width, pixels.height))
  // In integers a narrow mask darkens even areas, in floats a wide one takes seconds.
  return open(pixels).blur({ sigma, precision: sigma < 3 ? 'float' : 'integer' })
}

export function greyscale(pixels: Pixels): Sharp {
  return open(pixels).greyscale()
}

/** Square blocks, each of its mean colour. @param strength 1 to 100 */
export async function pixelate(pixels: Pixels, strength: number): Promise<Sharp> {
  const { width, height } = pixels
  const block = Math.max(2, Math.round((strength / 100) * LARGEST_BLOCK * Math.max(width, height)))
  const blocks = { width: Math.ceil(width / block), height: Math.ceil(height / block) }
  const small = await toPixels(open(pixels).resize({ ...blocks, fit: 'fill', kernel: 'linear' }))
  return open(small).resize({ width, height, fit: 'fill', kernel: 'nearest' })
}

/** White lines on black, where the brightness changes. @param strength 1 to 100 */
export async function edges(pixels: Pixels, strength: number): Promise<Sharp> {
  const grey = await toPixels(open(pixels).flatten({ background: '#ffffff' }).greyscale().toColourspace('b-w'))
  return open({ ...grey, data: sobel(grey, strength / 12) })
}

/** Sobel's gradient of a picture of one channel, times `gain`; the outermost pixels are black. */
export function sobel({ data, width, height }: Pixels, gain: number): Uint8Array {
  const lines = new Uint8ClampedArray(width * height)
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x
      const [nw = 0, n = 0, ne = 0] = [data[at - width - 1], data[at - width], data[at - width + 1]]
      const [west = 0, east = 0] = [data[at - 1], data[at + 1]]
      const [sw = 0, s = 0, se = 0] = [data[at + width - 1], data[at + width], data[at + width + 1]]
      const across = ne + 2 * east + se - nw - 2 * west - sw
      const down = sw + 2 * s + se - nw - 2 * n - ne
      lines[at] = (Math.hypot(across, down) / 4) * gain
    }
  }
  return new Uint8Array(lines.buffer)
}
