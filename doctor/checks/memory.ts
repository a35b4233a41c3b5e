/** Resident memory of the front and the workers: how much, of how much, and how fast it grows. */
import { ask, bodyOf } from '../ask.ts'
import type { Finding } from '../finding.ts'
import { type HostStatus, statusSchema } from '../host-says.ts'
import { rssBytesOf } from '../proc.ts'
import type { Target } from '../settings.ts'
import { inMemory, inTime } from '../words.ts'

/** The host replaces a worker from about here on. */
const NEAR_SHARE = 0.85
/** A cap that is this near in time will be reached while someone looks. */
const SOON_SECONDS = 600
/** Growth within a few seconds is mostly work that is under way; only this much, of what is large already, is worth a word. */
const FAST_BYTES_PER_SECOND = 2 * 1024 * 1024
const LARGE_SHARE = 0.5
const LARGE_FRONT_BYTES = 1024 * 1024 * 1024
const MOST_SAMPLES = 8

/** What was seen of one process. */
export interface MemoryFacts {
  who: string
  isFront: boolean
  rssBytes: number
  /** 0: there is none. */
  limitBytes: number
  /** Seen here, over the time of looking; null when there was but one sample. */
  growth: { bytes: number; seconds: number } | null
  /** The host's own, over about two minutes. */
  hostBytesPerSecond: number | null
}

/** Watches for some seconds. */
export async function lookAtMemory(target: Target, frontPid: number | null, seconds: number): Promise<MemoryFacts[]> {
  const samples: { at: number; status: HostStatus; frontBytes: number | null }[] = []
  const pauseMs = (seconds * 1000) / (MOST_SAMPLES - 1)
  for (let taken = 0; taken < (seconds > 0 ? MOST_SAMPLES : 1); taken++) {
    if (taken > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    const status = bodyOf(await ask(target, '/status'), statusSchema)
    if (status !== null) samples.push({ at: performance.now(), status, frontBytes: frontPid === null ? null : rssBytesOf(frontPid) })
  }
  const series = new Map<string, { at: number; facts: MemoryFacts }[]>()
  for (const { at, status, frontBytes } of samples) {
    for (const [id, facts] of processesIn(status, frontBytes)) series.set(id, [...(series.get(id) ?? []), { at, facts }])
  }
  return [...series.values()].flatMap(withGrowth)
}

function processesIn({ models }: HostStatus, frontBytes: number | null): [id: string, facts: MemoryFacts][] {
  const front: MemoryFacts = { who: 'the front', isFront: true, rssBytes: frontBytes ?? 0, limitBytes: 0, growth: null, hostBytesPerSecond: null }
  const workers = models.flatMap(({ name, replicas }) => replicas.flatMap(({ worker, pid, rssBytes, rssLimitBytes, rssSlopeBytesPerMinute }): [string, MemoryFacts][] => (
    pid == null || rssBytes === 0 ? [] : [[String(pid), {
      who: `${name}, worker ${worker}`, isFront: false, rssBytes, limitBytes: rssLimitBytes, growth: null,
      hostBytesPerSecond: rssSlopeBytesPerMinute == null ? null : rssSlopeBytesPerMinute / 60,
    }]]
  )))
  return [...(frontBytes === null ? [] : [['front', front] as [string, MemoryFacts]]), ...workers]
}

function withGrowth(series: { at: number; facts: MemoryFacts }[]): MemoryFacts[] {
  const [first, last] = [series[0], series.at(-1)]
  if (first === undefined || last === undefined) return []
  const seconds = (last.at - first.at) / 1000
  return [{ ...last.facts, growth: seconds === 0 ? null : { bytes: last.facts.rssBytes - first.facts.rssBytes, seconds } }]
}

export function judgeMemory(processes: readonly MemoryFacts[]): Finding[] {
  return processes.map((facts) => (facts.isFront ? judgeFront(facts) : judgeWorker(facts)))
}

function judgeWorker(facts: MemoryFacts): Finding {
  const { rssBytes, limitBytes, hostBytesPerSecond } = facts
  const text = wordsFor(facts)
  const share = limitBytes === 0 ? 0 : rssBytes / limitBytes
  const advice = 'look for what the model keeps between predictions, or raise its rssMb; the host replaces it before the limit, without a failed request'
  if (share >= NEAR_SHARE) return { check: 'memory', level: 'warning', cause: 'memory of a worker', text, advice }
  const soon = hostBytesPerSecond !== null && hostBytesPerSecond > 0 && limitBytes > 0 ? (limitBytes - rssBytes) / hostBytesPerSecond : Infinity
  if (soon < SOON_SECONDS) return { check: 'memory', level: 'warning', cause: 'memory of a worker', text: `${text}: the limit is ${inTime(soon)} away`, advice }
  if (share >= LARGE_SHARE && growsFast(facts)) return { check: 'memory', level: 'warning', cause: 'memory of a worker', text, advice }
  return { check: 'memory', level: 'ok', text }
}

function judgeFront(facts: MemoryFacts): Finding {
  const text = wordsFor(facts)
  if (facts.rssBytes < LARGE_FRONT_BYTES && !(growsFast(facts) && facts.rssBytes > LARGE_FRONT_BYTES / 2)) return { check: 'memory', level: 'ok', text }
  return { check: 'memory', level: 'warning', cause: 'memory of the machine', text, advice: 'large outputs, slow readers or a log that nobody reads are kept here; `npx pm2 reload footlights` starts it anew' }
}

function growsFast({ growth }: MemoryFacts): boolean {
  return growth !== null && growth.bytes > FAST_BYTES_PER_SECOND * growth.seconds
}

function wordsFor({ who, rssBytes, limitBytes, growth, hostBytesPerSecond }: MemoryFacts): string {
  const of = limitBytes === 0 ? '' : ` of ${inMemory(limitBytes)}`
  // A few seconds are no minute: the garbage of one collection would look like a leak.
  const seen = growth === null ? '' : `, ${change(growth.bytes)} within ${inTime(growth.seconds)}`
  const slope = hostBytesPerSecond === null ? '' : `, over the last minutes ${change(hostBytesPerSecond * 60)} a minute`
  return `${who}: ${inMemory(rssBytes)}${of}${seen}${slope}`
}

function change(bytes: number): string {
  return `${bytes < 0 ? '−' : '+'}${inMemory(Math.abs(bytes))}`
}
