import sharp from 'sharp'

import { type Ink, STRONG } from './normalise.ts'

/** Larger pictures are refused before they are decoded. */
const MAX_PIXELS = 50_000_000

/** A picture is scaled down to this many pixels a side at most; the network sees 16. */
const WORKING_SIDE = 384

/** Grey levels, of 255, between paper and ink; less is an empty picture. */
const MIN_CONTRAST = 24

/** Ink under this share of the strongest is taken for paper. */
const FAINT = 0.1

/** A blot with less than this share of the largest one's ink is taken for dust. */
const DUST = 0.04

/** Grey levels from 0 (black) to 255 (white), row by row. */
export interface Grey {
  values: Float64Array
  width: number
  height: number
}

/**
 * The ink of an encoded picture: dark on light and light on dark give the same.
 *
 * @returns null when the picture is of one colour.
 * @throws when the bytes are no picture, or has more than 50 million pixels.
 */
export async function readInk(bytes: Uint8Array): Promise<Ink | null> {
  return findInk(await decode(bytes))
}

async function decode(bytes: Uint8Array): Promise<Grey> {
  const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS })
    .autoOrient()
    .resize({ width: WORKING_SIDE, height: WORKING_SIDE, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { values: flatten(data), width: info.width, height: info.height }
}

/** Luma over a paper that contrasts with what is drawn: a drawing on a transparent canvas may be black or white. */
function flatten(rgba: Uint8Array): Float64Array {
  const count = rgba.length / 4
  const luma = Float64Array.from({ length: count }, (_, at) => {
    const [red = 0, green = 0, blue = 0] = rgba.subarray(at * 4, at * 4 + 3)
    return 0.299 * red + 0.587 * green + 0.114 * blue
  })
  const alpha = (at: number): number => (rgba[at * 4 + 3] ?? 255) / 255
  let opaque = 0
  let light = 0
  for (let at = 0; at < count; at++) {
    opaque += alpha(at)
    light += alpha(at) * (luma[at] ?? 0)
  }
  const paper = light / Math.max(opaque, 1e-9) < 128 ? 255 : 0
  return luma.map((value, at) => value * alpha(at) + paper * (1 - alpha(at)))
}

/** What differs from the colour of the border, to the side on which it differs more. Null when nothing does. */
export function findInk({ values, width, height }: Grey): Ink | null {
  const paper = median(border(values, width, height))
  let darkest = 255
  let lightest = 0
  for (const value of values) {
    darkest = Math.min(darkest, value)
    lightest = Math.max(lightest, value)
  }
  const darkOnLight = paper - darkest >= lightest - paper
  const contrast = darkOnLight ? paper - darkest : lightest - paper
  if (contrast < MIN_CONTRAST) return null
  const ink = values.map((value) => {
    const strength = (darkOnLight ? paper - value : value - paper) / contrast
    return strength < FAINT ? 0 : strength
  })
  return removeDust({ values: ink, width, height })
}

/** The outermost pixels, and of a large picture a few rows of them. */
function border(values: Float64Array, width: number, height: number): Float64Array {
  const depth = Math.max(1, Math.round(Math.min(width, height) * 0.02))
  return values.filter((_, at) => {
    const x = at % width
    const y = Math.floor(at / width)
    return x < depth || y < depth || x >= width - depth || y >= height - depth
  })
}

function median(values: Float64Array): number {
  return values.toSorted()[Math.floor(values.length / 2)] ?? 255
}

/** Clears the blots of strong ink, with their surroundings untouched, that are far smaller than the largest one. */
export function removeDust(ink: Ink): Ink {
  const blots = findBlots(ink)
  const largest = Math.max(...blots.map((blot) => blot.mass))
  const values = ink.values.slice()
  for (const { pixels, mass } of blots) {
    if (mass < DUST * largest) for (const at of pixels) values[at] = 0
  }
  return { ...ink, values }
}

interface Blot {
  pixels: number[]
  mass: number
}

/** The groups of strongly inked pixels that touch at a side or a corner. */
function findBlots({ values, width, height }: Ink): Blot[] {
  const seen = new Uint8Array(values.length)
  const isFresh = (at: number): boolean => seen[at] === 0 && (values[at] ?? 0) > STRONG
  const blots: Blot[] = []
  for (let first = 0; first < values.length; first++) {
    if (!isFresh(first)) continue
    const pixels = [first]
    seen[first] = 1
    for (const at of pixels) {
      for (const next of neighbours(at, width, height)) {
        if (!isFresh(next)) continue
        seen[next] = 1
        pixels.push(next)
      }
    }
    blots.push({ pixels, mass: pixels.reduce((sum, at) => sum + (values[at] ?? 0), 0) })
  }
  return blots
}

function* neighbours(at: number, width: number, height: number): Generator<number> {
  const x = at % width
  const y = Math.floor(at / width)
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) yield row * width + column
  }
}
