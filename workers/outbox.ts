/** After so many turns with one message each, the next is taken to be alone, too. */
const LONELY_TURNS = 8

/**
 * Collects the messages of one turn of the event loop and writes them in one go: at 100 connections one write per turn
 * instead of one per prediction is worth a fifth of the throughput.
 */
export class Outbox<Message> {
  readonly #write: (messages: Message[]) => void
  #messages: Message[] = []
  #scheduled = false
  #inThisTurn = 0
  #lonelyTurns = 0

  constructor(write: (messages: Message[]) => void) {
    this.#write = write
  }

  push(message: Message): void {
    this.#messages.push(message)
    this.#inThisTurn++
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#endTurn())
  }

  /** The same for what somebody waits for: written now where the last turns had no more than one message, so that waiting for company would be in vain. */
  pushPromptly(message: Message): void {
    this.push(message)
    if (this.#inThisTurn === 1 && this.#lonelyTurns >= LONELY_TURNS) this.flush()
  }

  flush(): void {
    if (this.#messages.length === 0) return
    const messages = this.#messages
    this.#messages = []
    this.#write(messages)
  }

  #endTurn(): void {
    this.#scheduled = false
    this.#lonelyTurns = this.#inThisTurn === 1 ? this.#lonelyTurns + 1 : 0
    this.#inThisTurn = 0
    this.flush()
  }
}
