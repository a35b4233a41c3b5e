/** The words of the operator's page; apart, so that only the page that says them loads them. */
import type { ExitStatus } from './api-types.ts'
import { capital, counted, inWords, mebibytes, roughly } from './format.ts'

const EXIT_REASON: Readonly<Record<string, string>> = {
  crash: 'crash', oom: 'out of memory', rss: 'above its memory cap', hang: 'did not answer', timeout: 'ran past its limit', recycle: 'recycled', setup: 'could not start', stop: 'stopped',
}

/** Where the reason alone would not say it. */
const EXIT_CAUSE: Readonly<Record<string, string>> = {
  poison: 'an input that ends workers', deadline: 'ran past its limit', cancelled: 'did not stop when its caller left', canary: 'failed its canary', machine: 'gave way, the machine being short of memory',
}

/** Below it, memory counts as even. */
const LEAST_SLOPE_BYTES = 1_048_576

const OUTCOME: Readonly<Record<string, string>> = {
  succeeded: 'completed', cancelled: 'cancelled', rejected: 'refused input', timeout: 'too slow', lost: 'lost', failed: 'failed',
}

export const statusText = {
  title: (all: number, ready: number): string => {
    if (all === 0) return 'No models are hosted'
    if (ready === all) return all === 1 ? 'The model can take work' : `All ${inWords(all)} models can take work`
    return `${capital(inWords(ready))} of ${inWords(all)} models can take work`
  },
  loading: 'Status',
  lead: (version: string, up: string, age: number): string => `Footlights ${version}, up for ${up}. ${age < 1.5 ? 'Refreshed just now' : `Refreshed ${roughly(age)} ago`}.`,
  paused: 'Paused.',
  metrics: 'Metrics',
  pause: 'Pause',
  resume: 'Go on',
  inFlight: 'In flight',
  inLine: 'In line',
  perMinute: 'Requests a minute',
  held: 'Held for a restart',
  memory: 'Memory of all workers',
  memoryOf: (cap: string): string => `of ${cap}`,
  machineMemory: (isShort: boolean): string => (isShort ? 'Memory left, too little' : 'Memory left on the machine'),
  notAvailable: (model: string): string => `${model} is not available`,
  quarantined: (model: string): string => `${model} is quarantined`,
  isStarting: (model: string): string => `${model} is starting`,
  heldFor: (held: number): string => `${counted(held, 'request is', 'requests are')} held for it.`,
  nextTry: (time: string): string => `Next try at ${time}.`,
  startNow: 'Start now',
  restart: 'Restart',
  columns: { model: 'Model', state: 'State', ready: 'Ready', inLine: 'In line', p50: 'p50', p95: 'p95', requests: 'Requests' },
  workerColumns: { worker: 'Worker', state: 'State', memory: 'Memory, MiB', inFlight: 'In flight', restarts: 'Restarts', lastExit: 'Last exit' },
  table: 'Models and their workers',
  workersOf: (model: string): string => `Workers of ${model}`,
  show: (model: string): string => `Show the workers of ${model}`,
  hide: (model: string): string => `Hide the workers of ${model}`,
  pid: (pid: number): string => `pid ${pid}`,
  of: (part: string, whole: string): string => `${part} of ${whole}`,
  never: 'never',
  noneYet: 'none yet',
  noMemory: 'none',
  suspect: 'suspect',
  sleeping: 'Sleeping',
  exitCause: ({ cause, reason, signal, code }: ExitStatus): string => {
    const details = [EXIT_CAUSE[cause] ?? EXIT_REASON[reason] ?? reason, signal === null ? '' : `signal ${signal}`, code === null || code === 0 ? '' : `code ${code}`]
    return details.filter((detail) => detail !== '').join(', ')
  },
  slope: (bytesPerMinute: number | null): string => (Math.abs(bytesPerMinute ?? 0) < LEAST_SLOPE_BYTES ? '' : `${(bytesPerMinute ?? 0) > 0 ? '+' : '−'}${mebibytes(Math.abs(bytesPerMinute ?? 0))} a minute`),
  notServing: (model: string): string => `${model} takes work and finishes none`,
  updateFailed: (model: string): string => `${model} serves its old version`,
  newVersion: (time: string): string => `The new one did not start at ${time}:`,
  lastSuccess: (time: string): string => `Last success at ${time}.`,
  noSuccess: 'No success yet.',
  exits: (exits: number): string => counted(exits, 'unplanned end', 'unplanned ends'),
  ended: ({ worker, thread }: ExitStatus, why: string, up: string, memory: string): string => `${thread === true ? 'a thread of ' : ''}worker ${worker}: ${why}, after ${up}, with ${memory} MiB`,
  outcome: (outcome: string): string => OUTCOME[outcome] ?? outcome,
  events: 'Recent events',
  noEvents: 'Nothing has happened since the start.',
  worker: (worker: number): string => `worker ${worker}`,
  refused: 'The host did not allow it.',
  tokenNeeded: 'This host wants its operator token for that: use POST /admin/<model>/restart.',
}
