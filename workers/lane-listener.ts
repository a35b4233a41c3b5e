import { randomBytes } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lane, listenTo } from './lane.ts'
import type { FromThread, LaneAddress } from './thread-contract.ts'

/** Who connects has so long to show whose thread he is. */
const HELLO_MS = 5_000

/** What the front does with the lanes of one worker. */
export interface LaneUser {
  opened(lane: Lane): void
  said(lane: Lane, message: FromThread): void
  closed(lane: Lane): void
}

/**
 * Where the threads of all workers connect: a local socket that only this machine can reach, and on which only those are heard who know
 * the token of a worker. On Linux it has a name but no file, so that no folder that fills up or is cleaned can take it away.
 */
export class LaneListener {
  readonly #path: string
  readonly #server: Server
  readonly #users = new Map<string, LaneUser>()

  private constructor(path: string) {
    this.#path = path
    this.#server = createServer((socket) => this.#greet(socket))
    // For want of descriptors, say: who could not connect fails to start, and is started again.
    this.#server.on('error', () => {})
  }

  /** @throws {Error} when no local socket can be opened. */
  static async open(): Promise<LaneListener> {
    const listener = new LaneListener(laneSocketPath())
    await new Promise<void>((resolve, reject) => {
      listener.#server.once('error', reject)
      // Exclusive: under pm2's cluster mode it would otherwise be the daemon's.
      listener.#server.listen({ path: listener.#path, exclusive: true }, () => {
        listener.#server.off('error', reject)
        resolve()
      })
    })
    listener.#server.unref()
    return listener
  }

  /** An address for one worker; its lanes are the user's until `forget`. */
  expect(user: LaneUser): LaneAddress {
    const token = randomBytes(16).toString('hex')
    this.#users.set(token, user)
    return { path: this.#path, token }
  }

  forget({ token }: LaneAddress): void {
    this.#users.delete(token)
  }

  close(): void {
    this.#server.close()
  }

  #greet(socket: Socket): void {
    let user: LaneUser | undefined
    let lane: Lane | undefined
    const late = setTimeout(() => socket.destroy(), HELLO_MS).unref()
    listenTo(socket, (message) => {
      if (user !== undefined && lane !== undefined) return user.said(lane, message)
      clearTimeout(late)
      user = message.type === 'hello' ? this.#users.get(message.token) : undefined
      if (user === undefined || message.type !== 'hello') return void socket.destroy()
      lane = new Lane(message.thread, socket)
      user.opened(lane)
    }, () => {
      clearTimeout(late)
      if (lane !== undefined) user?.closed(lane)
    })
  }
}

function laneSocketPath(): string {
  const name = `footlights-${process.pid}-${randomBytes(16).toString('hex')}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name.slice(0, 40)}.sock`)
}
