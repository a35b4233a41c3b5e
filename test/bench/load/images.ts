import { randomBytes } from 'node:crypto'
import { Client } from 'undici'

import type { Measures } from '../figures.ts'
import { exchange, JSON_TYPE } from './exchange.ts'
import type { ImagesJob } from './jobs.ts'
import { Tally } from './tally.ts'

const IMAGE_BYTES = 5_000_000
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const BOUNDARY = 'a-boundary-that-no-image-has'

interface Upload {
  headers: Record<string, string>
  body: Buffer
}

export async function sendImages({ url, connections, seconds, as }: ImagesJob): Promise<Measures> {
  const { origin, pathname } = new URL(url)
  const upload = uploadOf(as)
  const tally = new Tally()
  const startedAt = performance.now()
  const until = startedAt + seconds * 1000
  const sendAll = async (): Promise<void> => {
    const client = new Client(origin)
    while (performance.now() < until) {
      const sentAt = performance.now()
      const { status, body } = await exchange(client, 'POST', pathname, upload.headers, upload.body)
      const back = as === 'form' && status === 200 ? await exchange(client, 'GET', pathOfResult(body)) : { status, body }
      tally.add(back.body.length < IMAGE_BYTES ? 0 : back.status, performance.now() - sentAt)
    }
    await client.close()
  }
  await Promise.all(Array.from({ length: connections }, sendAll))
  return tally.measures((performance.now() - startedAt) / 1000)
}

/** Bytes that look like an image and that nothing can make smaller. */
function uploadOf(as: ImagesJob['as']): Upload {
  const image = Buffer.concat([Buffer.from(PNG_SIGNATURE), randomBytes(IMAGE_BYTES - PNG_SIGNATURE.length)])
  if (as === 'raw') return { headers: { 'content-type': 'image/png' }, body: image }
  if (as === 'base64') return { headers: JSON_TYPE, body: Buffer.from(JSON.stringify({ text: image.toString('base64') })) }
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="picture"; filename="picture.png"\r\ncontent-type: image/png\r\n\r\n`
  return { headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }, body: Buffer.concat([Buffer.from(head), image, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]) }
}

function pathOfResult(body: Buffer): string {
  const { picture } = JSON.parse(body.toString('utf8')) as { picture: { url: string } }
  return new URL(picture.url).pathname
}
