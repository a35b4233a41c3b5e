/** Does the host answer, and what does it say of itself? */
import { type Answer, ask, asOperator, bodyOf } from '../ask.ts'
import type { Finding } from '../finding.ts'
import { type HostStatus, liveSchema, readySchema, statusSchema } from '../host-says.ts'
import { processState } from '../proc.ts'
import type { Target } from '../settings.ts'
import { inTime } from '../words.ts'

/** Slower than this, proxies and balancers begin to call a host dead. */
const SLOW_SECONDS = 1
const LIVE_WITHIN_MS = 5_000

export interface HostFacts {
  live: Answer
  ready: Answer | null
  status: HostStatus | null
  /** A letter of the kernel's, of the front's process. */
  frontState: string | null
  frontPid: number | null
  /** The address of a host of the same state folder that runs elsewhere. */
  elsewhere: string | null
  /** Of the files on the disk. */
  version: string
}

/** @param seen Of the port: the pid of the front, and where else one is. */
export async function lookAtHost(target: Target, { frontPid, elsewhere }: Pick<HostFacts, 'frontPid' | 'elsewhere'>, version: string): Promise<HostFacts> {
  const live = await ask(target, '/health/live', { withinMs: LIVE_WITHIN_MS })
  const isHost = bodyOf(live, liveSchema) !== null
  const [ready, status] = isHost ? await Promise.all([ask(target, '/health/ready'), ask(target, '/status', { headers: asOperator(target.token) })]) : [null, null]
  return {
    live, ready, version, frontPid, elsewhere,
    status: status === null ? null : bodyOf(status, statusSchema),
    frontState: frontPid === null ? null : processState(frontPid),
  }
}

/** It takes no new work any more. */
export function isDraining({ ready }: HostFacts): boolean {
  return ready !== null && bodyOf(ready, readySchema)?.reasons.some(({ state }) => state === 'draining') === true
}

export function judgeHost(facts: HostFacts): Finding[] {
  const { live } = facts
  if (live.kind === 'silence') return [silent(facts, live.code, live.why)]
  if (live.status === 421) {
    return [{ check: 'host', level: 'wrong', cause: 'configuration', text: 'it refuses the name that it was asked by (421)', advice: 'add the name to allowedHosts in footlights.config.ts' }]
  }
  if (bodyOf(live, liveSchema) === null) {
    return [{ check: 'host', level: 'wrong', cause: 'stranger on the port', text: `what answers there is not Footlights (it said ${live.status} to /health/live)`, advice: 'look at who holds the port, or at the address' }]
  }
  return [alive(live.seconds), ...judgeReady(facts), ...judgeVersion(facts)]
}

function silent({ frontState, frontPid, elsewhere }: HostFacts, code: string, why: string): Finding {
  const text = `it ${why}`
  if (frontState === 'T' || frontState === 't') {
    return { check: 'host', level: 'wrong', cause: 'host stopped', text: `${text}; its process (pid ${frontPid}) is stopped by ${frontState === 'T' ? 'a signal' : 'a debugger'}`, advice: frontState === 'T' ? `let it go on: \`kill -CONT ${frontPid}\`` : 'detach the debugger' }
  }
  if (code === 'ECONNREFUSED' && elsewhere !== null) return { check: 'host', level: 'wrong', cause: 'host elsewhere', text, advice: `look at ${elsewhere}, where one runs` }
  if (code === 'ECONNREFUSED') return { check: 'host', level: 'wrong', cause: 'host down', text, advice: 'start the host: `npm start`, or `npx pm2 start ecosystem.config.js`' }
  if (code === 'TIMEOUT') {
    const advice = frontPid === null ? 'look at what holds the port: it takes connections and says nothing' : `start it anew (\`npx pm2 restart footlights\`, or end pid ${frontPid} and start it); before that, \`kill -USR1 ${frontPid}\` lets a debugger see where it stands`
    return { check: 'host', level: 'wrong', cause: 'host hung', text, advice }
  }
  return { check: 'host', level: 'wrong', cause: 'host hung', text, advice: 'look whether the address is right, and at what stands between' }
}

function alive(seconds: number): Finding {
  const text = `it answers /health/live in ${inTime(seconds)}`
  if (seconds < SLOW_SECONDS) return { check: 'host', level: 'ok', text }
  return { check: 'host', level: 'warning', cause: 'host hung', text: `${text}, which should be some milliseconds`, advice: 'the front’s event loop, or the machine, is busy: see below for CPU and memory' }
}

function judgeReady({ ready }: HostFacts): Finding[] {
  if (ready === null) return []
  if (ready.kind === 'silence') return [{ check: 'host', level: 'wrong', cause: 'host hung', text: `asked for /health/ready it ${ready.why}`, advice: 'start it anew' }]
  const says = bodyOf(ready, readySchema)
  if (says === null) return [{ check: 'host', level: 'unknown', text: `what it says to /health/ready (${ready.status}) could not be read` }]
  if (ready.status === 200) return [{ check: 'host', level: 'ok', text: 'it says that it is ready' }]
  return says.reasons.map(({ model, state, cause, retryAt }): Finding => {
    const why = [model == null ? state : `${model} is ${state}`, cause, retryAt == null ? null : `next try ${retryAt}`].filter((part) => part != null).join(', ')
    if (state === 'draining') return { check: 'host', level: 'wrong', cause: 'draining', text: `not ready: ${why}`, advice: 'wait for its end, then start it; a second signal a second later stops it at once' }
    if (state === 'starting') return { check: 'host', level: 'warning', text: `not ready: ${why}`, advice: 'wait; requests are held meanwhile' }
    return { check: 'host', level: 'wrong', cause: 'model broken', text: `not ready: ${why}`, advice: 'see the lines about workers below' }
  })
}

function judgeVersion({ status, version }: HostFacts): Finding[] {
  if (status === null) return [{ check: 'host', level: 'unknown', text: 'its /status could not be read' }]
  const text = `version ${status.version}, up for ${inTime(status.uptimeSeconds)}`
  if (status.version === version) return [{ check: 'host', level: 'ok', text }]
  return [{ check: 'host', level: 'warning', text: `${text}; the files here are ${version}`, advice: 'start it anew to run what is installed: `npx pm2 reload footlights`' }]
}
