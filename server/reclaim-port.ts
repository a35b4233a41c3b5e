import type { Clock } from '../workers/contract.ts'
import { CAN_FIND_PROCESSES, commandOf, findPortHolders, isPortFree, isSameProcess, type PortHolder } from '../workers/ports.ts'
import { endProcess, findFronts, type KnownFront, type ReapOptions, reapOrphans } from './run-state.ts'

/** Long enough for a front on a busy machine: one that serves must not be taken for dead. */
const POLL_MS = 20
const KILLED_MS = 5_000
/** A process that ends has no open files any more while its socket still listens: for so long, a socket of nobody may be one of those. */
const SETTLE_MS = 500
const NOBODY_TO_SEE: PortHolder = { pid: null, command: null }

/** The port is held by a process that is not ours to end. */
export class PortHeldError extends Error {
  readonly code = 'PORT_HELD'
  readonly port: number
  readonly pid: number | null
  readonly command: string | null

  constructor(port: number, { pid, command }: PortHolder) {
    super(`port ${port} is held by ${describeHolder(pid, command)}`)
    this.name = 'PortHeldError'
    this.port = port
    this.pid = pid
    this.command = command
  }
}

function describeHolder(pid: number | null, command: string | null): string {
  if (pid !== null) return `pid ${pid} (${command ?? 'unknown command'})`
  return CAN_FIND_PROCESSES ? 'a process that this user may not see' : `another process; which one cannot be found on ${process.platform}`
}

export interface ReclaimOptions extends ReapOptions {
  stateDir: string
  /** 0 is always free. */
  port: number
  host: string
  clock: Clock
  /** How long an orphaned front has to end by itself. Default: 5,000. */
  graceMs?: number
}

/**
 * Frees the port when an orphan of an earlier run holds it. An orphan is a worker whose front is dead, or a front whose parent is gone, whether it still serves or not: it is asked to drain first;
 * each is known by its run-state file and its start time, never by the port alone. Call after `reapOrphans`; not in a cluster worker, whose port the master holds.
 *
 * @returns `reclaimed`: 1 when the port had to be freed, else 0.
 * @throws {PortHeldError} when anyone else holds the port, a front of ours that someone still looks after included. Nobody was signalled then.
 */
export async function reclaimPort(options: ReclaimOptions): Promise<{ reclaimed: number }> {
  const { port, host } = options
  if (port === 0) return { reclaimed: 0 }
  let reclaimed = 0
  let settlesAt = options.clock.now() + SETTLE_MS
  while (!(await isPortFree(port, host))) {
    const holders = await findPortHolders(port, host)
    const orphans = judge(holders, options)
    if (orphans.length > 0) {
      for (const orphan of orphans) await end(orphan, options)
      reclaimed = 1
      settlesAt = options.clock.now() + SETTLE_MS
    } else if (options.clock.now() < settlesAt) {
      await pause(options.clock, POLL_MS)
    } else {
      throw new PortHeldError(port, holders[0] ?? NOBODY_TO_SEE)
    }
  }
  return { reclaimed }
}

interface Orphan {
  kind: 'front' | 'worker'
  pid: number
  startTime: string | null
  front: number
}

/**
 * All holders as orphans; none when one of them cannot be seen (yet): then nobody is ended.
 *
 * @throws {PortHeldError} naming the first holder that is not an orphan of ours.
 */
function judge(holders: readonly PortHolder[], options: ReclaimOptions): Orphan[] {
  const fronts = findFronts(options.stateDir)
  const orphans: Orphan[] = []
  for (const holder of holders) {
    if (holder.pid === null) return []
    const orphan = orphanOf(holder.pid, fronts, orphans)
    if (orphan === null) throw new PortHeldError(options.port, holder)
    orphans.push(orphan)
  }
  return orphans
}

/** @param ending Judged already: a worker that inherited the socket of an orphaned front is an orphan with it. */
function orphanOf(pid: number, fronts: readonly KnownFront[], ending: readonly Orphan[]): Orphan | null {
  const front = fronts.find(({ record }) => record.pid === pid && isSameProcess(pid, record.startTime))
  if (front !== undefined) {
    if (!front.isParentGone) return null
    return { kind: 'front', pid, startTime: front.record.startTime, front: pid }
  }
  for (const { record, isAlive, workers } of fronts) {
    const worker = workers.find((known) => known.pid === pid)
    if (worker !== undefined && (!isAlive || ending.some((orphan) => orphan.pid === record.pid))) {
      return { kind: 'worker', pid, startTime: worker.startTime, front: record.pid }
    }
  }
  return null
}

/**
 * A front is asked first, for it may finish what it has; a worker without a front has nobody to finish for.
 *
 * @throws {PortHeldError} when it cannot be ended.
 */
async function end(orphan: Orphan, { log, kill, clock, graceMs = 5_000, stateDir, port }: ReclaimOptions): Promise<void> {
  const how = { log, kill, what: `orphaned ${orphan.kind} that held the port`, front: orphan.front }
  if (orphan.kind === 'front' && endProcess(orphan, 'SIGTERM', how)) await waitUntilGone(orphan, graceMs, clock)
  if (endProcess(orphan, 'SIGKILL', how)) await waitUntilGone(orphan, KILLED_MS, clock)
  if (isSameProcess(orphan.pid, orphan.startTime)) throw new PortHeldError(port, { pid: orphan.pid, command: commandOf(orphan.pid) })
  reapOrphans(stateDir, { log, kill })
}

/** The end of a process that is no child of ours is no event: it can only be looked for. */
async function waitUntilGone({ pid, startTime }: Orphan, withinMs: number, clock: Clock): Promise<void> {
  const deadline = clock.now() + withinMs
  while (isSameProcess(pid, startTime) && clock.now() < deadline) await pause(clock, POLL_MS)
}

/** A timer of its own keeps the process alive meanwhile, for the clock's do not. */
function pause(clock: Clock, ms: number): Promise<void> {
  const alive = setInterval(() => {}, 60_000)
  return new Promise<void>((resolve) => clock.after(ms, resolve)).finally(() => clearInterval(alive))
}
