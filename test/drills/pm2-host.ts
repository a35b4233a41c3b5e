/** The host under a pm2 of its own, with `ecosystem.config.js`; both are gone when the drill ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { hostEnvironment, makeSite } from './host.ts'
import { Census } from './processes.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PM2 = join(ROOT, 'node_modules', 'pm2', 'bin', 'pm2')
const GONE_MS = 5_000
const CENSUS_EVERY_MS = 200

export class Pm2Host {
  readonly url: string
  readonly census = new Census()
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #timer: NodeJS.Timeout
  #daemonPid = 0

  private constructor(url: string, folder: string, env: NodeJS.ProcessEnv) {
    this.url = url
    this.#folder = folder
    this.#env = env
    this.#timer = setInterval(() => {
      if (this.#daemonPid !== 0) this.census.take(this.#daemonPid)
    }, CENSUS_EVERY_MS)
  }

  static async start(models: readonly string[]): Promise<Pm2Host> {
    const { folder, modelsDir } = await makeSite(models)
    const port = await freePort()
    const env = hostEnvironment({ PM2_HOME: join(folder, 'pm2'), PORT: String(port), FOOTLIGHTS_MODELS: modelsDir, FOOTLIGHTS_STATE: join(folder, 'state') })
    const host = new Pm2Host(`http://127.0.0.1:${port}`, folder, env)
    try {
      await host.run('start', 'ecosystem.config.js')
      host.#daemonPid = Number(await readFile(join(folder, 'pm2', 'pm2.pid'), 'utf8'))
      return host
    } catch (error) {
      await host.stop()
      throw error
    }
  }

  /** One command of pm2. @throws with what it wrote when it fails. */
  async run(...args: string[]): Promise<string> {
    const child = spawn(process.execPath, [PM2, ...args], { cwd: ROOT, env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
    if (code !== 0) throw new Error(`pm2 ${args.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }

  /** The pid of the front. */
  async frontPid(): Promise<number> {
    return Number((await this.run('pid', 'footlights')).trim().split('\n').at(-1))
  }

  /** @returns The pids that outlived it. */
  async stop(): Promise<number[]> {
    clearInterval(this.#timer)
    if (this.#daemonPid !== 0) this.census.take(this.#daemonPid)
    await this.run('kill')
    const left = await this.census.leftAfter(GONE_MS)
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
    return left
  }
}

/** A port that nobody holds now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
