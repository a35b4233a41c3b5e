/** Who waits, how long it takes, and what became of the predictions so far. */
import type { Finding } from '../finding.ts'
import { type HostStatus, isAsleep, type ModelStatus } from '../host-says.ts'
import { ago, inTime } from '../words.ts'

const CROWDED_SHARE = 0.5
/** Of `timeoutMs`: above this some predictions will be cut off. */
const LATE_SHARE = 0.8
/** nginx and most others give up after 60 s without a byte. */
const PATIENCE_OF_PROXIES_SECONDS = 60
const FAILED_SHARE = 0.05
/** Fewer predictions than this are no statistics. */
const ENOUGH = 20

export interface QueueFacts {
  status: HostStatus
  /** By model, as far as it is known: what one prediction may take once it runs. */
  timeoutMs: ReadonlyMap<string, number>
  /** By model: what it usually takes once it runs. */
  usualSeconds: ReadonlyMap<string, number>
  /** The command that replaces the workers of a model. */
  restart(model: string): string
  now: Date
}

export function judgeQueues(facts: QueueFacts): Finding[] {
  return facts.status.models.flatMap((model) => {
    const usual = facts.usualSeconds.get(model.name)
    return [...judgeServing(model, facts), ...judgeWaiting(model), ...judgeRunning(model, usual, facts.timeoutMs.get(model.name)), ...judgeLatency(model, usual), ...judgeOutcomes(model)]
  })
}

function judgeServing({ name, serving, lastFinishedAt }: ModelStatus, { restart, now }: QueueFacts): Finding[] {
  if (serving !== false) return []
  const last = lastFinishedAt == null ? 'nothing since the host was started' : `nothing since ${ago(lastFinishedAt, now)}`
  return [{
    check: 'queue', level: 'wrong', cause: 'worker hung', text: `${name} is asked and finishes nothing: ${last}`,
    advice: `look below whether it answers its example; ${restart(name)} replaces its workers`,
  }]
}

function judgeWaiting(model: ModelStatus): Finding[] {
  const { name, queue } = model
  if (queue == null) return []
  const { depth, running, limit, held } = queue
  const text = `${name}: ${depth} waiting of at most ${limit}, ${running} running, ${held} held`
  const more = `give it more replicas or threads, or send less; callers of a longer queue wait longer than a proxy does`
  if (limit > 0 && depth >= limit) return [{ check: 'queue', level: 'wrong', cause: 'queue full', text: `${text}: new requests hear 429`, advice: more }]
  if (held > 0) return [{ check: 'queue', level: 'warning', cause: 'queue full', text: `${text}: they wait for a worker to be ready`, advice: 'see the lines about workers' }]
  if (depth > limit * CROWDED_SHARE) return [{ check: 'queue', level: 'warning', cause: 'queue full', text, advice: more }]
  return isAsleep(model) ? [] : [{ check: 'queue', level: 'ok', text }]
}

/** `timeoutMs` bounds the run alone. */
function judgeRunning({ name }: ModelStatus, usual: number | undefined, timeoutMs: number | undefined): Finding[] {
  if (usual === undefined || timeoutMs === undefined) return []
  const text = `${name}: a prediction usually runs for ${inTime(usual)}, at most ${inTime(timeoutMs / 1000)} are allowed`
  if (usual * 1000 < timeoutMs * LATE_SHARE) return [{ check: 'queue', level: 'ok', text }]
  return [{ check: 'queue', level: 'warning', cause: 'slow', text, advice: 'raise its timeoutMs, and the proxy’s read time-out above that, or make it faster' }]
}

/** From arrival to the end, as a caller has it, and the proxy between. */
function judgeLatency({ name, latency }: ModelStatus, usual: number | undefined): Finding[] {
  const [p50, p95] = [latency?.p50, latency?.p95]
  if (p50 == null || p95 == null) return []
  const text = `${name}: half of the callers had their answer within ${inTime(p50)}, 95 % within ${inTime(p95)}, waiting included`
  if (p95 < PATIENCE_OF_PROXIES_SECONDS * LATE_SHARE) return [{ check: 'queue', level: 'ok', text }]
  const isWaiting = usual !== undefined && usual < p95 / 2
  const advice = isWaiting ? 'most of it is waiting: more replicas or threads, or a smaller queueSize, so that callers hear 429 instead' : 'set the proxy’s read time-out above it, or stream what there is so far'
  return [{ check: 'queue', level: 'warning', cause: isWaiting ? 'queue full' : 'slow', text: `${text}: a proxy that gives up after ${PATIENCE_OF_PROXIES_SECONDS} s cuts some off`, advice }]
}

function judgeOutcomes({ name, outcomes }: ModelStatus): Finding[] {
  const total = Object.values(outcomes ?? {}).reduce((sum, number) => sum + number, 0)
  if (outcomes == null || total < ENOUGH) return []
  const share = (outcome: string): number => (outcomes[outcome] ?? 0) / total
  const shares = Object.entries(outcomes).filter(([, number]) => number > 0).map(([outcome, number]) => `${number} ${outcome}`).join(', ')
  const text = `${name}: of ${total} predictions ${shares}`
  if (share('failed') > FAILED_SHARE) return [{ check: 'queue', level: 'warning', cause: 'model fails', text, advice: 'the log has the author’s error of each under its request id' }]
  if (share('lost') > 0.01) return [{ check: 'queue', level: 'warning', cause: 'crashes', text, advice: 'see the last exits above' }]
  if (share('timeout') > FAILED_SHARE) return [{ check: 'queue', level: 'warning', cause: 'slow', text, advice: 'raise timeoutMs or give it more replicas' }]
  if (share('rejected') > FAILED_SHARE) return [{ check: 'queue', level: 'warning', cause: 'queue full', text, advice: 'more was asked than it can do: more replicas or threads' }]
  return [{ check: 'queue', level: 'ok', text }]
}
