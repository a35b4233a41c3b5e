/** The walk: one look after the other, each judged by itself, the later ones guided by what the earlier ones saw. */
import { fileURLToPath } from 'node:url'
import { type Config, ConfigError } from '../server/config.ts'
import { judgeExits } from './checks/exits.ts'
import { type HostFacts, isDraining, judgeHost, lookAtHost } from './checks/host.ts'
import { judgeMachine, lookAtMachine } from './checks/machine.ts'
import { judgeMemory, lookAtMemory } from './checks/memory.ts'
import { judgeModels, lookAtModels, type ModelsFolder } from './checks/models.ts'
import { judgeNginx, lookAtNginx } from './checks/nginx.ts'
import { judgePm2, lookAtPm2 } from './checks/pm2.ts'
import { elsewhereOf, frontPidOf, judgePort, lookAtPort } from './checks/port.ts'
import { type Asked, judgePrediction, judgeUnasked, lookAtPrediction, lookAtSpec } from './checks/prediction.ts'
import { judgeProxy, lookAtProxy } from './checks/proxy.ts'
import { judgeQueues } from './checks/queue.ts'
import { judgeTrial, judgeWorkers, namesToTry } from './checks/workers.ts'
import { ask, bodyOf } from './ask.ts'
import type { Finding } from './finding.ts'
import { type HostStatus, isAsleep, type ListedModel, modelListSchema } from './host-says.ts'
import type { Installation } from './installation.ts'
import type { DoctorOptions } from './options.ts'
import { judgeSettings, readSettings, restartCommand, type Target, targetOf } from './settings.ts'
import { type Trial, tryModel } from './trial.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Where no model says how long it may take. */
const USUAL_LONGEST_MS = 75_000
const USUAL_DRAIN_MS = 30_000
const USUAL_BODY_MB = 16

export interface Visit {
  options: DoctorOptions
  installation: Installation
  env: NodeJS.ProcessEnv
  cwd: string
}

/** What is known from the beginning on. */
interface Case extends Visit {
  config: Config | null
  folder: ModelsFolder | null
  say(finding: Finding): void
}

/** @param say Hears each finding as soon as it is made. */
export async function examine(visit: Visit, say: (finding: Finding) => void): Promise<void> {
  const settings = await readSettings(visit.env, visit.cwd)
  const config = settings instanceof ConfigError ? null : settings
  const target = targetOf(visit.options, config, visit.env)
  // Of a host elsewhere, our own settings say nothing.
  if (visit.options.url === undefined || config !== null) sayAll(say, judgeSettings(settings, target))
  const folder = config === null ? null : await lookAtModels(config)
  if (folder !== null) sayAll(say, judgeModels(folder))
  const known: Case = { ...visit, config, folder, say }
  const asked = target === null ? [] : await examineHost(known, target)
  await examineSurroundings(known, longestOf(asked))
}

/** @returns The models that could be asked. */
async function examineHost(known: Case, target: Target): Promise<Asked[]> {
  const { say, options, installation } = known
  const port = target.isLocal ? await lookAtPort(target) : null
  if (port !== null) sayAll(say, judgePort(port))
  const frontPid = port === null ? null : frontPidOf(port)
  const host = await lookAtHost(target, { frontPid, elsewhere: port === null ? null : (elsewhereOf(port)?.url ?? null) }, installation.version)
  sayAll(say, judgeHost(host))
  // Without a host each model is all that there is to say about it, and said at once: to load them may take a while.
  const tried = await tryModels(known, target, host, (finding) => { if (host.status === null) say(finding) })
  if (host.status === null) {
    sayAll(say, judgeMachine(await lookAtMachine(target, frontPid, null)))
    return []
  }
  const asked = await examineWork(known, target, host.status, tried)
  sayAll(say, judgeMemory(await lookAtMemory(target, frontPid, options.seconds)))
  sayAll(say, judgeMachine(await lookAtMachine(target, frontPid, host.status)))
  const draining = isDraining(host)
  if (draining) say(judgeUnasked())
  else await askModels(known, target, asked, tried)
  if (options.proxy !== undefined) await examineProxy(known, target, options.proxy, draining ? [] : asked)
  return asked
}

