import { connect, type Socket } from 'node:net'

import { type Measures, median } from '../figures.ts'
import type { StreamMarks, StreamsJob } from './jobs.ts'
import { StreamReader } from './stream-reader.ts'

const BUFFER_BYTES = 64 * 1024
/** Of what brings the first output, in which a model may say when it made it. */
const HEAD_BYTES = 4_096
const MADE_AT = /"madeAt":([\d.]+)/

/** How one client fared; times in ms from the moment at which all began. */
export interface Reading {
  endMs: number
  finished: boolean
  firstMs: number
  gapMs: number
  tokens: number
  bytes: number
  /** From when the model had made its first output to its arrival. */
  afterMadeMs: number | undefined
}

export async function readStreams({ url, clients, body, marks, giveUpSeconds }: StreamsJob): Promise<Measures> {
  const text = JSON.stringify(body)
  const headers = `Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`
  const startedAt = performance.now()
  const readings = Array.from({ length: clients }, () => readStream(new URL(url), { head: `POST ${pathOf(url)}`, headers, text, marks, giveUpSeconds, startedAt }))
  return measuresOf(await Promise.all(readings))
}

export function measuresOf(readings: readonly Reading[]): Measures {
  const ends = readings.map(({ endMs }) => endMs)
  const made = readings.flatMap(({ afterMadeMs }) => afterMadeMs ?? [])
  return {
    slowestMs: Math.max(...ends), medianMs: median(ends), firstMs: median(readings.map(({ firstMs }) => firstMs)),
    gapMs: Math.max(...readings.map(({ gapMs }) => gapMs)), tokens: sum(readings.map(({ tokens }) => tokens)), bytes: sum(readings.map(({ bytes }) => bytes)),
    unfinished: readings.filter(({ finished }) => !finished).length, ...(made.length === 0 ? {} : { afterMadeMs: median(made) }),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

interface Ask {
  /** Method and path. */
  head: string
  /** Lines of HTTP. */
  headers: string
  text: string
  marks: StreamMarks
  giveUpSeconds: number
  /** Monotonic ms. */
  startedAt: number
}

/** Asks on a connection of its own and reads to the end of the answer, which is the end of the connection. Never rejects. */
export function readStream({ hostname, port }: URL, { head, headers, text, marks, giveUpSeconds, startedAt }: Ask): Promise<Reading> {
  return new Promise((resolve) => {
    const reader = new StreamReader(marks)
    let madeAt: number | undefined
    const socket: Socket = connect({
      host: hostname, port: Number(port), noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(BUFFER_BYTES),
        callback: (length, buffer) => {
          const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, length)
          const isBegun = reader.firstAt !== null
          reader.push(chunk, performance.now())
          if (!isBegun && reader.firstAt !== null) madeAt = madeAtIn(chunk)
          if (reader.ended) end(true)
          return true
        },
      },
    })
    const end = (finished: boolean): void => {
      clearTimeout(late)
      socket.destroy()
      const firstMs = (reader.firstAt ?? performance.now()) - startedAt
      const afterMadeMs = madeAt === undefined || reader.firstAt === null ? undefined : reader.firstAt + performance.timeOrigin - madeAt
      resolve({ endMs: performance.now() - startedAt, finished, firstMs, gapMs: reader.gapMs, tokens: reader.tokens, bytes: reader.bytes, afterMadeMs })
    }
    const late = setTimeout(() => end(false), giveUpSeconds * 1000)
    socket.once('end', () => end(reader.tokens > 0))
    socket.once('error', () => end(false))
    socket.write(`${head} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: close\r\n${headers}\r\n${text}`)
  })
}

function madeAtIn(chunk: Buffer): number | undefined {
  const found = MADE_AT.exec(chunk.toString('latin1', 0, HEAD_BYTES))?.[1]
  return found === undefined ? undefined : Number(found)
}
