import { CAUSES, type Cause, type Finding } from './finding.ts'

export interface Summary {
  /** The most likely cause of a 502, in one sentence. */
  text: string
  /** The one thing to do first. */
  first?: string
}

const SENTENCE: Record<Cause, string> = {
  packages: 'The host can not start: its packages are not installed as they must be. A proxy in front reports 502.',
  configuration: 'The host can not start: its configuration is refused. A proxy in front reports 502.',
  'stranger on the port': 'Something else answers where the host should: its answers, or its silence, are the 502.',
  'host elsewhere': 'The host is not where it was looked for: the one of this state folder runs on another port.',
  'host down': 'The host is not running: a proxy in front finds nobody and reports 502.',
  'host stopped': 'The host has been stopped (a signal, a debugger): it takes connections and never answers, until the proxy gives up.',
  'host hung': 'The host takes connections but does not answer: the proxy gives up and reports 502 or 504.',
  descriptors: 'The host runs out of file descriptors: new connections are not taken, and a proxy in front reports 502.',
  disk: 'The state folder has no room or can not be written: uploads and results fail, and a new start may.',
  'memory of the machine': 'The machine, or its container, has hardly any memory left: the kernel ends processes, the host among them.',
  draining: 'The host is stopping: it answers 503 to new work. If that lasts, something waits for predictions that do not end.',
  'model broken': 'A model does not start: its callers hear 503 until it is mended. Others are served.',
  'update failed': 'The version of a model on disk does not start: the one before serves on until its worker ends.',
  'worker hung': 'A worker does not answer, though the host does: its predictions wait until it is replaced.',
  front: 'The worker answers when it is asked directly, the same prediction through the front fails: look at the queue and at the front, not at the model.',
  'model fails': 'The model itself fails: the same input fails through the front and in the worker.',
  'queue full': 'More is asked than the workers can do: callers hear 429 or wait longer than the proxy does.',
  'memory of a worker': 'A worker grows towards its memory limit and is replaced again and again.',
  crashes: 'Workers end unexpectedly: what had begun to answer is cut off, all else is run again.',
  slow: 'Predictions take nearly as long as they may: some are cut off by a time-out, ours or the proxy’s.',
  proxy: 'The host is well, the proxy in front of it is not in step with it.',
  pm2: 'The host runs, but pm2 is set so that it is cut off or started again and again.',
}

/** Names the most fundamental thing that is wrong; where nothing is, the most fundamental warning, as no more than that. */
export function summarise(findings: readonly Finding[]): Summary {
  const worst = leading(findings, 'wrong')
  if (worst?.cause !== undefined) return summaryOf(SENTENCE[worst.cause], worst)
  const wrong = findings.find(({ level }) => level === 'wrong')
  if (wrong !== undefined) return summaryOf(`Something is wrong: ${wrong.text}.`, wrong)
  const likely = leading(findings, 'warning')
  if (likely !== undefined) return summaryOf(`Nothing is wrong at this moment. The likeliest reason of a 502 that comes and goes: ${likely.text}.`, likely)
  if (findings.some(({ level }) => level === 'unknown')) return { text: 'Nothing is wrong as far as could be seen; some things could not be looked at.' }
  return { text: 'Nothing is wrong. A 502 that was seen lately came from in front of the host, or is over: its log tells, under the request id of the answer.' }
}

function summaryOf(text: string, { advice }: Finding): Summary {
  return advice === undefined ? { text } : { text, first: advice }
}

function leading(findings: readonly Finding[], level: Finding['level']): Finding | undefined {
  const rank = ({ cause }: Finding): number => (cause === undefined ? CAUSES.length : CAUSES.indexOf(cause))
  return findings.filter((finding) => finding.level === level && finding.cause !== undefined).sort((a, b) => rank(a) - rank(b))[0]
}
