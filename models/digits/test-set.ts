import { readFile } from 'node:fs/promises'

import sharp from 'sharp'

const SIDE = 8
const STRONGEST = 16

/** A digit that training never saw. */
export interface TestDigit {
  /** `0` to `9`. */
  label: string
  /** 8 rows of 8 pixels, each 0 (paper) to 16 (ink). */
  pixels: number[]
}

export interface Rendering {
  /** In pixels; 8 leaves the digit as it is. */
  side: number
  ink: 'dark' | 'light'
}

/** The 360 digits of testset.json, which train.py wrote. */
export async function readTestDigits(): Promise<TestDigit[]> {
  const lines: { label: string; pixels: string }[] = JSON.parse(await readFile(new URL('./testset.json', import.meta.url), 'utf8'))
  return lines.map(({ label, pixels }) => ({ label, pixels: Array.from(pixels, (figure) => Number.parseInt(figure, STRONGEST + 1)) }))
}

/** The digit as a PNG file. */
export async function renderDigit({ pixels }: TestDigit, { side, ink }: Rendering): Promise<Buffer> {
  const strengths = pixels.map((pixel) => Math.round((pixel / STRONGEST) * 255))
  const greys = ink === 'light' ? strengths : strengths.map((strength) => 255 - strength)
  const picture = sharp(Uint8Array.from(greys), { raw: { width: SIDE, height: SIDE, channels: 1 } })
  return picture.resize(side, side, { kernel: 'cubic' }).png().toBuffer()
}
