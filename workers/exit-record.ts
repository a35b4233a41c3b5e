import type { ExitCause, ExitRecord, Loss, RestartReason, ThreadDeath, ThreadExit, WorkerExit } from './contract.ts'

const KEPT = 20
const KEPT_LINES = 20
const KEPT_CHARACTERS = 500
/** How V8 says that its heap is full, before it aborts. */
const FULL_HEAP = /heap out of memory|allocation failed/i
/** What a worker that was asked to stop ends with. */
const OBEDIENT_SIGNALS: readonly (string | null)[] = [null, 'SIGKILL']

export type ExitReason = RestartReason | 'stop'

/** What is known when a process has ended. */
export interface Ending {
  exit: WorkerExit
  reason: ExitReason
  /** We killed it; else it ended by itself, or was asked to. */
  killed: boolean
  lastLines: readonly string[]
  /** The last forced stop was for a caller who had left, not for a deadline. */
  wasCancelled: boolean
  /** A suspect ran alone, for the second time. */
  wasPoison: boolean
  /** It had failed its canary. */
  wasDoubted: boolean
  /** Ended for the sake of the machine's memory. */
  wasGivenUp: boolean
}

/** Did the process end for want of memory: because the heap of its main thread was full, or by the kernel? */
export function isOutOfMemory({ signal, outOfMemory }: WorkerExit, lastLines: readonly string[]): boolean {
  return outOfMemory === true || (signal === 'SIGABRT' && FULL_HEAP.test(lastLines.join('\n')))
}

/** What ended it, finer than the reason of its restart. */
export function causeOf({ exit, reason, killed, lastLines, wasCancelled, wasPoison, wasDoubted, wasGivenUp }: Ending): ExitCause {
  if (wasGivenUp) return 'machine'
  if (wasPoison) return 'poison'
  if (reason === 'rss' || reason === 'hang' || reason === 'oom') return reason
  if (reason === 'timeout') return wasCancelled ? 'cancelled' : 'deadline'
  if (reason === 'setup' && killed) return 'setup'
  // Of those that were asked to leave, some crash on their way out.
  if (reason === 'stop' || reason === 'recycle') {
    if (!killed && !OBEDIENT_SIGNALS.includes(exit.signal)) return 'signal'
    return reason === 'recycle' && wasDoubted ? 'canary' : reason
  }
  if (isOutOfMemory(exit, lastLines)) return 'oom'
  return exit.signal === null ? 'code' : 'signal'
}

/** The same of a thread. A caller who left and a deadline count alike. */
export function reasonOfDeath(death: ThreadDeath): RestartReason {
  return death === 'cancel' ? 'timeout' : death
}

const CAUSE_OF_DEATH = { crash: 'code', oom: 'oom', timeout: 'deadline', cancel: 'cancelled' } as const satisfies Record<ThreadDeath, ExitCause>

/** The same of a thread: one that crashed has ended by itself, be it for what nobody caught. @param wasPoison As for a process. */
export function causeOfDeath(death: ThreadDeath, wasPoison: boolean): ExitCause {
  return death === 'crash' && wasPoison ? 'poison' : CAUSE_OF_DEATH[death]
}

/** What its process wrote last, and what the thread threw. */
export function lastWordsOf({ error }: ThreadExit, lastLines: readonly string[]): string[] {
  const thrown = error === undefined ? [] : error.split('\n').map((line) => line.slice(0, KEPT_CHARACTERS))
  return [...lastLines, ...thrown].slice(-KEPT_LINES)
}

/** A duration as it is told: to the ms. */
export function inSeconds(ms: number): number {
  return Math.round(ms) / 1000
}

/** What the predictions that ran there are told. */
export function deathBy(reason: ExitReason): Loss['death'] {
  return reason === 'recycle' || reason === 'setup' ? 'stop' : reason
}

/** In words: the reason, and how the operating system tells it. */
export function describeExit({ reason, signal, code }: ExitRecord): string {
  return `${reason} (${signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`})`
}

/** The latest exits of one model's workers, oldest first. */
export class ExitRecords {
  readonly #records: ExitRecord[] = []

  add(record: ExitRecord): void {
    this.#records.push(record)
    if (this.#records.length > KEPT) this.#records.shift()
  }

  list(): ExitRecord[] {
    return [...this.#records]
  }
}
