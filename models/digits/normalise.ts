/** How strongly each pixel is inked, row by row: 0 is background, 1 the strongest ink. */
export interface Ink {
  values: Float64Array
  width: number
  height: number
}

/** Sides of the square that the network sees, in pixels. */
export const SIDE = 16

/** What the longer side of a digit takes up of it. */
const INK_SIDE = 11

/** Ink stronger than this counts for the extent of the digit. */
export const STRONG = 0.3

/**
 * Brings a digit of any size to what the network was trained on: SIDE × SIDE values from 0 to 1, row by row, centred by
 * mass, scaled by extent, its strokes of one strength. The same as `normalise` in variants.py: change both or neither.
 *
 * @throws {RangeError} when no pixel is inked strongly.
 */
export function normalise(ink: Ink): Float32Array {
  const { values, width, height } = ink
  const rows = new Float64Array(height)
  const columns = new Float64Array(width)
  const extent = { top: height, bottom: -1, left: width, right: -1 }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = values[y * width + x] ?? 0
      rows[y] = (rows[y] ?? 0) + value
      columns[x] = (columns[x] ?? 0) + value
      if (value <= STRONG) continue
      extent.top = Math.min(extent.top, y)
      extent.bottom = y
      extent.left = Math.min(extent.left, x)
      extent.right = Math.max(extent.right, x)
    }
  }
  if (extent.bottom < 0) throw new RangeError('no ink')
  const step = Math.max(extent.bottom - extent.top + 1, extent.right - extent.left + 1) / INK_SIDE
  const across = overlaps(centreOf(columns), step, width)
  const down = overlaps(centreOf(rows), step, height)
  return levelStrokes(gather(ink, across, down))
}

function centreOf(masses: Float64Array): number {
  let mass = 0
  let moment = 0
  for (const [at, value] of masses.entries()) {
    mass += value
    moment += value * (at + 0.5)
  }
  return moment / mass
}

/** One cell of the grid: the source pixels from `start` on that it covers, and how much of the cell each one is. */
interface Cell {
  start: number
  weights: number[]
}

function overlaps(centre: number, step: number, length: number): Cell[] {
  return Array.from({ length: SIDE }, (_, cell) => {
    const from = centre + (cell - SIDE / 2) * step
    const to = from + step
    const start = Math.max(0, Math.floor(from))
    const weights: number[] = []
    for (let pixel = start; pixel < Math.min(length, to); pixel++) {
      weights.push(Math.max(0, Math.min(to, pixel + 1) - Math.max(from, pixel)) / step)
    }
    return { start, weights }
  })
}

function gather({ values, width }: Ink, across: Cell[], down: Cell[]): Float64Array {
  const cells = new Float64Array(SIDE * SIDE)
  for (const [row, { start: top, weights: heights }] of down.entries()) {
    for (const [column, { start: left, weights: widths }] of across.entries()) {
      let sum = 0
      for (const [dy, high] of heights.entries()) {
        const line = (top + dy) * width + left
        for (const [dx, wide] of widths.entries()) sum += (values[line + dx] ?? 0) * high * wide
      }
      cells[row * SIDE + column] = sum
    }
  }
  return cells
}

/** A thin stroke covers a cell only in part: the upper quartile of the inked cells becomes 1. */
function levelStrokes(cells: Float64Array): Float32Array {
  const strongest = cells.reduce((most, value) => Math.max(most, value), 0)
  const inked = cells.filter((value) => value > 0.1 * strongest).sort()
  const full = inked[Math.floor(0.75 * (inked.length - 1))] ?? 1
  return Float32Array.from(cells, (value) => Math.min(1, value / full))
}
