/** The real host as a child process, for the drills: keeps what it says about its workers, and forgets its lines about single predictions. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import type { ConfigFile } from '../../workers/config-file.ts'
import { Census } from './processes.ts'

const MAIN = fileURLToPath(new URL('../../bin/footlights.mjs', import.meta.url))
const FIXTURES = fileURLToPath(new URL('../fixtures/models/', import.meta.url))
const START_MS = 60_000
const STOP_MS = 60_000
const GONE_MS = 5_000
const LINE_MS = 60_000
/** What a line begins with that repeats a model's own words: floods of them are not even parsed. */
const HEAD_CHARACTERS = 120
/** Of a test runner, for its own children. */
const NOT_INHERITED = ['NODE_TEST_CONTEXT', 'NODE_CHANNEL_FD', 'NODE_OPTIONS', 'PORT', 'HOST', 'FOOTLIGHTS_ADMIN_TOKEN', 'FOOTLIGHTS_CONFIG', 'LOG_LEVEL']

export interface HostSettings {
  models: readonly string[]
  /** Copies in place of links, so that they can be edited. */
  copies?: boolean
  config?: ConfigFile
  env?: NodeJS.ProcessEnv
  /** Default 0, a free one. */
  port?: number
  /** A state folder that outlives the host. Default: one of its own. */
  stateDir?: string
}

/** One line that the host logged, with the moment in ms of our own monotonic clock. */
export interface HostLine {
  at: number
  message: string
  fields: Record<string, unknown>
}

export interface HostEnd {
  code: number | null
  signal: NodeJS.Signals | null
}

/** The environment for a host: ours without what belongs to us alone. */
export function hostEnvironment(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const inherited = { ...process.env }
  for (const name of NOT_INHERITED) delete inherited[name]
  return { ...inherited, HOST: '127.0.0.1', ...env }
}

/** A folder with a models folder that links to the given models, or holds copies of them: a fixture's name or an absolute path, `<name>:` before it to serve it under another. */
export async function makeSite(models: readonly string[], copies = false): Promise<{ folder: string; modelsDir: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'footlights-drill-'))
  const modelsDir = join(folder, 'models')
  await mkdir(modelsDir)
  for (const model of models) {
    const [name, folderName = name] = model.split(':')
    const source = folderName?.startsWith('/') ? folderName.replace(/\/$/, '') : join(FIXTURES, folderName ?? '')
    const target = join(modelsDir, model.startsWith('/') ? basename(source) : (name ?? ''))
    if (copies) await cp(source, target, { recursive: true })
    else await symlink(source, target, 'junction')
  }
  return { folder, modelsDir }
}

export class DrillHost {
  readonly child: ChildProcess
  readonly stateDir: string
  readonly modelsDir: string
  readonly lines: HostLine[] = []
  readonly census = new Census()
  readonly #folder: string
  readonly #ended: Promise<HostEnd>
  #errorText = ''
  #url = ''
  readonly #waiting = new Set<() => void>()

  private constructor(child: ChildProcess, folder: string, modelsDir: string, stateDir: string) {
    this.child = child
    this.stateDir = stateDir
    this.modelsDir = modelsDir
    this.#folder = folder
    this.#ended = once(child, 'close').then(() => ({ code: child.exitCode, signal: child.signalCode }))
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (text) => this.#hear(text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText += text
    })
  }

  /** Starts a host and does not wait for it. */
  static async spawn({ models, copies, config, env, port = 0, stateDir }: HostSettings): Promise<DrillHost> {
    const { folder, modelsDir } = await makeSite(models, copies)
    const state = stateDir ?? join(folder, 'state')
    const configFile = join(folder, 'footlights.config.mjs')
    await writeFile(configFile, `export default ${JSON.stringify({ drainMs: 10_000, ...config })}\n`)
    const child = spawn(process.execPath, [MAIN], {
      cwd: folder,
      env: hostEnvironment({ PORT: String(port), FOOTLIGHTS_MODELS: modelsDir, FOOTLIGHTS_STATE: state, FOOTLIGHTS_CONFIG: configFile, ...env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new DrillHost(child, folder, modelsDir, state)
  }

  /** Starts a host and waits until it listens. @throws with what it wrote when it does not. */
  static async start(settings: HostSettings): Promise<DrillHost> {
    const host = await DrillHost.spawn(settings)
    const late = setTimeout(() => host.child.kill('SIGKILL'), START_MS)
    const listening = await Promise.race([host.logged(({ message }) => message === 'listening'), host.ended()])
    clearTimeout(late)
    if ('code' in listening) {
      await host.stop()
      throw new Error(`the host ended with ${String(listening.code ?? listening.signal)}: ${host.errorText}`)
    }
    host.#url = String(listening.fields['url'])
    return host
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  get url(): string {
    return this.#url
  }

  get port(): number {
    return Number(new URL(this.#url).port)
  }

  get errorText(): string {
    return this.#errorText
  }

  ended(): Promise<HostEnd> {
    return this.#ended
  }

  /**
   * The first line from `since` (our monotonic ms) on, past or to come, that fits.
   *
   * @throws when none comes within a minute.
   */
  async logged(fits: (line: HostLine) => boolean, since = -Infinity): Promise<HostLine> {
    const deadline = performance.now() + LINE_MS
    for (;;) {
      const found = this.lines.find((line) => line.at >= since && fits(line))
      if (found !== undefined) return found
      if (performance.now() > deadline) throw new Error(`the host did not say within ${LINE_MS / 1000} s what was waited for`)
      await new Promise<void>((resolve) => {
        const giveUp = setTimeout(resolve, deadline - performance.now() + 1)
        this.#waiting.add(() => {
          clearTimeout(giveUp)
          resolve()
        })
      })
    }
  }

  /** Ends it and its folder. @returns how it ended, and the pids that it left behind. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<HostEnd & { left: number[] }> {
    this.census.take(this.pid)
    const running = this.child.exitCode === null && this.child.signalCode === null
    if (running) this.child.kill(signal)
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS)
    const end = await this.#ended
    clearTimeout(late)
    const left = await this.census.leftAfter(GONE_MS)
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
    return { ...end, left }
  }

  #hear(text: string): void {
    const head = text.slice(0, HEAD_CHARACTERS)
    if (head.includes('"message":"a model wrote"') || head.includes('"message":"prediction"')) return
    const line = parseLine(text)
    if (line === null) return
    this.lines.push(line)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

function parseLine(text: string): HostLine | null {
  try {
    const { timestamp, message, ...fields } = JSON.parse(text) as Record<string, unknown>
    if (typeof timestamp !== 'string' || typeof message !== 'string') return null
    return { at: Date.parse(timestamp) - performance.timeOrigin, message, fields }
  } catch {
    // Not a line of the log.
    return null
  }
}
