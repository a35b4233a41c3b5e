/** The real host as a child process: what `npm start` runs, on a free port, with fixture models and a state folder of its own. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import type { ConfigFile } from '../../workers/config-file.ts'

const MAIN = fileURLToPath(new URL('../../bin/footlights.mjs', import.meta.url))
const FIXTURES = fileURLToPath(new URL('../fixtures/models/', import.meta.url))
const START_MS = 30_000
const STOP_MS = 20_000
const GONE_MS = 5_000
/** Of the runner, for its own children; a host must not see them. */
const RUNNER_VARIABLES = ['NODE_TEST_CONTEXT', 'NODE_CHANNEL_FD', 'PORT', 'HOST', 'FOOTLIGHTS_ADMIN_TOKEN', 'LOG_LEVEL']

export interface TestHostOptions {
  /** Names of folders under `test/fixtures/models/`, or absolute paths of model folders. */
  models: readonly string[]
  /** Of the configuration file. Default: `drainMs` of 3 s, so that no test waits for a model that never ends. */
  config?: ConfigFile
  env?: NodeJS.ProcessEnv
  /** A state folder that outlives this host. Default: a fresh one, removed at the end. */
  stateDir?: string
  /** Node's own options, e.g. `--expose-gc`. */
  execArgv?: readonly string[]
}

/** One line that the host logged. */
export type LogLine = Record<string, unknown> & { message: string }

export interface HostExit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface TestHost extends AsyncDisposable {
  /** Without a final slash. */
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly child: ChildProcess
  readonly stateDir: string
  /** All that it logged so far, oldest first. */
  readonly logs: readonly LogLine[]
  /** Resolves with the first line, past or to come, that fits. */
  logged(fits: (line: LogLine) => boolean): Promise<LogLine>
  /** Processes below the host, at any depth. Linux only; elsewhere empty. */
  children(): Promise<number[]>
  /** Ends it; checks that no process of it is left. Default SIGTERM. Repeatable. */
  stop(signal?: NodeJS.Signals): Promise<HostExit>
}

/**
 * Starts the host and resolves when it listens; its models may still be starting.
 *
 * @throws {Error} with all that it wrote when it does not come up.
 */
