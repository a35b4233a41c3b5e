import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Drill } from './drill.ts'
import { DrillHost, type HostEnd, type HostLine, type HostSettings } from './host.ts'
import { outcomeOf, type Outcome, PacedLoad, post, type LoadSettings } from './paced-load.ts'
import { rssBytesOf } from './processes.ts'
import type { Row } from './row.ts'
import { eventually, ready, statusOf } from '../helpers/call.ts'

const CENSUS_EVERY_MS = 100
const MEGABYTE = 1024 * 1024
const BARE: ReadonlySet<string> = new Set(['reset', 'cut'])
/** The host's words when something is wrong with a worker, or shall be another. */
const DETECTED: ReadonlySet<string> = new Set(['backoff', 'quarantined', 'hung', 'suspect', 'over its memory', 'near its memory cap', 'leaks memory', 'thread replaced', 'restart', 'replacement failed'])

export interface StageSettings {
  /** Bounds in time are so many times wider: on a machine that does other work meanwhile. 1 is what the criterion says. */
  slack: number
  /** Runs the long form of a drill that has one. */
  fullLength: boolean
}

/** Where one drill takes place: its host, its load, the moment of its fault, and what it finds. */
export class Stage {
  readonly settings: StageSettings
  readonly #drill: Drill
  readonly #hosts: DrillHost[] = []
  readonly #loads: PacedLoad[] = []
  readonly #complaints: string[] = []
  readonly #notes: string[] = []
  readonly #answers: Record<string, number> = {}
  readonly #afterwards: (() => Promise<unknown>)[] = []
  readonly #startedAt = performance.now()
  readonly #census: NodeJS.Timeout
  #host: DrillHost | null = null
  #faultAt: number | null = null
  #detectMs: number | null = null
  #recoverMs: number | null = null
  #memoryBefore: number | null = null
  #memoryAfter: number | null = null
  #memoryPeak = 0
  #left = 0

  constructor(drill: Drill, settings: StageSettings) {
    this.#drill = drill
    this.settings = settings
    this.#census = setInterval(() => {
      for (const host of this.#hosts) host.census.take(host.pid)
      if (this.#faultAt !== null && this.#host !== null) this.#memoryPeak = Math.max(this.#memoryPeak, rssBytesOf(this.#host.pid))
    }, CENSUS_EVERY_MS)
  }

