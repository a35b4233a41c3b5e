/** Draws the example pictures: `node models/digits/draw-examples.ts`. */
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import sharp from 'sharp'

interface Drawing {
  name: string
  width: number
  height: number
  paper: string
  ink: string
  strokeWidth: number
  /** An SVG path. */
  path: string
}

const DRAWINGS: Drawing[] = [
  { name: 'seven', width: 280, height: 280, paper: '#ffffff', ink: '#1b1b1b', strokeWidth: 18, path: 'M82 66 Q140 74 206 62 Q160 130 128 224' },
  {
    name: 'three-on-dark',
    width: 240,
    height: 320,
    paper: '#17212b',
    ink: '#f4f0e6',
    strokeWidth: 22,
    path: 'M72 84 C96 44 172 52 164 104 C160 140 122 150 104 152 C140 150 182 170 172 220 C162 272 92 276 64 236',
  },
  {
    name: 'five-thin',
    width: 400,
    height: 300,
    paper: '#f3eee0',
    ink: '#27408b',
    strokeWidth: 4,
    path: 'M312 60 L236 64 L226 132 C262 112 316 128 314 178 C312 236 246 250 212 218',
  },
]

const folder = fileURLToPath(new URL('./examples/', import.meta.url))
await mkdir(folder, { recursive: true })
for (const { name, width, height, paper, ink, strokeWidth, path } of DRAWINGS) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="${paper}"/>
<path d="${path}" fill="none" stroke="${ink}" stroke-width="${strokeWidth}" stroke-linecap="round" stroke-linejoin="round"/></svg>`
  await sharp(Buffer.from(svg)).png({ palette: true }).toFile(`${folder}${name}.png`)
}
