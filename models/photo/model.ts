import { readFile } from 'node:fs/promises'

import { defineModel, image, radio, slider, UserError } from 'footlights'
import sharp, { type Metadata, type Sharp } from 'sharp'

import { blur, type Box, crop, edges, greyscale, MAX_SIDE, pixelate, type Pixels, resize, toPixels } from './operations.ts'

/** Larger pictures are refused before they are decoded. */
const MAX_PIXELS = 50_000_000

const MAX_SECONDS = 30

const OPERATIONS = ['crop', 'resize', 'blur', 'greyscale', 'pixelate', 'edges'] as const

interface Settings extends Box {
  operation: (typeof OPERATIONS)[number]
  strength: number
  targetWidth: number
}

const percent = { minimum: 0, maximum: 100, step: 1 } as const

export default defineModel({
  title: 'Photo',
  description: 'Crops, resizes, blurs, greys, pixelates a picture, or draws its edges.',
  article: `Done by sharp (libvips), no learning involved. Pictures of up to 50 million pixels; the longer side of a result has ${MAX_SIDE} pixels
at most. JPEG, PNG and WebP stay what they are, all else becomes PNG; metadata such as the place of the shot is dropped.`,
  inputs: {
    picture: image({ sources: ['upload', 'camera', 'clipboard'] }),
    operation: radio({ choices: OPERATIONS, value: 'pixelate' }),
    strength: slider({ info: 'For blur, pixelate and edges.', minimum: 1, maximum: 100, step: 1, value: 30 }),
    targetWidth: slider({ label: 'Width', info: 'For resize, in pixels.', minimum: 1, maximum: MAX_SIDE, step: 1, precision: 0, value: 640 }),
    left: slider({ ...percent, info: 'For crop, in percent of the picture, as the next three.', value: 25 }),
    top: slider({ ...percent, value: 25 }),
    width: slider({ ...percent, label: 'Crop width', minimum: 1, value: 50 }),
    height: slider({ ...percent, label: 'Crop height', minimum: 1, value: 50 }),
  },
  outputs: { result: image({ compareWith: 'picture' }) },
  examples: [
    { picture: { path: 'examples/lighthouse.png' }, operation: 'pixelate', strength: 25 },
    { picture: { path: 'examples/lighthouse.png' }, operation: 'edges', strength: 60 },
    { picture: { path: 'examples/lighthouse.png' }, operation: 'crop', left: 50, top: 5, width: 40, height: 60 },
  ],
  limits: { timeoutMs: 60_000, rssMb: 1_024 },
  setup: () => {
    sharp.cache(false)
    sharp.concurrency(1)
  },
  predict: async ({ picture, ...settings }, { signal, notify }) => {
    const { pixels, format, isReduced } = await decode(picture.path)
    if (isReduced) notify(`The picture was scaled down to ${pixels.width} × ${pixels.height}.`, 'warning')
    signal.throwIfAborted()
    const result = await apply(pixels, settings)
    return { result: { data: await result.toFormat(format).timeout({ seconds: MAX_SECONDS }).toBuffer(), mimeType: `image/${format}` } }
  },
})

interface Decoded {
  pixels: Pixels
  format: 'jpeg' | 'png' | 'webp'
  isReduced: boolean
}

/** The first frame, upright, its longer side MAX_SIDE at most. */
async function decode(path: string): Promise<Decoded> {
  // From bytes, not from the path: a picture format that can refer to other files must not find them.
  const bytes = await readFile(path)
  const { width, height, format } = await readable(sharp(bytes, { limitInputPixels: false }).metadata())
  if (width * height > MAX_PIXELS) throw new UserError(`The picture is too large: ${width} × ${height} pixels. Up to 50 million work.`)
  const upright = sharp(bytes, { limitInputPixels: MAX_PIXELS }).autoOrient()
  const fitted = upright.resize({ width: MAX_SIDE, height: MAX_SIDE, fit: 'inside', withoutEnlargement: true })
  const pixels = await readable(toPixels(fitted.toColourspace('srgb').timeout({ seconds: MAX_SECONDS })))
  return { pixels, format: keptFormat(format), isReduced: Math.max(width, height) > MAX_SIDE }
}

async function readable<Value>(reading: Promise<Value>): Promise<Value> {
  return reading.catch(() => {
    throw new UserError('This file is not a picture that can be read.')
  })
}

function keptFormat(format: Metadata['format']): Decoded['format'] {
  return format === 'jpeg' || format === 'webp' ? format : 'png'
}

async function apply(pixels: Pixels, { operation, strength, targetWidth, ...box }: Settings): Promise<Sharp> {
  switch (operation) {
    case 'crop':
      return crop(pixels, box)
    case 'resize':
      return resize(pixels, targetWidth)
    case 'blur':
      return blur(pixels, strength)
    case 'greyscale':
      return greyscale(pixels)
    case 'pixelate':
      return pixelate(pixels, strength)
    case 'edges':
      return edges(pixels, strength)
  }
}
