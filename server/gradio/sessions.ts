import type { GradioEvent } from './gradio-event.ts'
import { Session } from './session.ts'

const SWEEP_MS = 30_000
/** An end that nobody came to read is kept this long, as the gateway keeps its predictions. */
const KEEP_ENDED_MS = 5 * 60_000
/** A session without events is remembered this long, so that its client is not told it is unknown. */
const KEEP_IDLE_MS = 60_000
const MAX_SESSIONS = 10_000
const MAX_ENDED_EVENTS = 2_000

interface Registered {
  event: GradioEvent
  /** Null for a call by plain HTTP, which is told by its own stream. */
  session: Session | null
  /** When the sweep first found it over. */
  endedAtMs: number | null
}

/**
 * The sessions and events of one model. All maps are bounded; what is under way is bounded by the model's queue.
 * A client's hash means nothing to another model.
 */
export class GradioSessions {
  readonly #sessions = new Map<string, Session>()
  readonly #events = new Map<string, Registered>()

  readonly #isDraining: () => boolean

  constructor(isDraining: () => boolean) {
    this.#isDraining = isDraining
    setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  session(hash: string): Session | undefined {
    return this.#sessions.get(hash)
  }

  /** The session of this hash, made when it is new. */
  open(hash: string): Session {
    const known = this.#sessions.get(hash)
    if (known !== undefined) return known
    if (this.#sessions.size >= MAX_SESSIONS) this.#evictSession()
    const session = new Session((eventId) => this.#events.delete(eventId), this.#isDraining)
    this.#sessions.set(hash, session)
    return session
  }

  /** @param session Null for a call by plain HTTP. */
  add(event: GradioEvent, session: Session | null): void {
    this.#events.set(event.id, { event, session, endedAtMs: null })
    session?.add(event)
    if (this.#events.size > MAX_ENDED_EVENTS) this.#evictEvents()
  }

  event(id: string): GradioEvent | undefined {
    return this.#events.get(id)?.event
  }

  /** Events that have ended and can still be asked for; `inSession` when they are told on their session's stream. */
  *untold(): Generator<{ event: GradioEvent; inSession: boolean }> {
    for (const { event, session } of this.#events.values()) if (session === null && event.isOver) yield { event, inSession: false }
    for (const session of this.#sessions.values()) for (const event of session.untold()) if (event.isOver) yield { event, inSession: true }
  }

  /** Stops one event of one session; any other pair changes nothing. */
  cancel(sessionHash: string, eventId: string): void {
    const event = this.event(eventId)
    if (event !== undefined && event.sessionHash === sessionHash) event.cancel()
  }

  #sweep(): void {
    const now = performance.now()
    for (const [id, registered] of this.#events) {
      if (!registered.event.isOver) continue
      registered.endedAtMs ??= now
      if (now - registered.endedAtMs > KEEP_ENDED_MS) this.#drop(id)
    }
    for (const [hash, session] of this.#sessions) {
      if (session.isIdle && now - session.idleSinceMs > KEEP_IDLE_MS) this.#sessions.delete(hash)
    }
  }

  #drop(id: string): void {
    this.#events.get(id)?.session?.drop(id)
    this.#events.delete(id)
  }

  #evictEvents(): void {
    for (const [id, { event }] of this.#events) {
      if (event.isOver) this.#drop(id)
      if (this.#events.size <= MAX_ENDED_EVENTS) return
    }
  }

  #evictSession(): void {
    for (const [hash, session] of this.#sessions) {
      if (!session.isAbandoned) continue
      this.#sessions.delete(hash)
      return
    }
  }
}
