/** Do the workers of each model start? Where they do not, or where there is no host to ask, the model is tried here. */
import { headlineOf } from '../../workers/errors.ts'
import type { Finding } from '../finding.ts'
import { hasFailedUpdate, type HostStatus, isAsleep, type ModelStatus } from '../host-says.ts'
import type { Trial } from '../trial.ts'
import { ago, count, inTime } from '../words.ts'

/** From here on restarts are worth a word. */
const MANY_RESTARTS = 3
const LINES_SHOWN = 12

export interface WorkerFacts {
  status: HostStatus
  /** Names in the folder of models; null when the folder is not known. */
  found: string[] | null
  trials: ReadonlyMap<string, Trial>
  /** Those that no worker has described yet. */
  undescribed: ReadonlySet<string>
  /** The command that replaces the workers of a model. */
  restart(model: string): string
  now: Date
}

/** Those that must be tried here: all without a host, else those that it can not serve, or not in the version on disk. */
export function namesToTry(status: HostStatus | null, found: readonly string[]): string[] {
  if (status === null) return [...found]
  const broken = status.models.filter((model) => model.state === 'unavailable' || hasFailedUpdate(model)).map(({ name }) => name)
  return found.filter((name) => broken.includes(name))
}

export function judgeWorkers(facts: WorkerFacts): Finding[] {
  const { status, found } = facts
  const findings = status.models.flatMap((model) => [judgeModel(model, facts), ...judgeUpdate(model, facts)])
  const known = status.models.map(({ name }) => name)
  const unknown = found?.filter((name) => !known.includes(name)) ?? []
  if (unknown.length > 0) {
    findings.push({ check: 'workers', level: 'warning', text: `the host does not know ${unknown.join(', ')}: it looks for folders when it starts`, advice: 'start it anew: `npx pm2 reload footlights`' })
  }
  return findings
}

/** What became of a model that was loaded here. */
export function judgeTrial(name: string, trial: Trial): Finding {
  if (trial.outcome === 'well') {
    const example = trial.exampleSeconds === null ? 'it has no example to run' : `its first example ran in ${inTime(trial.exampleSeconds)}`
    return { check: 'workers', level: 'ok', text: `${name} loads in a worker of the doctor’s own in ${inTime(trial.setupSeconds)}; ${example}` }
  }
  return {
    check: 'workers', level: 'wrong', cause: trial.step === 'example' ? 'model fails' : 'model broken',
    text: `${name} ${STEP[trial.step]}: ${headlineOf(trial.error)}${trial.place === null ? '' : ` at ${name}/${trial.place}`}`,
    advice: trial.place === null ? `mend models/${name}, or give it more time or memory with its limits` : `mend ${name}/${trial.place}; the host tries it again when its files change`,
    details: detailsOf(trial.error, trial.lastLines),
  }
}

const STEP = { load: 'can not be loaded', setup: 'does not set up', example: 'fails on its first example' } as const

function judgeModel(model: ModelStatus, facts: WorkerFacts): Finding {
  const { name, state, cause, replicas } = model
  if (isAsleep(model)) {
    const next = hasFailedUpdate(model) ? 'see the next line' : facts.undescribed.has(name) ? 'no worker has told its inputs yet, they are not known before the next request starts one' : 'the next request wakes it'
    return { check: 'workers', level: 'ok', text: `${name} sleeps${cause === 'sleeping' ? '' : ` (${cause})`}; ${next}` }
  }
  if (state === 'unavailable') return unavailable(model, facts)
  if (state !== 'ready') return { check: 'workers', level: 'warning', text: `${name} is ${state}${cause == null ? '' : ` (${cause})`}; its requests are held`, advice: 'wait, and ask again' }
  const ready = replicas.filter((replica) => replica.state === 'ready')
  const suspects = replicas.filter(({ suspect }) => suspect === true)
  if (suspects.length > 0) {
    return { check: 'workers', level: 'wrong', cause: 'worker hung', text: `${name}: worker ${suspects.map(({ worker, pid }) => `${worker} (pid ${pid})`).join(', ')} is silent`, advice: 'wait three seconds: it is replaced, what it held is run again; native code that blocks, a debugger or a stopped process are the usual causes' }
  }
  const restarts = replicas.reduce((sum, replica) => sum + replica.restarts, 0)
  const text = `${name}: ${ready.length} of ${count(replicas.length, 'worker')} ready, restarted ${restarts === 1 ? 'once' : `${restarts} times`}`
  if (ready.length < replicas.length) return { check: 'workers', level: 'warning', cause: 'crashes', text, advice: 'see its last exits below' }
  if (restarts > MANY_RESTARTS) return { check: 'workers', level: 'warning', cause: 'crashes', text, advice: 'see its last exits below' }
  return { check: 'workers', level: 'ok', text }
}

/** The old version hides a new one that would not start: until the next end of its worker all looks well. */
function judgeUpdate(model: ModelStatus, { trials, restart, now }: WorkerFacts): Finding[] {
  const { name, update } = model
  if (update == null || !hasFailedUpdate(model)) return []
  const trial = trials.get(name)
  const follows = isAsleep(model) ? 'the next request can not wake the model' : 'the old one serves on, and the next end of its worker takes the model down'
  const text = `${name}: the version on disk does not start (${update.cause ?? 'no cause is known'}; tried ${ago(update.at, now)}); ${follows}`
  if (trial?.outcome === 'well') return [{ check: 'workers', level: 'warning', cause: 'update failed', text: `${text}; here it loads now`, advice: `have it tried again: ${restart(name)}` }]
  const tried = trial === undefined ? null : judgeTrial(name, trial)
  const place = trial?.place == null ? `models/${name}` : `${name}/${trial.place}`
  return [{
    check: 'workers', level: 'warning', cause: 'update failed', text: tried === null ? text : `${text}; tried here: ${tried.text}`,
    advice: `mend ${place}, or put its earlier version back; then have it tried: ${restart(name)}`, ...(tried?.details !== undefined && { details: tried.details }),
  }]
}

function unavailable({ name, cause, retryAt, replicas }: ModelStatus, { trials, restart: restartOf, now }: WorkerFacts): Finding {
  const trial = trials.get(name)
  const isQuarantined = replicas.length > 0 && replicas.every(({ state }) => state === 'quarantined')
  const next = retryAt == null ? '' : `, next try in ${inTime(Math.max(0, (Date.parse(retryAt) - now.getTime()) / 1000))}`
  const said = `${name} is ${isQuarantined ? 'paused: it does not start' : 'not available'}${cause == null ? '' : ` (${cause})`}${next}`
  const restart = `once it is mended it is tried by itself, or at once with ${restartOf(name)}`
  if (trial === undefined) return { check: 'workers', level: 'wrong', cause: 'model broken', text: said, advice: `read the host's log for ${name}; ${restart}` }
  const tried = judgeTrial(name, trial)
  if (trial.outcome === 'well') return { check: 'workers', level: 'wrong', cause: 'model broken', text: `${said}; here it loads`, advice: `have it tried at once: ${restartOf(name)}; if it fails again, environment or memory of the host differ` }
  return { ...tried, text: `${said}; tried here: ${tried.text}`, advice: `${tried.advice}; ${restart}` }
}

function detailsOf(error: string, lastLines: readonly string[]): string[] {
  const stack = error.split('\n').filter((line) => line.trim() !== '')
  return [...stack.slice(0, LINES_SHOWN), ...lastLines.slice(-LINES_SHOWN).map((line) => `it wrote: ${line}`)]
}
