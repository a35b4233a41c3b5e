/** One model's runs as the page shows them: what happens now, the outputs so far, and what went wrong. */
import { cancel, submit } from './api.ts'
import type { ModelSpec, Problem, RunEvent, Values } from './api-types.ts'

export type Phase = 'rest' | 'sending' | 'queued' | 'held' | 'running' | 'streaming' | 'cut' | 'retrying' | 'done' | 'cancelled' | 'error'

export interface Notice {
  level: 'info' | 'warning' | 'success' | 'error'
  text: string
}

/** Tries of its own, when the host said when to come back. */
export const MOST_TRIES = 3
const RETRIED: ReadonlySet<string> = new Set(['QUEUE_FULL', 'RATE_LIMITED', 'OVERLOADED', 'DRAINING', 'NOT_READY'])
const TICK_MS = 100
const MOST_NOTICES = 20

export class Run {
  phase = $state<Phase>('rest')
  /** Of the latest run that showed any. */
  outputs = $state.raw<Values | null>(null)
  /** Of the run before. */
  previous = $state.raw<Values | null>(null)
  /** What the shown outputs were made from. */
  inputs = $state.raw<Values>({})
  /** The outputs are those of an earlier run: the new one has not answered yet. */
  isStale = $state(false)
  position = $state(0)
  etaSeconds = $state<number | null>(null)
  progress = $state<{ fraction: number; text: string } | null>(null)
  /** Share of the files that has been sent. */
  sentShare = $state(0)
  notices = $state<Notice[]>([])
  isReplayed = $state(false)
  problem = $state.raw<Problem | null>(null)
  waitSeconds = $state(0)
  runSeconds = $state(0)
  /** Try that is being waited for, from 1. */
  attempt = $state(0)
  /** Monotonic ms: now, the press of Run, the start of the model's work, the estimate's end, the next try. */
  now = $state(0)
  startedAt = $state(0)
  runningSince = $state(0)
  etaAt = $state<number | null>(null)
  retryFrom = $state(0)
  retryAt = $state(0)
  requestId = $state('')

  #controller: AbortController | null = null
  #id = ''
  #model = ''
  #ticker: ReturnType<typeof setInterval> | undefined
  #wake: (() => void) | null = null

  get isBusy(): boolean {
    return !['rest', 'done', 'cancelled', 'error'].includes(this.phase)
  }

  /** Seconds since Run was pressed, or of the whole run once it is over. */
  get elapsedSeconds(): number {
    return Math.max(0, this.now - this.startedAt) / 1_000
  }

  /** The host has the request: it goes on there, whatever becomes of the connection. */
  get isAccepted(): boolean {
    return this.#id !== ''
  }

  /** Runs until there is an answer, with tries of its own when the host says when to come back. Resolves when it is over. */
  async start(spec: ModelSpec, values: Values): Promise<void> {
    this.stop()
    const controller = new AbortController()
    this.#controller = controller
    this.#model = spec.name
    this.#begin()
    try {
      for (this.attempt = 0; ; ) {
        const again = await this.#once(spec, values, controller.signal)
        if (again === null) break
        await this.#waitForRetry(again, controller.signal)
      }
    } catch (error) {
      if (!controller.signal.aborted) throw error
    } finally {
      if (this.#controller === controller) this.#end()
    }
  }

  /** Gives up what is under way, here and at the host. */
  cancel(): void {
    if (!this.isBusy) return
    this.stop()
    this.phase = 'cancelled'
  }

  /** Leaves the run without a word; what it had shown stays. */
  stop(): void {
    if (this.#controller === null) return
    const id = this.#id
    this.#controller.abort(new DOMException('stopped', 'AbortError'))
    if (id !== '') cancel(this.#model, id)
    this.#end()
  }

  retryNow(): void {
    this.#wake?.()
  }

  clear(): void {
    this.stop()
    this.phase = 'rest'
    this.outputs = null
    this.previous = null
    this.problem = null
    this.notices = []
    this.isStale = false
    this.isReplayed = false
  }

  #begin(): void {
    this.previous = this.outputs
    this.isStale = this.outputs !== null
    this.notices = []
    this.isReplayed = false
    this.problem = null
    this.waitSeconds = 0
    this.runSeconds = 0
    this.startedAt = performance.now()
    this.#tick()
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
  }

  #end(): void {
    clearInterval(this.#ticker)
    this.#tick()
    this.#controller = null
    this.#id = ''
  }

  #tick(): void {
    this.now = performance.now()
  }

  /** One try. @returns Seconds after which the next makes sense, or null when this was the last. */
  async #once(spec: ModelSpec, values: Values, signal: AbortSignal): Promise<number | null> {
    this.phase = 'sending'
    this.sentShare = 0
    this.progress = null
    this.etaAt = null
    this.#id = ''
    for await (const event of submit(spec, values, { signal })) {
      signal.throwIfAborted()
      if (event.type === 'error' && event.retryAfterSeconds !== null && RETRIED.has(event.problem.code) && this.attempt < MOST_TRIES) {
        this.problem = event.problem
        return event.retryAfterSeconds
      }
      this.#take(event, values)
    }
    return null
  }

