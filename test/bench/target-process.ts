/** A server that is measured, as a process of its own with all that is below it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'

import { hostEnvironment } from '../drills/host.ts'
import { Census } from '../drills/processes.ts'

const START_MS = 60_000
const STOP_MS = 10_000
const GONE_MS = 3_000
const ASK_EVERY_MS = 5
/** Of what a server writes on stderr, for the message when it fails. */
const MOST_ERROR_CHARACTERS = 4_000

export interface TargetCommand {
  command: string
  args: readonly string[]
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Resolves to true once it has given its first right answer. */
  answers(url: string): Promise<boolean>
}

export class TargetProcess implements AsyncDisposable {
  /** Without a final slash. */
  readonly url: string
  readonly pid: number
  /** From the spawn to the first answer. */
  readonly startMs: number
  readonly #child: ChildProcess
  readonly #census = new Census()
  readonly #cleanUp: () => Promise<void>

  private constructor(child: ChildProcess, url: string, startMs: number, cleanUp: () => Promise<void>) {
    this.url = url
    this.pid = child.pid ?? 0
    this.startMs = startMs
    this.#child = child
    this.#cleanUp = cleanUp
  }

  /**
   * Starts a server on a free port and resolves with its first answer. Its standard output goes nowhere, as into a file that nobody reads.
   *
   * @param commandFor The command for that port.
   * @param cleanUp Called when it has ended.
   * @throws {Error} with what it wrote when it does not answer within a minute; it is ended then.
   */
  static async start(commandFor: (port: number) => TargetCommand, cleanUp = async (): Promise<void> => {}): Promise<TargetProcess> {
    const port = await freePort()
    const { command, args, env = {}, cwd, answers } = commandFor(port)
    const startedAt = performance.now()
    const child = spawn(command, args, { env: hostEnvironment(env), stdio: ['ignore', 'ignore', 'pipe'], ...(cwd === undefined ? {} : { cwd }) })
    let errorText = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (errorText.length < MOST_ERROR_CHARACTERS) errorText += text
    })
    child.on('error', (error) => (errorText += error.message))
    const url = `http://127.0.0.1:${port}`
    const answered = await firstAnswer(url, child, answers)
    const target = new TargetProcess(child, url, performance.now() - startedAt, cleanUp)
    if (answered) return target
    await target[Symbol.asyncDispose]()
    throw new Error(`${command} ${args.join(' ')} did not answer: ${errorText.trim()}`)
  }

  /** Ends it with all that is below it. What does not end by itself is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#census.take(this.pid)
    const ended = new Promise<void>((resolve) => (isRunning(this.#child) ? this.#child.once('exit', () => resolve()) : resolve()))
    this.#child.kill('SIGTERM')
    const late = setTimeout(() => {
      this.#census.take(this.pid)
      this.#child.kill('SIGKILL')
    }, STOP_MS)
    await ended
    clearTimeout(late)
    await this.#census.leftAfter(GONE_MS)
    await this.#cleanUp()
  }
}

async function firstAnswer(url: string, child: ChildProcess, answers: TargetCommand['answers']): Promise<boolean> {
  const deadline = performance.now() + START_MS
  while (performance.now() < deadline && isRunning(child)) {
    try {
      if (await answers(url)) return true
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
  }
  return false
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