  /** The host that the drill is about. */
  get host(): DrillHost {
    if (this.#host === null) throw new Error('the drill has no host yet')
    return this.#host
  }

  get models(): readonly string[] {
    return this.#drill.models
  }

  /** Monotonic ms. */
  get faultAt(): number {
    if (this.#faultAt === null) throw new Error('there was no fault yet')
    return this.#faultAt
  }

  /** Starts a host with the drill's models and waits until those named in `awaited` (default: all) are ready. */
  async startHost(settings: Partial<HostSettings> = {}, awaited: readonly string[] = this.#drill.models): Promise<DrillHost> {
    const host = await DrillHost.start({ models: this.#drill.models, ...settings })
    this.adopt(host)
    for (const model of awaited) await ready(host.url, nameOf(model))
    return host
  }

  /** A host that was started otherwise; it is ended with the drill. */
  adopt(host: DrillHost): void {
    this.#hosts.push(host)
    this.#host = host
  }

  /** Holds a good load on a model until the drill ends; half a second runs before this resolves. */
  async load(settings: Omit<LoadSettings, 'url'> & { url?: string }): Promise<PacedLoad> {
    const load = new PacedLoad({ url: settings.url ?? this.host.url, ...settings })
    this.#loads.push(load)
    await pause(500)
    return load
  }

  /** Does the fault, and takes the time. */
  async inject(fault: () => unknown): Promise<void> {
    if (this.#host !== null) this.#memoryBefore = rssBytesOf(this.#host.pid)
    this.#faultAt = performance.now()
    await fault()
  }

  /** One of the fault's own requests; it is no part of the good load. */
  async ask(model: string, inputs: Record<string, unknown>, headers: Record<string, string> = {}): Promise<{ outcome: Outcome | '200'; retryAfter: string | null; tookMs: number }> {
    const askedAt = performance.now()
    const answer = await post(`${this.host.url}/${model}/predict`, inputs, { headers })
    const outcome = answer.status === 200 && typeof answer.outcome !== 'string' ? '200' : outcomeOf(answer)
    this.answered(outcome)
    return { outcome, retryAfter: answer.retryAfter, tookMs: performance.now() - askedAt }
  }

  /** Counts an answer to one of the fault's own requests. */
  answered(outcome: string): void {
    this.#answers[outcome] = (this.#answers[outcome] ?? 0) + 1
  }

  /** Waits until a worker of the model has come back and the wanted ones are all ready, and takes the time of the last. */
  async restored(model: string, workers: number): Promise<void> {
    // Right after a kill the host has not noticed yet and calls all of them ready.
    await this.host.logged((line) => isChange(line, model, 'ready'), this.faultAt)
    await eventually(() => statusOf(this.host.url, model), ({ replicas }) => replicas.length === workers && replicas.every(({ state }) => state === 'ready'), 60_000)
    const last = this.host.lines.filter((line) => line.at > this.faultAt && isChange(line, model, 'ready')).at(-1)
    if (last !== undefined) this.recoveredAt(last.at)
  }

  /** For what no line of the log tells. @param at Monotonic ms. */
  recoveredAt(at: number): void {
    this.#recoverMs = Math.max(this.#recoverMs ?? 0, at - this.faultAt)
  }

  detectedAt(at: number): void {
    this.#detectMs ??= at - this.faultAt
  }

  get detectMs(): number | null {
    if (this.#detectMs === null && this.#faultAt !== null && this.#host !== null) {
      const faultAt = this.#faultAt
      // A line of the future is one of a host whose clock was moved.
      const first = this.#host.lines.find((line) => line.at >= faultAt - 2 && line.at < performance.now() + 1_000 && line.message === 'a worker changed' && DETECTED.has(String(line.fields['what'])))
      if (first !== undefined) this.#detectMs = Math.max(0, first.at - faultAt)
    }
    return this.#detectMs
  }

  /** Stops all loads and waits for their last answers. */
  async quiet(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()))
  }

  /** Cleans up when the hosts have ended. */
  afterwards(cleanUp: () => Promise<unknown>): void {
    this.#afterwards.push(cleanUp)
  }

  /** Something of the criterion. */
  expect(holds: boolean, text: string): void {
    if (!holds) this.#complaints.push(text)
  }

  /** A bound in time of the criterion. */
  within(what: string, ms: number | null, limitMs: number): void {
    const allowedMs = limitMs * this.settings.slack
    this.expect(ms !== null && ms <= allowedMs, `${what}: ${ms === null ? 'never' : `${Math.round(ms)} ms`}, allowed ${Math.round(allowedMs)} ms`)
  }

  /** No request of the good load may have failed. Call after `quiet`. */
  expectNoneFailed(): void {
    const failed = this.#loads.flatMap((load) => load.failed())
    this.expect(failed.length === 0, `${failed.length} good requests failed: ${JSON.stringify(countOutcomes(failed))}`)
    this.expect(this.#loads.every(({ shots }) => shots.length > 0), 'no request was sent')
  }

  note(text: string): void {
    this.#notes.push(text)
  }

  /** The front's memory may have grown by so much at its worst since the fault. */
  expectFrontBelow(growthMb: number): void {
    const grownMb = Math.round((this.#memoryPeak - (this.#memoryBefore ?? 0)) / MEGABYTE)
    this.note(`the front grew by ${grownMb} MB at its worst`)
    this.expect(grownMb <= growthMb, `the front grew by ${grownMb} MB, allowed ${growthMb} MB`)
  }

  /** Ends a host, and counts what it left. */
  async end(host: DrillHost, signal: NodeJS.Signals = 'SIGTERM'): Promise<HostEnd> {
    const { left, ...end } = await host.stop(signal)
    this.#hosts.splice(this.#hosts.indexOf(host), 1)
    this.leftBehind(left.length)
    return end
  }

  leftBehind(processes: number): void {
    this.#left += processes
  }

  /** Stops everything. @param failure What the drill itself stumbled over. */
  async finish(failure?: unknown): Promise<Row> {
    if (failure !== undefined) this.expect(false, `the drill broke off: ${failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)}`)
    await this.quiet()
    if (this.#host !== null && this.#memoryAfter === null) this.#memoryAfter = rssBytesOf(this.#host.pid) || null
    const { detectMs } = this
    for (const host of [...this.#hosts]) {
      const { code, signal } = await this.end(host)
      this.expect(code === 0, `the host ended with ${String(code ?? signal)}: ${host.errorText.slice(0, 500)}`)
    }
    clearInterval(this.#census)
    for (const cleanUp of this.#afterwards) await cleanUp()
    this.expect(this.#left === 0, `${this.#left} processes were left behind`)
    return this.#row(detectMs)
  }

  #row(detectMs: number | null): Row {
    const shots = this.#loads.flatMap((load) => load.shots)
    const failed = shots.filter(({ outcome }) => outcome !== 'ok')
    return {
      name: this.#drill.name, fault: this.#drill.fault, criterion: this.#drill.criterion,
      sent: shots.length, succeeded: shots.length - failed.length, failed: countOutcomes(failed),
      bare502: failed.filter(({ outcome }) => BARE.has(outcome) || outcome.startsWith('502')).length,
      longestGapMs: this.#loads.length === 0 ? null : Math.max(...this.#loads.map((load) => load.longestGapMs())),
      detectMs, recoverMs: this.#recoverMs, memoryBefore: this.#memoryBefore, memoryAfter: this.#memoryAfter,
      left: this.#left, answers: this.#answers, complaints: this.#complaints, notes: this.#notes, tookMs: performance.now() - this.#startedAt,
    }
  }
}

export function isChange(line: HostLine, model: string, what: string): boolean {
  return line.message === 'a worker changed' && line.fields['model'] === model && line.fields['what'] === what
}

function nameOf(model: string): string {
  return model.startsWith('/') ? basename(model) : (model.split(':')[0] ?? model)
}

/** @throws when the signal aborts first. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return sleep(ms, undefined, signal === undefined ? {} : { signal })
}

function countOutcomes(shots: readonly { outcome: Outcome }[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcome } of shots) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
