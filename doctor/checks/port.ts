/** Who holds the host's port. */
import { findFronts, type KnownFront } from '../../server/run-state.ts'
import { CAN_FIND_PROCESSES, findPortHolders, type PortHolder } from '../../workers/ports.ts'
import type { Finding } from '../finding.ts'
import { reachable, type Target } from '../settings.ts'

export interface PortFacts {
  port: number
  holders: PortHolder[]
  /** By their run-state files in the host's state folder. */
  fronts: KnownFront[]
  stateDir: string
}

export async function lookAtPort({ port, bindHost, stateDir }: Target): Promise<PortFacts> {
  return { port, holders: await findPortHolders(port, bindHost).catch((): PortHolder[] => []), fronts: findFronts(stateDir), stateDir }
}

/** The pid of the host's front, when it can be told. Under pm2's cluster mode it is not the holder of the port. */
export function frontPidOf({ port, holders, fronts }: PortFacts): number | null {
  const ours = fronts.filter(({ isAlive, record }) => isAlive && record.port === port)
  const holder = ours.find(({ record }) => holders.some(({ pid }) => pid === record.pid))
  // While one front takes over from another, the later one is meant.
  return (holder ?? ours.sort((a, b) => b.record.startedAt.localeCompare(a.record.startedAt))[0])?.record.pid ?? null
}

/** Where a host of the same state folder is, when nobody is where it was looked for. */
export function elsewhereOf({ port, holders, fronts }: PortFacts): { pid: number; url: string } | null {
  if (holders.length > 0) return null
  const alive = fronts.find(({ isAlive, record }) => isAlive && record.port !== port && record.port !== 0)
  return alive === undefined ? null : { pid: alive.record.pid, url: `http://${reachable(alive.record.host)}:${alive.record.port}` }
}

export function judgePort(facts: PortFacts): Finding[] {
  if (!CAN_FIND_PROCESSES) return [{ check: 'port', level: 'ok', text: `who holds a port can not be found on ${process.platform}` }]
  const { port, holders, stateDir } = facts
  const holder = holders[0]
  if (holder === undefined) return [nobody(facts)]
  if (holder.pid === null) {
    return [{ check: 'port', level: 'warning', text: `port ${port} is held by a process that this user may not see`, advice: 'ask again as the user of the host, or as root' }]
  }
  const front = facts.fronts.find(({ record }) => record.pid === holder.pid)
  if (front?.isAlive === true) return [ourFront(port, front)]
  if (facts.fronts.some(({ isAlive, workers }) => !isAlive && workers.some(({ pid }) => pid === holder.pid))) {
    return [{ check: 'port', level: 'wrong', cause: 'host down', text: `port ${port} is held by a worker (pid ${holder.pid}) that outlived its host`, advice: 'start the host: it ends its orphans first' }]
  }
  const who = `pid ${holder.pid} (${holder.command ?? 'unknown command'})`
  if (frontPidOf(facts) !== null && isPm2(holder)) return [{ check: 'port', level: 'ok', text: `port ${port} is held by pm2 for the host, pid ${frontPidOf(facts)}` }]
  if (isHost(holder)) {
    return [{ check: 'port', level: 'warning', text: `port ${port} is held by a host, ${who}, whose state folder is not ${stateDir}`, advice: 'give the doctor the same FOOTLIGHTS_STATE and user as the host' }]
  }
  return [{ check: 'port', level: 'wrong', cause: 'stranger on the port', text: `port ${port} is held by a stranger: ${who}`, advice: `end it (\`kill ${holder.pid}\`, if it is yours to end) or give the host another PORT` }]
}

function nobody(facts: PortFacts): Finding {
  const text = `nobody listens on port ${facts.port}`
  const elsewhere = elsewhereOf(facts)
  if (elsewhere === null) return { check: 'port', level: 'wrong', cause: 'host down', text, advice: 'start the host: `npm start`, or `npx pm2 start ecosystem.config.js`' }
  const { pid, url } = elsewhere
  return { check: 'port', level: 'wrong', cause: 'host elsewhere', text: `${text}; a host of this state folder runs as pid ${pid} at ${url}`, advice: `look there: \`npx footlights doctor --url=${url}\`, or set PORT as that host has it` }
}

function ourFront(port: number, { record, isParentGone, workers }: KnownFront): Finding {
  const text = `port ${port} is held by the host, pid ${record.pid}, with ${workers.length} worker processes`
  if (!isParentGone) return { check: 'port', level: 'ok', text }
  return { check: 'port', level: 'warning', text: `${text}; nobody looks after it, its parent (pid ${record.parentPid}) is gone`, advice: 'start it anew with pm2 or npm start: the new one takes its place after a drain' }
}

function isPm2({ command }: PortHolder): boolean {
  return /\bPM2\b|God Daemon/.test(command ?? '')
}

function isHost({ command }: PortHolder): boolean {
  return /bin\/footlights(?:\.mjs)?(?: start)?$/.test(command ?? '')
}
