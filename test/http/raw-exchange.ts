/** Requests as bytes: nothing between the test and the host makes them sane. */
import { once } from 'node:events'
import { connect } from 'node:net'

export interface RawRequest {
  method?: string
  path?: string
  /** Header lines; `Host`, `Connection: close` and the length of the body are added unless named here. An empty value leaves the header out. */
  headers?: Record<string, string>
  body?: string | Buffer
  /** All of the request, instead of the above. */
  bytes?: string | Buffer
  /** Ends our side after the last byte, as a client that gave up sending. */
  half?: boolean
}

export interface RawAnswer {
  status: number
  contentType: string
  /** Parsed when it is JSON. */
  body: Record<string, unknown>
}

/** Sends the request on a connection of its own and returns the last answer that came before the host closed. */
export async function exchange(port: number, request: RawRequest): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A host that refuses early closes while we still write.
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (request.half === true) socket.end(bytesOf(request))
  else socket.write(bytesOf(request))
  if (!socket.closed) await once(socket, 'close')
  return parseAnswer(Buffer.concat(chunks).toString('utf8'))
}

function bytesOf({ method = 'POST', path = '/echo/predict', headers = {}, body = '', bytes }: RawRequest): Buffer {
  if (bytes !== undefined) return Buffer.from(bytes)
  const content = Buffer.from(body)
  const all: Record<string, string> = { host: '127.0.0.1', connection: 'close', ...(content.length > 0 && { 'content-length': String(content.length) }), ...headers }
  const lines = Object.entries(all).filter(([, value]) => value !== '').map(([name, value]) => `${name}: ${value}`)
  return Buffer.concat([Buffer.from([`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'), 'latin1'), content])
}

function parseAnswer(text: string): RawAnswer {
  const start = text.lastIndexOf('HTTP/1.1 ')
  const [head = '', body = ''] = text.slice(Math.max(0, start)).split('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)
  const contentType = /^content-type: *([^\r;]*)/im.exec(head)?.[1] ?? ''
  return { status, contentType, body: /json/.test(contentType) ? JSON.parse(body) : {} }
}

/** The body in chunks, as HTTP/1.1 frames them. */
export function chunked(...pieces: (string | Buffer)[]): Buffer {
  const framed = pieces.map((piece) => Buffer.concat([Buffer.from(`${Buffer.byteLength(piece).toString(16)}\r\n`), Buffer.from(piece), Buffer.from('\r\n')]))
  return Buffer.concat([...framed, Buffer.from('0\r\n\r\n')])
}
