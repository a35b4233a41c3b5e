/** Is the host there? One answer for the whole page: whoever meets silence reports it, and everyone may wait for the host to come back. */
import { at } from './root.ts'

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 10_000
const ASK_TIMEOUT_MS = 5_000
/** How long "Connected again" stays. */
const SHOWN_MS = 5_000

class Connection {
  state = $state<'up' | 'lost' | 'back'>('up')
  /** Monotonic ms of the next try; 0 while one is under way. */
  nextTryAt = $state(0)
  #waiters: (() => void)[] = []
  #wake: (() => void) | null = null
  #answer: Promise<boolean> | null = null

  /** The host did not answer. Starts to ask for it, unless that is going on already. */
  lost(): void {
    if (this.state === 'lost') return
    this.state = 'lost'
    void this.#ask()
  }

  /** Resolves as soon as the host answers; at once when nothing is known to be wrong. */
  up(signal?: AbortSignal): Promise<void> {
    if (this.state !== 'lost') return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiters.push(resolve)
      signal?.addEventListener('abort', () => reject(signal.reason as unknown), { once: true })
    })
  }

  /** Resolves as soon as the host has answered a question of now. For what must not be tried in vain: a host may be gone before anyone noticed. */
  async answers(): Promise<void> {
    await this.up()
    this.#answer ??= isThere().finally(() => (this.#answer = null))
    if (await this.#answer) return
    this.lost()
    await this.up()
  }

  tryNow(): void {
    this.#wake?.()
  }

  async #ask(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      this.nextTryAt = performance.now() + waitMs
      await this.#pause(waitMs)
      this.nextTryAt = 0
      if (await isThere()) break
    }
    this.state = 'back'
    for (const resolve of this.#waiters.splice(0)) resolve()
    setTimeout(() => {
      if (this.state === 'back') this.state = 'up'
    }, SHOWN_MS)
  }

  async #pause(waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      addEventListener('online', this.#wake, { once: true })
    })
    this.#wake = null
  }
}

async function isThere(): Promise<boolean> {
  try {
    const answer = await fetch(at('health/live'), { cache: 'no-store', signal: AbortSignal.timeout(ASK_TIMEOUT_MS) })
    return answer.ok
  } catch {
    return false
  }
}

export const connection = new Connection()
