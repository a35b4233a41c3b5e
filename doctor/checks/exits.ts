/** How workers ended lately, and what they wrote last. */
import type { Cause, Finding } from '../finding.ts'
import { type Exit, hasFailedUpdate, type HostStatus, type ModelStatus } from '../host-says.ts'
import { ago, count, inMemory, inTime } from '../words.ts'

/** What is longer ago explains no 502 of today. */
const RECENT_SECONDS = 3_600
const LINES_SHOWN = 8
/** Ends that were wanted, for a host that does not say so itself. */
const PLANNED: ReadonlySet<string> = new Set(['stop', 'recycle'])
const KERNEL = 'read what it wrote last; a SIGKILL that nobody sent comes from the kernel, for want of memory'

const ADVICE: Record<string, string> = {
  crash: KERNEL,
  signal: KERNEL,
  code: 'it ended by itself: look for process.exit, or an error that nobody catches, in what it wrote last',
  oom: 'its JS heap was full (SIGABRT: look for what it keeps, or raise its heapMb), or the kernel had no memory left for it (SIGKILL: see the line about memory below)',
  rss: 'it used more memory than its rssMb: look for a leak outside of the JS heap, or raise rssMb',
  machine: 'the machine was short of memory and the host ended it for that, not for its own size: fewer models or replicas, idleSeconds for what is seldom asked, more memory, or a smaller minFreeMb',
  hang: 'its process stood still: native code on its main thread, a debugger, or a machine without CPU time',
  timeout: 'predictions ran longer than timeoutMs or did not heed their signal: raise timeoutMs or make them stop',
  deadline: 'predictions ran longer than timeoutMs and did not heed their signal: raise timeoutMs or make them stop',
  cancelled: 'its caller left and it did not heed its signal, within native code that can not be ended alone',
  poison: 'one input ends it each time; it is refused for ten minutes, the log names its request id',
  canary: 'it failed its first example while others served: see the lines about predictions',
  setup: 'it did not start: see the lines about workers',
}
/** Where it is another than of a process. */
const THREAD_ADVICE: Record<string, string> = {
  oom: 'the JS heap of one thread was full: look for what it keeps, or raise its heapMb',
  cancelled: 'its caller left and it did not heed its signal: make it stop',
}

export function judgeExits({ models }: HostStatus, now: Date): Finding[] {
  const findings = models.flatMap((model) => judgeModel(model, now))
  return findings.length > 0 ? findings : [{ check: 'exits', level: 'ok', text: 'no worker ended unexpectedly within the last hour' }]
}

function judgeModel(model: ModelStatus, now: Date): Finding[] {
  const recent = exitsOf(model).filter((exit) => !isPlanned(exit) && now.getTime() - Date.parse(exit.at) < RECENT_SECONDS * 1000)
  const last = recent.at(-1)
  if (last === undefined) return []
  const causes = Map.groupBy(recent, whatEnded)
  const counted = [...causes].map(([cause, exits]) => `${exits.length} × ${cause}`).join(', ')
  const lines = (last.lastLines ?? model.lastLines ?? []).slice(-LINES_SHOWN)
  return [{
    check: 'exits', level: 'warning', cause: kindOf(last),
    text: `${model.name}: ${count(recent.length, 'exit')} within the last hour (${counted}); the last ${ago(last.at, now)}: ${wordsFor(last)}`,
    advice: adviceFor(last, model),
    ...(lines.length > 0 && { details: lines }),
  }]
}

function kindOf(exit: Exit): Cause {
  return causeOf(exit) === 'machine' ? 'memory of the machine' : 'crashes'
}

function adviceFor(exit: Exit, model: ModelStatus): string {
  const cause = causeOf(exit)
  if (cause === 'setup' && hasFailedUpdate(model)) return `the version on disk does not start: see the line above about the update of ${model.name}`
  return (isThread(exit) ? THREAD_ADVICE[cause] : undefined) ?? ADVICE[cause] ?? 'read the host’s log of that time'
}

/** The whole record when the host gives it, else the last exit of each worker; the newest last. */
function exitsOf({ exits, replicas }: ModelStatus): Exit[] {
  const known = exits ?? replicas.flatMap(({ lastExit }) => (lastExit == null ? [] : [lastExit]))
  return known.toSorted((a, b) => a.at.localeCompare(b.at))
}

function isPlanned({ planned, reason }: Exit): boolean {
  return planned ?? PLANNED.has(reason)
}

function causeOf({ cause, reason }: Exit): string {
  return cause ?? reason
}

/** Older hosts record processes only. */
function isThread({ thread }: Exit): boolean {
  return thread != null && thread !== false
}

function whatEnded(exit: Exit): string {
  return isThread(exit) ? `${causeOf(exit)} of a thread` : causeOf(exit)
}

function wordsFor(exit: Exit): string {
  const { signal, code, uptimeSeconds, rssBytes } = exit
  const how = isThread(exit) ? 'its process lives on' : signal == null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`
  const after = uptimeSeconds == null ? '' : ` after ${inTime(uptimeSeconds)}`
  return `${whatEnded(exit)}, ${how}${after}${rssBytes == null || rssBytes === 0 ? '' : ` with ${inMemory(rssBytes)}`}`
}
