import { connect, type Socket } from 'node:net'
import { threadId } from 'node:worker_threads'
import { encodeFrame, FrameReader, hasLongText, writeFrame } from './frames.ts'
import { Outbox } from './outbox.ts'
import { freeBuffer } from './free-buffer.ts'
import type { FromThread, LaneAddress, ToThread } from './thread-contract.ts'

/** A thread's end of its lane. */
export class FrontLink {
  readonly #socket: Socket
  readonly #gathered: Outbox<FromThread>

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#gathered = new Outbox((messages) => writeFrame(socket, encodeFrame(messages, messages.some(isLong))))
  }

  /** Resolves when the front can be reached. @throws {Error} when it can't. */
  static async open({ path, token }: LaneAddress, hear: (message: ToThread) => void): Promise<FrontLink> {
    const socket = connect(path)
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve()
      })
    })
    const reader = new FrameReader()
    socket.on('data', (chunk: Buffer) => {
      reader.read(chunk, (message) => {
        if (isToThread(message)) hear(message)
      })
    })
    // Without its front the whole process ends.
    socket.on('error', () => {})
    // A connection that is listened to keeps the thread alive by itself; the pool decides that.
    socket.unref()
    const link = new FrontLink(socket)
    link.send({ type: 'hello', token, thread: threadId })
    return link
  }

  /** Written at once, behind all that was gathered: what comes next in this thread may be author code that never lets go. */
  send(message: FromThread): void {
    this.#gathered.flush()
    writeFrame(this.#socket, encodeFrame([message], isLong(message)))
    if (message.type === 'unit-ended') for (const { json } of message.ends) if (json !== undefined) freeBuffer(json)
  }

  /** Written with all else of this turn of the event loop. For threads in which much runs side by side: only code that waits can. */
  gather(message: FromThread): void {
    this.#gathered.push(message)
  }

  close(): void {
    this.#socket.destroySoon()
  }
}

function isLong(message: FromThread): boolean {
  if (message.type === 'output') return hasLongText(message.outputs)
  return message.type === 'unit-ended' && message.ends.some(({ outputs, json }) => json !== undefined || (outputs !== undefined && hasLongText(outputs)))
}

/** Only the front writes there. */
function isToThread(message: unknown): message is ToThread {
  return typeof message === 'object' && message !== null && 'type' in message
}
