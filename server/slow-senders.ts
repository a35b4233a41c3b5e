/**
 * Who sends a body so slowly that he is given up. One timer looks after all of them: nearly every body is whole before a timer of its own
 * would have been worth its making.
 */

/** A body of which nothing comes for this long is given up; a stalled sender would hold its memory until `requestTimeout`. */
const IDLE_BODY_MS = 15_000
const LOOK_EVERY_MS = 500

interface Sender {
  /** As of the last look. */
  idleMs: number
  giveUp(): void
}

const senders = new Map<object, Sender>()
let timer: NodeJS.Timeout | null = null

/** @param giveUp Called once when nothing has come for 15 s (to half a second); not after `noLongerAwaited`. */
export function awaitSender(key: object, giveUp: () => void): void {
  senders.set(key, { idleMs: 0, giveUp })
  timer ??= setInterval(look, LOOK_EVERY_MS)
}

export function heardFrom(key: object): void {
  const sender = senders.get(key)
  if (sender !== undefined) sender.idleMs = 0
}

export function noLongerAwaited(key: object): void {
  senders.delete(key)
}

function look(): void {
  for (const [key, sender] of senders) {
    sender.idleMs += LOOK_EVERY_MS
    if (sender.idleMs <= IDLE_BODY_MS) continue
    senders.delete(key)
    sender.giveUp()
  }
  if (senders.size > 0 || timer === null) return
  clearInterval(timer)
  timer = null
}