  async #waitForRetry(waitSeconds: number, signal: AbortSignal): Promise<void> {
    this.phase = 'retrying'
    this.attempt += 1
    this.retryFrom = performance.now()
    this.retryAt = this.retryFrom + waitSeconds * 1_000
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitSeconds * 1_000)
      const wake = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#wake = wake
      signal.addEventListener('abort', wake, { once: true })
    })
    this.#wake = null
    signal.throwIfAborted()
    this.problem = null
  }

  #take(event: RunEvent, values: Values): void {
    switch (event.type) {
      case 'sending':
        this.sentShare = event.fraction
        break
      case 'accepted':
        this.#id = event.id
        this.requestId = event.requestId
        break
      case 'queued':
        this.phase = 'queued'
        this.position = event.position
        this.#expect(event.etaSeconds)
        break
      case 'held':
        this.phase = 'held'
        this.progress = null
        this.#expect(event.etaSeconds)
        break
      case 'started':
        this.phase = 'running'
        this.runningSince = performance.now()
        this.etaAt = null
        break
      case 'replayed':
        this.isReplayed = true
        this.progress = null
        break
      case 'progress':
        this.progress = { fraction: Math.min(1, Math.max(0, event.fraction)), text: event.text }
        break
      case 'notice':
        this.notices = [...this.notices.slice(1 - MOST_NOTICES), { level: event.level, text: event.text }]
        break
      case 'output':
        this.#show(event.outputs, values)
        break
      case 'append':
        this.#append(event.output, event.text)
        break
      case 'cut':
        this.phase = 'cut'
        break
      case 'reattached':
        this.phase = this.#id === '' ? 'sending' : 'running'
        break
      case 'done':
        this.waitSeconds = event.waitSeconds
        this.runSeconds = event.runSeconds
        this.phase = 'done'
        break
      case 'error':
        this.#fail(event.problem)
        break
    }
  }

  #expect(etaSeconds: number | null): void {
    this.etaSeconds = etaSeconds
    this.etaAt = etaSeconds === null ? null : performance.now() + etaSeconds * 1_000
  }

  #show(outputs: Values, inputs: Values): void {
    this.outputs = outputs
    this.inputs = inputs
    this.isStale = false
    if (this.phase !== 'done') this.phase = 'streaming'
  }

  #append(output: string, text: string): void {
    const before = this.outputs?.[output]
    if (typeof before === 'string') this.outputs = { ...this.outputs, [output]: before + text }
    if (this.phase === 'cut' || this.phase === 'running') this.phase = 'streaming'
  }

  #fail(problem: Problem): void {
    this.#tick()
    this.problem = problem
    this.requestId = problem.requestId
    this.phase = problem.code === 'CANCELLED' ? 'cancelled' : 'error'
  }
}

