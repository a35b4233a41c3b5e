import type { Socket } from 'node:net'
import { DefaultSerializer, deserialize } from 'node:v8'
import { freeBuffer, joined, ownCopy, WORTH_FREEING_BYTES } from './free-buffer.ts'

/** Length (little endian, without the head) and form of what follows. */
const HEAD_BYTES = 5
const ROOM_FOR_HEAD = Buffer.alloc(HEAD_BYTES)
const JSON_TEXT = 1
const V8_DATA = 2
/** From here on V8's format is cheaper for a text, since it copies instead of escaping; for short messages JSON takes a quarter of its time. */
const LONG_CHARACTERS = 8_192

/** Whether any of the values is a text that is better not written as JSON. */
export function hasLongText(values: Readonly<Record<string, unknown>>): boolean {
  for (const name in values) {
    const value = values[name]
    if (typeof value === 'string' && value.length > LONG_CHARACTERS) return true
  }
  return false
}

/** One write's worth of messages as bytes. Plain data only: what JSON can't hold does not cross. @param long They hold a long text. */
export function encodeFrame(messages: readonly object[], long: boolean): Buffer {
  if (long) {
    const serializer = new DefaultSerializer()
    serializer.writeRawBytes(ROOM_FOR_HEAD)
    serializer.writeHeader()
    serializer.writeValue(messages)
    return withHead(serializer.releaseBuffer(), V8_DATA)
  }
  const text = JSON.stringify(messages)
  const frame = Buffer.allocUnsafe(HEAD_BYTES + Buffer.byteLength(text))
  frame.write(text, HEAD_BYTES)
  return withHead(frame, JSON_TEXT)
}

function withHead(frame: Buffer, form: number): Buffer {
  frame.writeUInt32LE(frame.length - HEAD_BYTES, 0)
  frame[HEAD_BYTES - 1] = form
  return frame
}

/** Writes a frame; a large one is freed once it is written. */
export function writeFrame(socket: Socket, frame: Buffer): void {
  if (frame.length < WORTH_FREEING_BYTES) socket.write(frame)
  else socket.write(frame, () => freeBuffer(frame))
}

/** Puts frames together again from the pieces that a socket gives. */
export class FrameReader {
  #rest: Buffer[] = []
  #restBytes = 0
  /** Bytes that must be there before it is worth looking again. */
  #wantedBytes = HEAD_BYTES

  /** Gives each message of the frames that this chunk completes, in order. Bytes in it are a part of the frame, which is freed afterwards. */
  read(chunk: Buffer, take: (message: unknown) => void): void {
    const whole = this.#joined(chunk)
    if (whole === null) return
    let bytes: Buffer = whole
    while (bytes.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + bytes.readUInt32LE(0)
      if (bytes.length < end) {
        this.#wantedBytes = end
        break
      }
      for (const message of decode(bytes, end)) take(message)
      bytes = bytes.subarray(end)
    }
    if (bytes === whole || whole.length < WORTH_FREEING_BYTES) return this.#keep(bytes)
    this.#keep(ownCopy(bytes))
    freeBuffer(whole)
  }

  /** A large frame comes in many pieces: they are copied once, when the last is there. */
  #joined(chunk: Buffer): Buffer | null {
    if (this.#restBytes === 0) return chunk
    if (this.#restBytes + chunk.length < this.#wantedBytes) {
      this.#keep(chunk)
      return null
    }
    const pieces = [...this.#rest, chunk]
    const all = joined(pieces)
    for (const piece of pieces) freeBuffer(piece)
    this.#rest = []
    this.#restBytes = 0
    this.#wantedBytes = HEAD_BYTES
    return all
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#rest.push(bytes)
    this.#restBytes += bytes.length
  }
}

function decode(bytes: Buffer, end: number): unknown[] {
  const form = bytes[HEAD_BYTES - 1]
  const messages: unknown = form === JSON_TEXT ? JSON.parse(bytes.toString('utf8', HEAD_BYTES, end)) : form === V8_DATA ? deserialize(bytes.subarray(HEAD_BYTES, end)) : null
  if (!Array.isArray(messages)) throw new Error('a frame holds no messages')
  return messages
}
