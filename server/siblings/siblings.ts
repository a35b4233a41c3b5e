import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Request, Response } from 'express'

import type { Logger } from '../log.ts'
import { findFronts } from '../run-state.ts'
import type { Bequest, Claim, Keeper, Question, Topic } from './keeper.ts'
import { UNKNOWN } from './keeper.ts'
import { isPassed } from './passed.ts'
import { ask, bequeathTo, forward } from './wire.ts'

/** What one front leaves to another, in characters of JSON; the newest goes first. */
const MOST_BEQUEATHED = 16 * 1024 * 1024

/** A folder that changed within this may change again without a sign of it: its clock is not finer than that. */
const CLOCK_TICK_MS = 20

export interface SiblingsOptions {
  stateDir: string
  startedAt: Date
  isDraining(): boolean
  log: Logger
}

/** Whose word it is: of this front, or of another, by its socket. */
export interface Owner {
  /** Null when this front shall take it. */
  socket: string | null
  waitMs: number
}

/**
 * The other fronts that share this one's state folder: for the moment of a reload an old and a new one run side by side, and a caller
 * who comes back to either must find what he began at the other. Costs one look at the folder where there is no other.
 */
export class Siblings {
  readonly #options: SiblingsOptions
  readonly #rank: string
  readonly #keepers = new Map<Topic['kind'], Keeper>()
  #known: { asOfMs: number; sockets: string[] } = { asOfMs: -1, sockets: [] }

  constructor(options: SiblingsOptions) {
    this.#options = options
    this.#rank = `${options.startedAt.toISOString()} ${process.pid}`
  }

  /** Who answers for a kind of topic here. */
  keep(kind: Topic['kind'], keeper: Keeper): void {
    this.#keepers.set(kind, keeper)
  }

  /** Another front runs beside this one. */
  get areThere(): boolean {
    return this.#others().length > 0
  }

  /** This front's own word, for a sibling that asks. Of two that go on, the older takes what is new: its models are ready. */
  claim({ topic, ask, asker }: Question): Claim {
    const takesNew = !this.#options.isDraining() && (asker.isDraining || this.#rank < asker.rank)
    if (ask === 'offer' && !takesNew) return UNKNOWN
    return this.#keepers.get(topic.kind)?.claim(topic, ask) ?? UNKNOWN
  }

  /**
   * Lets the front that has the topic answer a request that this one cannot.
   *
   * @param body Of the request, when it was read already.
   * @returns false when nobody has it: the caller is to be answered here.
   */
  async pass(req: Request, res: Response, topic: Topic, body?: object): Promise<boolean> {
    if (isPassed(req)) return false
    const { socket } = await this.#find(topic)
    return socket !== null && (await forward(socket, req, res, body))
  }

  /** Who shall take something new that belongs to the topic: whoever has it; else one that goes on, and of those the oldest. */
  async ownerOf(req: Request, topic: Topic): Promise<Owner> {
    if (isPassed(req)) return { socket: null, waitMs: 0 }
    const found = await this.#find(topic)
    return found.socket === null ? { socket: await this.#offer(topic), waitMs: found.waitMs } : found
  }

  /** Lets that front answer. @returns false when it cannot be reached. */
  forward(socket: string, req: Request, res: Response, body?: object): Promise<boolean> {
    return forward(socket, req, res, body)
  }

  /** At the end of this front: gives what callers may still ask for to a sibling, the youngest first. */
  async bequeath(): Promise<void> {
    const bequests = this.#bequests()
    if (bequests.length === 0) return
    for (const socket of this.#others().toReversed()) {
      if (!(await bequeathTo(socket, bequests))) continue
      this.#options.log.info({ items: bequests.length }, 'left what has ended to another host')
      return
    }
  }

  /** What a sibling left to this front. */
  inherit({ kind, item }: Bequest): void {
    this.#keepers.get(kind)?.inherit(item)
  }

  #bequests(): string[] {
    const lines: string[] = []
    let characters = 0
    for (const [kind, keeper] of this.#keepers) {
      for (const item of keeper.bequeath()) {
        const line = JSON.stringify({ kind, item } satisfies Bequest)
        characters += line.length
        if (characters > MOST_BEQUEATHED) return lines
        lines.push(line)
      }
    }
    return lines
  }

  async #find(topic: Topic): Promise<Owner> {
    const question: Question = { topic, ask: 'find', asker: this.#asker() }
    const answers = await Promise.all(this.#others().map(async (socket) => ({ socket, ...(await ask(socket, question)) })))
    const owner = answers.find(({ has }) => has)
    return { socket: owner?.socket ?? null, waitMs: Math.max(0, ...answers.map(({ waitMs }) => waitMs)) }
  }

  /** One by one, so that only one takes it. */
  async #offer(topic: Topic): Promise<string | null> {
    for (const socket of this.#others()) {
      const { has } = await ask(socket, { topic, ask: 'offer', asker: this.#asker() })
      if (has) return socket
    }
    return null
  }

  #asker(): Question['asker'] {
    return { rank: this.#rank, isDraining: this.#options.isDraining() }
  }

  /** The sockets of the others, the oldest front first. Read anew only when a front has come, gone, or written something down. */
  #others(): string[] {
    const { stateDir } = this.#options
    const changedMs = changeTime(join(stateDir, 'run'))
    if (changedMs === this.#known.asOfMs) return this.#known.sockets
    const sockets = socketsOf(stateDir)
    this.#known = { asOfMs: Date.now() - changedMs > CLOCK_TICK_MS ? changedMs : Number.NaN, sockets }
    return sockets
  }
}

function changeTime(folder: string): number {
  return statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function socketsOf(stateDir: string): string[] {
  const fronts = findFronts(stateDir).filter(({ isAlive }) => isAlive).map(({ record }) => record)
  return fronts.sort((a, b) => a.startedAt.localeCompare(b.startedAt)).flatMap(({ socket }) => (socket === undefined ? [] : [socket]))
}
