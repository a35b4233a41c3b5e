import { chmodSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { closeGracefully, createHttpServer } from '../http-server.ts'
import { bequestSchema, questionSchema } from './keeper.ts'
import { markPassed } from './passed.ts'
import type { Siblings } from './siblings.ts'
import { makeSocketPath, removeSocket } from './socket-path.ts'
import { BEQUEST_PATH, CLAIM_PATH } from './wire.ts'

export interface SiblingSocketOptions {
  stateDir: string
  siblings: Siblings
  /** The host's whole face, for what other fronts pass on. */
  app: RequestListener
}

/** Where this front hears its siblings: a Unix socket that only this user can open. */
export class SiblingSocket {
  readonly #siblings: Siblings
  readonly #app: RequestListener
  readonly #stateDir: string
  readonly #server = createHttpServer((req, res) => this.#hear(req, res))
  #path: string | null = null
  #passed = 0
  #whenIdle: (() => void)[] = []

  constructor({ stateDir, siblings, app }: SiblingSocketOptions) {
    this.#stateDir = stateDir
    this.#siblings = siblings
    this.#app = app
  }

  /** @returns The path, or null when there can be none. @throws {Error} when it cannot be bound. */
  async listen(): Promise<string | null> {
    const path = makeSocketPath(this.#stateDir)
    if (path === null) return null
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      // In pm2's cluster the daemon would bind it otherwise, and keep it when we are gone.
      this.#server.listen({ path, exclusive: true }, () => resolve())
    })
    this.#server.unref()
    chmodSync(path, 0o600)
    this.#path = path
    return path
  }

  get isIdle(): boolean {
    return this.#passed === 0
  }

  /** Resolves when nothing that was passed on is open, or after `withinMs`. */
  async whenIdle(withinMs: number): Promise<void> {
    if (this.isIdle) return
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(resolve, withinMs)
      this.#whenIdle.push(() => {
        clearTimeout(giveUp)
        resolve()
      })
    })
  }

  /** Answers what is open, and listens no more. @param signal Cuts it short. */
  async close(signal: AbortSignal): Promise<void> {
    if (this.#path === null) return
    await closeGracefully(this.#server, signal, 0)
    removeSocket(this.#path)
  }

  #hear(req: IncomingMessage, res: ServerResponse): void {
    if (req.url === CLAIM_PATH) void this.#answer(req, res)
    else if (req.url === BEQUEST_PATH) void this.#inherit(req, res)
    else this.#take(req, res)
  }

  #take(req: IncomingMessage, res: ServerResponse): void {
    markPassed(req)
    this.#passed++
    res.once('close', () => {
      this.#passed--
      if (this.isIdle) for (const resolve of this.#whenIdle.splice(0)) resolve()
    })
    this.#app(req, res)
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const question = questionSchema.parse(JSON.parse(await text(req)))
      res.end(JSON.stringify(this.#siblings.claim(question)))
    } catch {
      res.writeHead(400).end()
    }
  }

  async #inherit(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      for (const line of (await text(req)).split('\n')) {
        if (line === '') continue
        this.#siblings.inherit(bequestSchema.parse(JSON.parse(line)))
        // There may be megabytes, and others are being served.
        await nextTurn()
      }
      res.writeHead(204).end()
    } catch {
      res.writeHead(400).end()
    }
  }
}
