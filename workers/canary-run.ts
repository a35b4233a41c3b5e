import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ComponentSpec, hasFiles, mapOutputFiles } from './components.ts'
import type { Clock, Loss, PredictionSink, Values } from './contract.ts'
import { type AnyValues, valuesOf } from './encoded-values.ts'
import { headlineOf, type WireError } from './errors.ts'
import type { Replica } from './replica.ts'

/** The limit's timer came so much after its time: our own loop was late, and the answer may lie unread. */
const LATE_MS = 250
const SECOND_LOOK_MS = 500

export type CanaryEnd =
  | { kind: 'passed'; ms: number }
  | { kind: 'failed'; ms: number; error: string }
  /** Its worker ended under it, which is told otherwise. */
  | { kind: 'lost' }
  /** It never began. */
  | { kind: 'returned' }

export interface CanaryRunSettings {
  replica: Replica
  /** Never that of a prediction. */
  id: number
  inputs: Values
  outputs: Readonly<Record<string, ComponentSpec>>
  limitMs: number
  /** What takes too long may be ended by force: nothing else runs in its thread. */
  mayBeForced: boolean
}

/** One example on one worker. `ended` is called once, `released` when its place is free again. */
export class CanaryRun implements PredictionSink {
  readonly #settings: CanaryRunSettings
  readonly #clock: Clock
  readonly #ended: (end: CanaryEnd) => void
  #startedAt = 0
  #stopTimer: (() => void) | null = null
  #isOver = false
  isReleased = false

  constructor(settings: CanaryRunSettings, clock: Clock, ended: (end: CanaryEnd) => void) {
    this.#settings = settings
    this.#clock = clock
    this.#ended = ended
  }

  start(): void {
    const { replica, id, inputs, limitMs } = this.#settings
    this.#startedAt = this.#clock.now()
    this.#limit(limitMs, 'first')
    replica.probe({ id, inputs, events: false, requestId: `canary-${-id}` }, this)
  }

  fact(): void {}

  done(outputs: AnyValues | undefined): void {
    if (outputs !== undefined) void this.#discardFiles(valuesOf(outputs))
    this.#end({ kind: 'passed', ms: this.#ms })
  }

  failed({ cause, message }: WireError): void {
    this.#end({ kind: 'failed', ms: this.#ms, error: headlineOf(cause ?? message) })
  }

  lost(_loss: Loss): void {
    this.#end({ kind: 'lost' })
  }

  returned(): void {
    this.#end({ kind: 'returned' })
  }

  released(): void {
    this.isReleased = true
  }

  get #ms(): number {
    return this.#clock.now() - this.#startedAt
  }

  #limit(ms: number, look: 'first' | 'second'): void {
    const dueAt = this.#clock.now() + ms
    this.#stopTimer = this.#clock.after(ms, () => {
      if (look === 'first' && this.#clock.now() - dueAt > LATE_MS) this.#limit(SECOND_LOOK_MS, 'second')
      else this.#overdue()
    })
  }

  #overdue(): void {
    const { replica, id, limitMs, mayBeForced } = this.#settings
    this.#end({ kind: 'failed', ms: this.#ms, error: `no answer within ${limitMs / 1000} s` })
    if (mayBeForced) replica.cancel(id, 'CANCELLED')
  }

  #end(end: CanaryEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopTimer?.()
    this.#ended(end)
  }

  /** Nobody will ask for them. */
  async #discardFiles(outputs: Values): Promise<void> {
    const { outputs: specs } = this.#settings
    if (!hasFiles(specs)) return
    const folders = new Set<string>()
    for (const [name, spec] of Object.entries(specs)) {
      await mapOutputFiles(spec, outputs[name], (file) => {
        if ('path' in file) folders.add(dirname(file.path))
        return file
      })
    }
    // What stays is swept with the results of predictions.
    await Promise.allSettled([...folders].map((folder) => rm(folder, { recursive: true, force: true })))
  }
}
