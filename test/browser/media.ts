/** Small files of each kind for the forms. */
import sharp from 'sharp'

export interface SentFile {
  name: string
  mimeType: string
  buffer: Buffer
}

const RATE = 8_000

/** A tone that swells and fades. */
export function sound(name: string, seconds = 1): SentFile {
  const samples = Math.round(seconds * RATE)
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + samples * 2, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(RATE, 24)
  header.writeUInt32LE(RATE * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(samples * 2, 40)
  const data = Buffer.alloc(samples * 2)
  for (let at = 0; at < samples; at++) data.writeInt16LE(Math.round(Math.sin(at / 3) * Math.sin((at / samples) * Math.PI) * 30_000), at * 2)
  return { name, mimeType: 'audio/wav', buffer: Buffer.concat([header, data]) }
}

/** A picture of one colour with a disc in it. */
export async function picture(name: string, colour = '#2a73c2', width = 120, height = 80): Promise<SentFile> {
  const disc = Buffer.from(`<svg width="${width}" height="${height}"><circle cx="${width / 2}" cy="${height / 2}" r="${height / 3}" fill="#f6ae2d"/></svg>`)
  const buffer = await sharp({ create: { width, height, channels: 3, background: colour } }).composite([{ input: disc }]).png().toBuffer()
  return { name, mimeType: 'image/png', buffer }
}

export function paper(name: string, content: string): SentFile {
  return { name, mimeType: 'text/plain', buffer: Buffer.from(content) }
}