export async function startTestHost(options: TestHostOptions): Promise<TestHost> {
  const folder = await mkdtemp(join(tmpdir(), 'footlights-test-'))
  try {
    return await startIn(folder, options)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function startIn(folder: string, { models, config, env, stateDir = join(folder, 'state'), execArgv = [] }: TestHostOptions): Promise<TestHost> {
  const modelsDir = join(folder, 'models')
  await mkdir(modelsDir)
  for (const model of models) {
    const source = model.startsWith('/') ? model : join(FIXTURES, model)
    await symlink(source, join(modelsDir, source.split('/').at(-1) ?? model), 'junction')
  }
  const configFile = join(folder, 'footlights.config.mjs')
  await writeFile(configFile, `export default ${JSON.stringify({ drainMs: 3_000, ...config })}\n`)
  const child = spawn(process.execPath, [...execArgv, MAIN], {
    cwd: folder,
    env: { ...ownEnvironment(), PORT: '0', FOOTLIGHTS_MODELS: modelsDir, FOOTLIGHTS_STATE: stateDir, FOOTLIGHTS_CONFIG: configFile, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = new HostOutput(child)
  const url = await addressOf(child, output)
  return createHost({ child, output, url, stateDir, folder })
}

function ownEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env }
  for (const name of RUNNER_VARIABLES) delete env[name]
  return env
}

/** What the host writes, parsed. */
class HostOutput {
  readonly lines: LogLine[] = []
  readonly #raw: string[] = []
  readonly #waiting = new Set<{ fits: (line: LogLine) => boolean; resolve: (line: LogLine) => void }>()

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (text) => this.#add(text))
    }
  }

  get text(): string {
    return this.#raw.join('\n')
  }

  first(fits: (line: LogLine) => boolean): Promise<LogLine> {
    const found = this.lines.find(fits)
    if (found !== undefined) return Promise.resolve(found)
    return new Promise((resolve) => this.#waiting.add({ fits, resolve }))
  }

  #add(text: string): void {
    this.#raw.push(text)
    const line = parseLine(text)
    if (line === null) return
    this.lines.push(line)
    for (const waiter of this.#waiting) {
      if (!waiter.fits(line)) continue
      this.#waiting.delete(waiter)
      waiter.resolve(line)
    }
  }
}

function parseLine(text: string): LogLine | null {
  try {
    const line: unknown = JSON.parse(text)
    return isLogLine(line) ? line : null
  } catch {
    // A message on stderr, for a person.
    return null
  }
}

function isLogLine(line: unknown): line is LogLine {
  return typeof line === 'object' && line !== null && 'message' in line && typeof line.message === 'string'
}

async function addressOf(child: ChildProcess, output: HostOutput): Promise<string> {
  const given = new AbortController()
  const listening = output.first((line) => line.message === 'listening')
  const failed = once(child, 'close', { signal: given.signal }).then(([code]: unknown[]) => `ended with exit code ${String(code)}`, () => '')
  const late = sleep(START_MS, 'did not listen in time', { signal: given.signal, ref: false }).catch(() => '')
  const outcome = await Promise.race([listening, failed, late])
  given.abort()
  if (typeof outcome !== 'string' && typeof outcome['url'] === 'string') return outcome['url']
  child.kill('SIGKILL')
  throw new Error(`the host ${typeof outcome === 'string' ? outcome : 'named no address'}:\n${output.text}`)
}

interface Running {
  child: ChildProcess
  output: HostOutput
  url: string
  stateDir: string
  folder: string
}

function createHost({ child, output, url, stateDir, folder }: Running): TestHost {
  const { pid } = child
  if (pid === undefined) throw new Error('the host has no pid')
  let stopping: Promise<HostExit> | undefined
  const stop = (signal: NodeJS.Signals = 'SIGTERM'): Promise<HostExit> => (stopping ??= stopHost(child, pid, signal, output))
  return {
    url,
    port: Number(new URL(url).port),
    pid,
    child,
    stateDir,
    logs: output.lines,
    logged: (fits) => output.first(fits),
    children: () => descendants(pid),
    stop,
    async [Symbol.asyncDispose]() {
      const wasStopped = stopping !== undefined
      try {
        const { code, signal } = await stop()
        if (!wasStopped && code !== 0) throw new Error(`the host ended with ${String(code ?? signal)}:\n${output.text}`)
      } finally {
        await rm(folder, { recursive: true, force: true, maxRetries: 3 })
      }
    },
  }
}

async function stopHost(child: ChildProcess, pid: number, signal: NodeJS.Signals, output: HostOutput): Promise<HostExit> {
  if (child.exitCode !== null || child.signalCode !== null) return { code: child.exitCode, signal: child.signalCode }
  const below = await Promise.all((await descendants(pid)).map(identityOf))
  const exited = once(child, 'close')
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  child.kill(signal)
  await exited
  clearTimeout(late)
  const left = await leftBehind(below.filter((identity) => identity !== null))
  if (left.length > 0) throw new Error(`the host left processes behind: ${left.join(', ')}\n${output.text}`)
  return { code: child.exitCode, signal: child.signalCode }
}

interface ProcessIdentity {
  pid: number
  /** So that a pid given anew is not taken for the old process. */
  startTime: string
}

/** @returns pids that are still there after a while; they are killed. */
async function leftBehind(below: ProcessIdentity[]): Promise<number[]> {
  const deadline = Date.now() + GONE_MS
  let living = below
  for (;;) {
    const alive = await Promise.all(living.map(async (identity) => (await identityOf(identity.pid))?.startTime === identity.startTime))
    living = living.filter((_, index) => alive[index])
    if (living.length === 0 || Date.now() > deadline) break
    await sleep(20)
  }
  for (const { pid } of living) process.kill(pid, 'SIGKILL')
  return living.map(({ pid }) => pid)
}

/** Null when there is no such process, or only its zombie. */
async function identityOf(pid: number): Promise<ProcessIdentity | null> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).split(') ').at(-1)?.split(' ') ?? []
  const [state] = fields
  const startTime = fields[19]
  return startTime === undefined || state === 'Z' ? null : { pid, startTime }
}

async function descendants(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch((): string[] => [])
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')))
  const children = lists.join(' ').split(/\s+/).filter((text) => text !== '').map(Number)
  return [...children, ...(await Promise.all(children.map(descendants))).flat()]
}
