/** What the machine allows the host: descriptors, memory, room on the disk, time. */
import { ask } from '../ask.ts'
import type { Finding } from '../finding.ts'
import type { HostStatus } from '../host-says.ts'
import { type Bounds, boundsOf, type Descriptors, descriptorsOf, type TimeWait, timeWait } from '../proc.ts'
import type { Target } from '../settings.ts'
import { inMemory, inTime } from '../words.ts'
import { type FolderFacts, judgeFolder, lookAtFolder } from './state-folder.ts'

const MEBIBYTE = 1024 * 1024
const FEW_DESCRIPTORS_SHARE = 0.8
const NO_DESCRIPTORS_SHARE = 0.95
/** Each caller and each held file takes one; a proxy alone opens hundreds. */
const SMALL_DESCRIPTOR_LIMIT = 1_024
const LOW_MEMORY_BYTES = 256 * MEBIBYTE
const NO_MEMORY_BYTES = 64 * MEBIBYTE
const SLOW_LOOP_SECONDS = 0.3

export interface MachineFacts {
  descriptors: Descriptors | null
  bounds: Bounds | null
  /** As the host says it itself; null when it does not. */
  told: HostStatus['memory']
  timeWait: TimeWait | null
  /** Of the front's event loop, the 99th percentile since someone last looked. */
  loopSeconds: number | null
  folder: FolderFacts | null
}

/** @param frontPid Null: only what needs no process of the host. @param status Of a host that can be asked. */
export async function lookAtMachine(target: Target, frontPid: number | null, status: HostStatus | null): Promise<MachineFacts> {
  const metrics = status !== null ? await ask(target, '/metrics', { headers: { accept: 'text/plain' } }) : null
  const text = metrics?.kind === 'answer' ? metrics.body : ''
  const [open, limit] = [metricIn(text, 'process_open_fds'), metricIn(text, 'process_max_fds')]
  const counted = open === null || limit === null ? null : { open, limit }
  return {
    descriptors: (frontPid === null ? null : descriptorsOf(frontPid)) ?? counted,
    told: status?.memory ?? null,
    bounds: target.isLocal ? boundsOf(frontPid ?? process.pid) : null,
    timeWait: target.isLocal ? timeWait() : null,
    loopSeconds: metricIn(text, 'nodejs_eventloop_lag_p99_seconds'),
    folder: target.isLocal ? await lookAtFolder(target.stateDir) : null,
  }
}

/** The value of a series without labels. */
export function metricIn(text: string, name: string): number | null {
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  return value === undefined || !Number.isFinite(Number(value)) ? null : Number(value)
}

export function judgeMachine(facts: MachineFacts): Finding[] {
  return [...judgeDescriptors(facts), ...judgeMemory(facts), ...judgeGroup(facts), ...(facts.folder === null ? [] : [judgeFolder(facts.folder)]), ...judgeSockets(facts), ...judgeLoop(facts)]
}

function judgeDescriptors({ descriptors }: MachineFacts): Finding[] {
  if (descriptors === null) return []
  const { open, limit } = descriptors
  const text = `the front has ${open} of ${limit === Infinity ? 'any number of' : limit} file descriptors open`
  const advice = 'raise the limit where the host is started (`ulimit -n 65536`, LimitNOFILE= of systemd), and look who opens so many connections'
  if (open > limit * NO_DESCRIPTORS_SHARE) return [{ check: 'machine', level: 'wrong', cause: 'descriptors', text, advice }]
  if (open > limit * FEW_DESCRIPTORS_SHARE) return [{ check: 'machine', level: 'warning', cause: 'descriptors', text, advice }]
  if (limit <= SMALL_DESCRIPTOR_LIMIT) return [{ check: 'machine', level: 'warning', text: `${text}, which is soon used up behind a proxy`, advice }]
  return [{ check: 'machine', level: 'ok', text }]
}

function judgeMemory({ bounds, told }: MachineFacts): Finding[] {
  const memory = told ?? bounds?.memory ?? null
  if (memory === null) return []
  const { availableBytes, limitBytes } = memory
  const text = `${inMemory(availableBytes)} of ${inMemory(limitBytes)} of memory are available`
  const advice = 'fewer replicas or models, smaller limits, idleSeconds for what is seldom asked, or a larger machine or container'
  if (availableBytes < NO_MEMORY_BYTES) return [{ check: 'machine', level: 'wrong', cause: 'memory of the machine', text, advice }]
  if (told?.short === true) {
    return [{ check: 'machine', level: 'warning', cause: 'memory of the machine', text: `${text}: the host holds that to be short (minFreeMb), and sends models to sleep`, advice: `${advice}; a smaller minFreeMb, if less may stay free` }]
  }
  if (availableBytes < LOW_MEMORY_BYTES) return [{ check: 'machine', level: 'warning', cause: 'memory of the machine', text, advice }]
  return [{ check: 'machine', level: 'ok', text }]
}

function judgeGroup({ bounds }: MachineFacts): Finding[] {
  const { oomKills, cpus } = bounds ?? { oomKills: null, cpus: null }
  const findings: Finding[] = []
  if (oomKills !== null && oomKills > 0) {
    findings.push({ check: 'machine', level: 'warning', cause: 'memory of the machine', text: `the kernel has ended ${oomKills === 1 ? 'a process' : `${oomKills} processes`} of the container for want of memory`, advice: 'raise the container’s limit, or lower rssMb and replicas' })
  }
  if (cpus !== null && cpus < 1) findings.push({ check: 'machine', level: 'warning', text: `the container may use ${cpus} of a core`, advice: 'give it one at least: the front and the workers share it' })
  return findings
}

function judgeSockets({ timeWait: sockets }: MachineFacts): Finding[] {
  if (sockets === null || sockets.waiting < sockets.ports * FEW_DESCRIPTORS_SHARE) return []
  return [{ check: 'machine', level: 'warning', cause: 'proxy', text: `${sockets.waiting} connections wait for their end, of ${sockets.ports} ports that there are`, advice: 'let the proxy keep its connections to the host open (keep-alive in its upstream)' }]
}

function judgeLoop({ loopSeconds }: MachineFacts): Finding[] {
  if (loopSeconds === null) return []
  const text = `the front’s event loop was late by at most ${inTime(loopSeconds)} in 99 % of cases`
  if (loopSeconds < SLOW_LOOP_SECONDS) return [{ check: 'machine', level: 'ok', text }]
  return [{ check: 'machine', level: 'warning', cause: 'slow', text, advice: 'the machine has too little CPU for what it runs: fewer threads than cores, or a larger machine' }]
}
