/** Strokes of the sketch pad, and the picture that is made of them. */
import { getStroke } from 'perfect-freehand'

export type Point = readonly [x: number, y: number, pressure: number]

export interface Stroke {
  points: Point[]
  /** CSS colour; white rubs out. */
  colour: string
  /** Of the line at full pressure, in units of the pad. */
  width: number
  /** The device said how hard it was pressed. */
  hasPressure: boolean
}

/** Size of the pad in its own units; the picture is `SCALE` times as large in pixels. */
export const PAD = { width: 480, height: 300 } as const
const SCALE = 2

/** The outline of a stroke as SVG path data. */
export function strokePath({ points, width, hasPressure }: Stroke): string {
  const outline = getStroke(points.map((point) => [...point]), { size: width, thinning: hasPressure ? 0.6 : 0.25, smoothing: 0.6, streamline: 0.4, simulatePressure: !hasPressure, last: true })
  const [first, ...rest] = outline
  if (first === undefined) return ''
  const parts = [`M${xy(first)}Q`]
  outline.forEach((point, index) => {
    const next = outline[(index + 1) % outline.length] ?? first
    parts.push(`${xy(point)} ${xy([((point[0] ?? 0) + (next[0] ?? 0)) / 2, ((point[1] ?? 0) + (next[1] ?? 0)) / 2])}`)
  })
  return rest.length === 0 ? '' : `${parts.join(' ')}Z`
}

function xy(point: readonly number[]): string {
  return `${(point[0] ?? 0).toFixed(2)},${(point[1] ?? 0).toFixed(2)}`
}

/** The strokes on white, as PNG. */
export async function sketchFile(strokes: readonly Stroke[]): Promise<File | null> {
  const canvas = document.createElement('canvas')
  canvas.width = PAD.width * SCALE
  canvas.height = PAD.height * SCALE
  const context = canvas.getContext('2d')
  if (context === null) return null
  context.scale(SCALE, SCALE)
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, PAD.width, PAD.height)
  for (const stroke of strokes) {
    context.fillStyle = stroke.colour
    context.fill(new Path2D(strokePath(stroke)))
  }
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
  return blob === null ? null : new File([blob], 'sketch.png', { type: 'image/png' })
}
