import type { Values } from './contract.ts'
import { grownBy } from './grown-text.ts'

/** How long yields of a growing text gather while there is no room, before the author's generator stands still. */
const GATHER_MS = 2

/** Where the outputs of one prediction go. A promise is to be waited for before the next; none means go on. */
export interface OutputSink {
  output(outputs: Values): Promise<void> | undefined
  append(output: string, text: string): Promise<void> | undefined
  /** The reader can take more now. */
  hasRoom(): boolean
  /** Resolves when it can. */
  room(): Promise<void>
}

/**
 * Tells what a generator yields: only what was appended when exactly one text grew, so that a growing text never crosses twice.
 *
 * To see that a text only grew costs as much as it is long: for each of many yields, the square of the length in all. So while the reader
 * is slower than the author, yields of a text that grows gather, and are compared and told as one.
 */
export class OutputGrowth {
  readonly #sink: OutputSink
  #told: Values | undefined
  /** The output that was last told by what was appended. */
  #growing: string | undefined
  /** The latest of those that wait for room, and when they will have been told. */
  #gathered: { latest: Values; sinceMs: number; told: Promise<void> } | undefined

  constructor(sink: OutputSink) {
    this.#sink = sink
  }

  send(outputs: Values): Promise<void> | undefined {
    const gathered = this.#gathered
    if (gathered === undefined) return this.#mustWait(outputs) ? this.#beginGathering(outputs) : this.#tell(outputs)
    if (!this.#seemsGrown(gathered.latest, outputs)) return gathered.told.then(() => this.#tell(outputs))
    gathered.latest = outputs
    return performance.now() - gathered.sinceMs < GATHER_MS ? undefined : gathered.told
  }

  /** Resolves when all is told. */
  async finish(): Promise<void> {
    await this.#gathered?.told
  }

  #mustWait(outputs: Values): boolean {
    return this.#told !== undefined && !this.#sink.hasRoom() && this.#seemsGrown(this.#told, outputs)
  }

  /** Without a look at the text. */
  #seemsGrown(before: Values, after: Values): boolean {
    const growing = this.#growing
    if (growing === undefined) return false
    for (const name of Object.keys(after)) if (name !== growing && after[name] !== before[name]) return false
    const [shorter, longer] = [before[growing], after[growing]]
    return typeof shorter === 'string' && typeof longer === 'string' && longer.length > shorter.length
  }

  #beginGathering(outputs: Values): undefined {
    const told = this.#sink.room().then(() => this.#tellGathered())
    this.#gathered = { latest: outputs, sinceMs: performance.now(), told }
  }

  #tellGathered(): Promise<void> | undefined {
    const gathered = this.#gathered
    this.#gathered = undefined
    return gathered === undefined ? undefined : this.#tell(gathered.latest)
  }

  #tell(outputs: Values): Promise<void> | undefined {
    const told = this.#told
    this.#told = outputs
    this.#growing = undefined
    if (told === undefined) return this.#sink.output(outputs)
    const changed = Object.keys(outputs).filter((name) => outputs[name] !== told[name])
    const [name] = changed
    if (name === undefined) return undefined
    const [before, after] = [told[name], outputs[name]]
    const grown = changed.length === 1 && typeof before === 'string' && typeof after === 'string' ? grownBy(before, after) : undefined
    if (grown === undefined) return this.#sink.output(outputs)
    this.#growing = name
    return this.#sink.append(name, grown)
  }
}
