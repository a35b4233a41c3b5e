/** The seams of supervision without processes and without time: a clock that stands still until told, and workers that say what a test makes them say. */
import type { Clock, FromWorker, Limits, Loss, ModelSpec, PredictionFact, PredictionSink, SpawnWorker, ToWorker, Values, WorkerEvents, WorkerExit, WorkerHandle } from '../../workers/contract.ts'
import type { WireError } from '../../workers/errors.ts'
import type { ReadableItem } from '../../workers/thread-contract.ts'

export class FakeClock implements Clock {
  #now = 1_000
  #timers: { at: number; callback: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Runs what falls due, in order, and lets promises settle in between. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      await settled()
    }
    this.#now = until
    await settled()
  }

  /** Our own loop was blocked: time has passed and nothing ran. */
  jump(ms: number): void {
    this.#now += ms
  }
}

/** All promises that could settle have. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export class FakeWorker implements WorkerHandle {
  readonly pid: number
  readonly worker: number
  readonly sent: ToWorker[] = []
  /** Says at once that it begins with a suspect, as a living one does. */
  takes = true
  killed = false
  exited = false
  unsent = 0
  lines: string[] = []
  readonly #events: WorkerEvents

  constructor(pid: number, worker: number, events: WorkerEvents) {
    this.pid = pid
    this.worker = worker
    this.#events = events
  }

  send(message: ToWorker): void {
    this.sent.push(message)
    if (message.type === 'predict' && message.alone === true && this.takes) this.say(...message.items.map(({ id }) => ({ type: 'taken' as const, id })))
  }

  unsentBytes(): number {
    return this.unsent
  }

  isStalled(): boolean {
    return false
  }

  kill(): void {
    this.killed = true
  }

  lastLines(): string[] {
    return this.lines
  }

  droppedBytes(): number {
    return 0
  }

  say(...messages: FromWorker[]): void {
    for (const message of messages) this.#events.message(message)
  }

  /** Through its whole start. */
  becomeReady(spec: ModelSpec = specOf({})): void {
    this.say({ type: 'described', spec }, { type: 'ready', setupMs: 1 })
  }

  exit(exit: Partial<WorkerExit> = {}): void {
    this.exited = true
    this.#events.exit({ code: null, signal: this.killed ? 'SIGKILL' : 'SIGSEGV', ...exit })
  }

  /** What it was told of this kind, oldest first. */
  told<Type extends ToWorker['type']>(type: Type): Extract<ToWorker, { type: Type }>[] {
    return this.sent.filter((message): message is Extract<ToWorker, { type: Type }> => message.type === type)
  }

  /** Ids of the predictions that it was given. */
  get given(): number[] {
    return this.told('predict').flatMap(({ items }) => items.map(({ id }) => id))
  }
}

export class FakeWorkers {
  readonly all: FakeWorker[] = []

  readonly spawn: SpawnWorker = (_model, worker, events) => {
    const fake = new FakeWorker(10_000 + this.all.length, worker, events)
    this.all.push(fake)
    return fake
  }

  /** The one spawned last. */
  get last(): FakeWorker {
    return this.at(-1)
  }

  at(index: number): FakeWorker {
    const found = this.all.at(index)
    if (found === undefined) throw new Error(`no worker ${index} was spawned`)
    return found
  }

  get living(): FakeWorker[] {
    return this.all.filter(({ exited }) => !exited)
  }
}

/** Writes down what a prediction's sink hears. */
export class RecordingSink implements PredictionSink {
  readonly facts: PredictionFact[] = []
  readonly heard: string[] = []
  outputs: Values | undefined
  error: WireError | undefined
  loss: Loss | undefined
  readonly #waiters: (() => void)[] = []

  fact(fact: PredictionFact): void {
    this.facts.push(fact)
    this.#wake()
  }

  done(outputs: Values | undefined): void {
    this.outputs = outputs
    this.#hear('done')
  }

  failed(error: WireError): void {
    this.error = error
    this.#hear('failed')
  }

  lost(loss: Loss): void {
    this.loss = loss
    this.#hear('lost')
  }

  returned(): void {
    this.#hear('returned')
  }

  released(): void {
    this.#hear('released')
  }

  /** Resolves when `condition` holds after something was heard. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  async ended(): Promise<void> {
    await this.until(() => this.heard.includes('released'))
  }

  #hear(what: string): void {
    this.heard.push(what)
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }
}

export const LIMITS: Readonly<Limits> = Object.freeze({
  setupMs: 10_000, timeoutMs: 60_000, holdMs: 15_000, reattachMs: 10_000, heapMb: 64, rssMb: 1_000, replicas: 1, threads: 1, concurrency: 1, queueSize: 100, maxRequests: 0,
})

export function specOf(changes: Partial<ModelSpec>): ModelSpec {
  return {
    title: '', description: '', article: '', inputs: { text: { kind: 'textbox' } }, outputs: { text: { kind: 'textbox' } }, examples: [], limits: {}, batch: null,
    replay: true, streams: false, apiName: 'predict', load: 'eager', idleSeconds: 0, canary: false, ...changes,
  }
}

export function itemOf(id: number, changes: Partial<ReadableItem> = {}): ReadableItem {
  return { id, inputs: { text: `text ${id}` }, events: true, requestId: `request-${id}`, ...changes }
}
