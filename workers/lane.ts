import type { Socket } from 'node:net'
import type { PredictItem } from './contract.ts'
import { EncodedValues } from './encoded-values.ts'
import { ownCopy } from './free-buffer.ts'
import { encodeFrame, FrameReader, hasLongText, writeFrame } from './frames.ts'
import { Outbox } from './outbox.ts'
import { type FromThread, isAfter, isReadable, type SentItem, type ToThread, unitAfter } from './thread-contract.ts'

/** One call of the author's `predict` or `predictBatch`. */
export interface Unit {
  readonly items: PredictItem[]
  readonly alone: boolean
  /** Null until it is sent. */
  lane: Lane | null
  /** Its number in the lane. */
  number: number
  /** Monotonic ms. */
  beganAt: number
  /** Counts down to the end of its thread, since it was asked to stop. */
  grace: NodeJS.Timeout | null
}

/** One thread as the front sees it: the connection to it, and the units that it was sent and has not ended. */
export class Lane {
  readonly thread: number
  /** Begun, as far as the front can know; oldest first. */
  readonly running = new Map<number, Unit>()
  /** Sent behind those, oldest first. */
  readonly waiting: Unit[] = []
  /** The thread has set up and may get work. */
  isReady = false
  /** False when all that it said has been heard, and no more will come. */
  isOpen = true
  /** Set while we end it, with the unit that it is for. */
  terminating: { unit: Unit; death: 'timeout' | 'cancel' } | null = null
  /** An answer to `withdraw` is awaited. */
  isWithdrawing = false
  /** It made no progress when someone looked, and has made none since. */
  isStalled = false
  /** How many units have ended, and how many had when someone last looked. */
  ended = 0
  seenEnded = 0
  #last = 0
  readonly #socket: Socket
  readonly #outbox: Outbox<ToThread>
  /** Inputs of what is not written yet: their prediction may end before. */
  readonly #unwritten: EncodedValues[] = []

  constructor(thread: number, socket: Socket) {
    this.thread = thread
    this.#socket = socket
    this.#outbox = new Outbox((messages) => {
      if (socket.writable) writeFrame(socket, encodeFrame(messages, messages.some(isLong)))
      for (const inputs of this.#unwritten.splice(0)) inputs.release()
    })
  }

  get load(): number {
    return this.running.size + this.waiting.length
  }

  /** The number of the unit that was sent last. */
  get last(): number {
    return this.#last
  }

  /** Bytes that the thread has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  /** Sends a unit; it begins when fewer than `concurrency` run. */
  run(unit: Unit, concurrency: number, now: number): void {
    this.#last = unitAfter(this.#last)
    unit.lane = this
    unit.number = this.#last
    if (this.running.size < concurrency) this.#begin(unit, now)
    else this.waiting.push(unit)
    const { items, alone, number } = unit
    for (const { inputs } of items) if (inputs instanceof EncodedValues) this.#holdUnwritten(inputs)
    const sent = items.map(sentItem)
    this.#outbox.pushPromptly(alone ? { type: 'predict', unit: number, items: sent, alone } : { type: 'predict', unit: number, items: sent })
  }

  tell(message: ToThread): void {
    this.#outbox.push(message)
  }

  /** The thread says that a unit has ended: the next one begins there. */
  end(number: number, now: number): Unit | undefined {
    const unit = this.running.get(number)
    if (unit === undefined) return this.#endWaiting(number)
    this.running.delete(number)
    this.ended++
    this.isStalled = false
    const next = this.waiting.shift()
    if (next !== undefined) this.#begin(next, now)
    return unit
  }

  /**
   * Takes back what the thread had not begun when its gate was raised from `begun` to `upTo`, oldest first. Some of it was held for begun here:
   * a thread that author code holds up begins nothing, however few run there. What was sent later begins in its place.
   */
  takeWithdrawn(begun: number, upTo: number, concurrency: number, now: number): Unit[] {
    const isTaken = ({ number }: Unit): boolean => isAfter(number, begun) && !isAfter(number, upTo)
    const taken = [...this.running.values(), ...this.waiting].filter(isTaken)
    for (const { number } of taken) this.running.delete(number)
    const staying = this.waiting.splice(0).filter((unit) => !isTaken(unit))
    for (const unit of staying) {
      if (this.running.size < concurrency) this.#begin(unit, now)
      else this.waiting.push(unit)
    }
    return taken
  }

  /** Everything that it has, oldest first, and empties it. */
  takeAll(): Unit[] {
    const units = [...this.running.values(), ...this.waiting]
    this.running.clear()
    this.waiting.length = 0
    return units
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Its end overtook the news that all before it were withdrawn, which comes by another way. */
  #endWaiting(number: number): Unit | undefined {
    const index = this.waiting.findIndex((unit) => unit.number === number)
    if (index === -1) return undefined
    this.ended++
    this.isStalled = false
    return this.waiting.splice(index, 1)[0]
  }

  #holdUnwritten(inputs: EncodedValues): void {
    inputs.hold()
    this.#unwritten.push(inputs)
  }

  #begin(unit: Unit, now: number): void {
    unit.beganAt = now
    this.running.set(unit.number, unit)
  }
}

/** Hears a thread out: every message in its order, then the end of the connection. */
export function listenTo(socket: Socket, said: (message: FromThread) => void, closed: () => void): void {
  const reader = new FrameReader()
  socket.on('data', (chunk: Buffer) => {
    reader.read(chunk, (message) => {
      if (isFromThread(message)) said(withOwnBytes(message))
    })
  })
  // The thread has gone. What it said before that has been read, except where we wrote to it in the very moment: then its last unit is lost, and replayed.
  socket.on('error', () => {})
  socket.once('close', closed)
}

function sentItem(item: PredictItem): SentItem {
  if (isReadable(item)) return item
  const { inputs, ...rest } = item
  return inputs instanceof EncodedValues ? { ...rest, json: inputs.bytes } : { ...rest, inputs }
}

function isLong(message: ToThread): boolean {
  return message.type === 'predict' && message.items.some((item) => 'json' in item || hasLongText(item.inputs))
}

/** The bytes are a part of the frame, which is freed. */
function withOwnBytes(message: FromThread): FromThread {
  if (message.type === 'unit-ended') for (const end of message.ends) if (end.json !== undefined) end.json = ownCopy(end.json)
  return message
}

/** Only our own code writes there, after it has shown its token. */
function isFromThread(message: unknown): message is FromThread {
  return typeof message === 'object' && message !== null && 'type' in message
}
