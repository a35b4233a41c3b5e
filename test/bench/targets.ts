/** How each target is started, with the settings that its documentation recommends for production. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { ConfigFile } from '../../workers/config-file.ts'
import { makeSite } from '../drills/host.ts'
import { TargetProcess } from './target-process.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MAIN = fileURLToPath(new URL('../../bin/footlights.mjs', import.meta.url))
export const MODELS = fileURLToPath(new URL('models/', import.meta.url))
const CEILINGS = fileURLToPath(new URL('ceilings/', import.meta.url))
const VALIDATING = fileURLToPath(new URL('layers/validating.ts', import.meta.url))
const PEERS = fileURLToPath(new URL('peers/', import.meta.url))

/** A POST of JSON that a model takes, which shows that it is ready. */
export interface FirstQuestion {
  model: string
  inputs: Record<string, unknown>
}

const SAY_HELLO: FirstQuestion = { model: 'echo', inputs: { text: 'hello world' } }

export function startCeiling(name: 'node-http' | 'express', ask = SAY_HELLO): Promise<TargetProcess> {
  return TargetProcess.start((port) => ({ command: process.execPath, args: [join(CEILINGS, `${name}.ts`), String(port)], answers: (url) => isAnswered(url, ask) }))
}

/** Express with the host's reading and checking of inputs. */
export function startValidating(): Promise<TargetProcess> {
  return TargetProcess.start((port) => ({ command: process.execPath, args: [VALIDATING, String(port)], answers: (url) => isAnswered(url, SAY_HELLO) }))
}

/**
 * `npm start`, as a person starts it.
 *
 * @param folder For its models, its state and what Node keeps compiled; a new one makes the very first start. Stays.
 */
export function startByNpm(folder: string): Promise<TargetProcess> {
  return TargetProcess.start((port) => ({
    command: 'npm', args: ['start', '--silent'], cwd: ROOT,
    env: { PORT: String(port), FOOTLIGHTS_MODELS: join(folder, 'models'), FOOTLIGHTS_STATE: join(folder, 'state'), NODE_COMPILE_CACHE: join(folder, 'compiled') },
    answers: (url) => isAnswered(url, SAY_HELLO),
  }))
}

export interface FootlightsSettings {
  /** Folders of test/bench/models; `<name>:<folder>` serves one under another name. Default: echo. */
  models?: readonly string[]
  config?: ConfigFile
  execArgv?: readonly string[]
  env?: NodeJS.ProcessEnv
  /** Default: the first model, with a text. */
  ask?: FirstQuestion
}

/** The real host, as `npm start` runs it: its log is written, to where nobody reads it. */
export async function startFootlights({ models = ['echo'], config = {}, execArgv = [], env = {}, ask }: FootlightsSettings = {}): Promise<TargetProcess> {
  const named = models.map((model) => (model.includes(':') ? model : `${model}:${model}`).split(':'))
  const { folder, modelsDir } = await makeSite(named.map(([name, source = '']) => `${name}:${join(MODELS, source)}`))
  const configFile = join(folder, 'footlights.config.mjs')
  await writeFile(configFile, `export default ${JSON.stringify({ drainMs: 1_000, ...config })}\n`)
  const state = join(folder, 'state')
  const question = ask ?? { model: named[0]?.[0] ?? '', inputs: SAY_HELLO.inputs }
  return TargetProcess.start((port) => ({
    command: process.execPath, args: [...execArgv, MAIN], cwd: folder,
    env: { PORT: String(port), FOOTLIGHTS_MODELS: modelsDir, FOOTLIGHTS_STATE: state, FOOTLIGHTS_CONFIG: configFile, ...env },
    answers: (url) => isAnswered(url, question),
  }), () => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
}

export type PeerName = 'fastapi' | 'litserve' | 'mosec' | 'gradio'

export interface PeerSettings {
  /** The interpreter with the packages of peers/requirements.txt. */
  python: string
  ask?: FirstQuestion
  /** What mosec serves. Default: the model that is asked. LitServe serves that one, the others all that they have. */
  models?: readonly string[]
  /** Processes that work. Default 1, as Footlights has one worker. */
  processes?: number
}

export function startPeer(name: PeerName, { python, ask = SAY_HELLO, models = [ask.model], processes = 1 }: PeerSettings): Promise<TargetProcess> {
  return TargetProcess.start((port) => ({
    command: python, cwd: PEERS, args: [join(PEERS, `${name}_app.py`), ...peerArguments(name, port, ask.model, processes)],
    env: {
      PYTHONDONTWRITEBYTECODE: '1', BENCH_MODELS: models.join(','), BENCH_PROCESSES: String(processes),
      GRADIO_ANALYTICS_ENABLED: 'False', HF_HUB_OFFLINE: '1',
    },
    answers: (url) => (name === 'gradio' ? isAnsweredByGradio(url) : isAnswered(url, ask)),
  }))
}

function peerArguments(name: PeerName, port: number, model: string, processes: number): string[] {
  if (name === 'fastapi') return [String(port), String(processes)]
  if (name === 'litserve') return [String(port), model, String(processes)]
  if (name === 'gradio') return [String(port)]
  // More may wait than its default, so that 1,000 connections are no overload.
  return ['--port', String(port), '--address', '127.0.0.1', '--log-level', 'warning', '--timeout', '60000', '--capacity', '20000']
}

async function isAnswered(url: string, { model, inputs }: FirstQuestion): Promise<boolean> {
  const response = await fetch(`${url}/${model}/predict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(inputs) })
  await response.arrayBuffer()
  return response.ok
}

async function isAnsweredByGradio(url: string): Promise<boolean> {
  const called = await fetch(`${url}/gradio_api/call/echo`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data: ['hello world'] }) })
  const id = /"event_id":\s?"(\w+)"/.exec(await called.text())?.[1]
  return id !== undefined && (await (await fetch(`${url}/gradio_api/call/echo/${id}`)).text()).includes('event: complete')
}