/** What the host tells of its workers and their work. @returns The models that can be asked. */
async function examineWork({ say, options, folder }: Case, target: Target, status: HostStatus, trials: ReadonlyMap<string, Trial>): Promise<Asked[]> {
  const now = new Date()
  const restart = (model: string): string => restartCommand(target, model)
  const listed = bodyOf(await ask(target, '/models'), modelListSchema)?.models ?? []
  // A host that was given by its address may have another folder of models.
  const found = options.url === undefined ? (folder?.found.map(({ name }) => name) ?? null) : null
  const undescribed = new Set(listed.filter(isUndescribed).map(({ name }) => name))
  sayAll(say, judgeWorkers({ status, found, trials, undescribed, restart, now }))
  sayAll(say, judgeExits(status, now))
  const asked = await specsOf(target, status, options.wake)
  const usualSeconds = new Map(listed.flatMap(({ name, usualSeconds: usual }): [string, number][] => (usual == null ? [] : [[name, usual]])))
  const timeoutMs = new Map(asked.flatMap(({ model, timeoutMs: most }): [string, number][] => (most === null ? [] : [[model, most]])))
  sayAll(say, judgeQueues({ status, timeoutMs, usualSeconds, restart, now }))
  return asked
}

/** Every model has outputs. */
function isUndescribed({ inputs, outputs }: ListedModel): boolean {
  return inputs?.length === 0 && outputs?.length === 0
}

/** Only where the models' files are: on this machine, and when the host can't tell by itself. One that was given by its address and is not there may have had others. */
async function tryModels({ config, folder, env, options }: Case, target: Target, { status }: HostFacts, hear: Case['say']): Promise<Map<string, Trial>> {
  const trials = new Map<string, Trial>()
  if (config === null || folder === null || !target.isLocal || (status === null && options.url !== undefined)) return trials
  const names = namesToTry(status, folder.found.map(({ name }) => name))
  for (const model of folder.found.filter(({ name }) => names.includes(name))) {
    const trial = await tryModel(model, config, env)
    trials.set(model.name, trial)
    hear(judgeTrial(model.name, trial))
  }
  return trials
}

/** Of the models that can be asked now. One that sleeps is left alone: to describe it would wake it, or wait for someone who does. */
async function specsOf(target: Target, { models }: HostStatus, wake: boolean): Promise<Asked[]> {
  const wanted = models.filter((model) => model.state === 'ready' && (wake || !isAsleep(model)))
  return (await Promise.all(wanted.map(({ name }) => lookAtSpec(target, name)))).filter((asked) => asked !== null)
}

async function askModels({ config, folder, env, say }: Case, target: Target, asked: readonly Asked[], tried: ReadonlyMap<string, Trial>): Promise<void> {
  for (const one of asked) {
    const findings = judgePrediction(await lookAtPrediction(target, one))
    sayAll(say, findings)
    const model = folder?.found.find(({ name }) => name === one.model)
    // The host tells callers nothing of the author's error; here it can be had with its place.
    if (model === undefined || config === null || !target.isLocal || tried.has(one.model) || !findings.some(({ cause }) => cause === 'model fails')) continue
    say(judgeTrial(model.name, await tryModel(model, config, env)))
  }
}

async function examineProxy({ config, say }: Case, target: Target, proxyUrl: string, asked: readonly Asked[]): Promise<void> {
  const streaming = asked.toSorted((a, b) => Number(b.streams) - Number(a.streams))[0] ?? null
  sayAll(say, judgeProxy(await lookAtProxy({
    host: target, proxy: { url: proxyUrl, headers: {} }, asked: streaming, maxBodyMb: config?.maxBodyMb ?? USUAL_BODY_MB, longestMs: longestOf(asked),
  })))
}

/** What stands around the host on this machine: an nginx, a pm2. Not being there is nothing to speak of. */
async function examineSurroundings({ config, env, options, say }: Case, longestMs: number): Promise<void> {
  const nginx = config === null || options.url !== undefined ? null : await lookAtNginx()
  if (nginx !== null && config !== null) {
    sayAll(say, judgeNginx(nginx, { port: config.port, longestMs, maxUploadMb: config.maxUploadMb }))
  }
  const pm2 = await lookAtPm2(env, ROOT, config?.drainMs ?? USUAL_DRAIN_MS)
  if (typeof pm2 === 'string') say({ check: 'pm2', level: 'unknown', text: `a pm2 runs here and could not be asked: ${pm2}` })
  else if (pm2 !== null) sayAll(say, judgePm2(pm2))
}

function longestOf(asked: readonly Asked[]): number {
  return Math.max(USUAL_LONGEST_MS, ...asked.map(({ timeoutMs, holdMs }) => (timeoutMs ?? 0) + (holdMs ?? 0)))
}

function sayAll(say: Case['say'], findings: readonly Finding[]): void {
  for (const finding of findings) say(finding)
}
