import type { NoticeLevel, PredictionFact, Values } from './contract.ts'
import type { RunnerSink } from './runner.ts'
import { charactersOf } from './value-size.ts'

/** Facts that may be on the way to the front, unread, for one prediction. */
export const WINDOW_FACTS = 64
/** The same in characters; one fact may exceed it alone. */
export const WINDOW_CHARACTERS = 1024 * 1024
/** Notices that wait for credit; further ones are dropped, since an author can't be made to wait for them. */
const WAITING_NOTICES = 100

/**
 * Sends the facts of one prediction as far as its reader gives credit. Neither `postMessage` nor `process.send` holds a sender back,
 * so the front acknowledges what it has taken and the window here bounds what is under way.
 *
 * Outputs wait for credit (the author's generator stands still meanwhile). Progress and notices come from calls that can't wait:
 * of progress the latest is kept, of notices the first hundred.
 */
export class CreditedSink implements RunnerSink {
  readonly #id: number
  readonly #enabled: boolean
  readonly #post: (fact: PredictionFact) => void
  readonly #unread: number[] = []
  #unreadCharacters = 0
  #wake: (() => void) | null = null
  #progress: PredictionFact | null = null
  #notices: PredictionFact[] = []

  constructor(id: number, enabled: boolean, post: (fact: PredictionFact) => void) {
    this.#id = id
    this.#enabled = enabled
    this.#post = post
  }

  started(): void {
    if (this.#enabled) this.#send({ type: 'started', id: this.#id }, 0)
  }

  progress(fraction: number, text: string): void {
    if (!this.#enabled) return
    this.#progress = { type: 'progress', id: this.#id, fraction, text }
    this.#flushWaiting()
  }

  notice(level: NoticeLevel, text: string): void {
    if (!this.#enabled || this.#notices.length >= WAITING_NOTICES) return
    this.#notices.push({ type: 'notice', id: this.#id, level, text })
    this.#flushWaiting()
  }

  output(outputs: Values): Promise<void> | undefined {
    return this.#sendInTurn({ type: 'output', id: this.#id, outputs }, charactersOf(outputs))
  }

  append(output: string, text: string): Promise<void> | undefined {
    return this.#sendInTurn({ type: 'append', id: this.#id, output, text }, text.length)
  }

  hasRoom(): boolean {
    return this.#unread.length < WINDOW_FACTS && this.#unreadCharacters < WINDOW_CHARACTERS
  }

  async room(): Promise<void> {
    while (!this.hasRoom()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The reader has taken `facts` more. */
  credit(facts: number): void {
    for (let i = 0; i < facts; i++) this.#unreadCharacters -= this.#unread.shift() ?? 0
    this.#goOn()
  }

  /** Lets everything that waits go on, because nobody will give credit any more. */
  abandon(): void {
    this.#unread.length = 0
    this.#unreadCharacters = 0
    this.#goOn()
  }

  /** The last words before the end: what still waits is sent without credit. */
  flush(): void {
    for (const notice of this.#notices.splice(0)) this.#send(notice, 0)
    if (this.#progress !== null) this.#send(this.#progress, 0)
    this.#progress = null
  }

  #goOn(): void {
    this.#flushWaiting()
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  #flushWaiting(): void {
    while (this.#notices.length > 0 && this.hasRoom()) {
      const notice = this.#notices.shift()
      if (notice !== undefined) this.#send(notice, 100)
    }
    if (this.#progress !== null && this.hasRoom()) {
      this.#send(this.#progress, 100)
      this.#progress = null
    }
  }

  #sendInTurn(fact: PredictionFact, characters: number): Promise<void> | undefined {
    if (!this.hasRoom()) return this.room().then(() => this.#send(fact, characters))
    this.#send(fact, characters)
    return undefined
  }

  #send(fact: PredictionFact, characters: number): void {
    this.#unread.push(characters)
    this.#unreadCharacters += characters
    this.#post(fact)
  }
}
