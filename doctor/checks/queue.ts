/** Who waits, how long it takes, and what became of the predictions so far. */
import type { Finding } from '../finding.ts'
import { type HostStatus, isAsleep, type ModelStatus } from '../host-says.ts'
import { ago, inTime } from '../words.ts'

const CROWDED_SHARE = 0.5
/** Of `timeoutMs`: above this some predictions will be cut off. */
const LATE_SHARE = 0.8
const FAILED_SHARE = 0.05
/** Fewer predictions than this are no statistics. */
const ENOUGH = 20

export interface QueueFacts {
  status: HostStatus
  /** By model, as far as it is known. */
  timeoutMs: ReadonlyMap<string, number>
  now: Date
}

export function judgeQueues({ status, timeoutMs, now }: QueueFacts): Finding[] {
  return status.models.flatMap((model) => [...judgeServing(model, now), ...judgeWaiting(model), ...judgeLatency(model, timeoutMs.get(model.name)), ...judgeOutcomes(model)])
}

function judgeServing({ name, serving, lastFinishedAt }: ModelStatus, now: Date): Finding[] {
  if (serving !== false) return []
  const last = lastFinishedAt == null ? 'nothing since the host was started' : `nothing since ${ago(lastFinishedAt, now)}`
  return [{
    check: 'queue', level: 'wrong', cause: 'worker hung', text: `${name} is asked and finishes nothing: ${last}`,
    advice: `look below whether it answers its example; \`curl -X POST …/admin/${name}/restart\` replaces its workers`,
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

function judgeLatency({ name, latency }: ModelStatus, timeoutMs: number | undefined): Finding[] {
  const [p50, p95] = [latency?.p50, latency?.p95]
  if (p50 == null || p95 == null) return []
  const bound = timeoutMs === undefined ? '' : `; at most ${inTime(timeoutMs / 1000)} are allowed`
  const text = `${name}: half of the predictions took less than ${inTime(p50)}, 95 % less than ${inTime(p95)}${bound}`
  if (timeoutMs === undefined || p95 * 1000 < timeoutMs * LATE_SHARE) return [{ check: 'queue', level: 'ok', text }]
  return [{ check: 'queue', level: 'warning', cause: 'slow', text, advice: `raise its timeoutMs, and the proxy’s read time-out above that, or make it faster` }]
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
