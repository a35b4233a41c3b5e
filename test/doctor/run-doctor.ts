/** Runs `footlights doctor --json` as a person would, and reads what it says. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { connect, createServer as createNetServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Cause, Check, Finding } from '../../doctor/finding.ts'
import type { TestHost } from '../helpers/start-test-host.ts'

export const LAUNCHER = fileURLToPath(new URL('../../bin/footlights.mjs', import.meta.url))
const NOT_INHERITED = ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'PORT', 'HOST', 'LOG_LEVEL', 'FOOTLIGHTS_ADMIN_TOKEN', 'FOOTLIGHTS_CONFIG', 'FOOTLIGHTS_MODELS', 'FOOTLIGHTS_STATE']

export interface Diagnosis {
  code: number
  summary: { text: string; first?: string }
  findings: Finding[]
  of(check: Check): Finding[]
  /** The one finding of this cause. @throws when there is none. */
  causedBy(cause: Cause): Finding
}

export async function runLauncher(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const inherited = { ...process.env }
  for (const name of NOT_INHERITED) delete inherited[name]
  const child = spawn(process.execPath, [LAUNCHER, ...args], { env: { ...inherited, NO_COLOR: '1', PM2_HOME: '/nonexistent', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code: Number(code), stdout, stderr }
}

export async function runDoctor(env: NodeJS.ProcessEnv, args: readonly string[] = []): Promise<Diagnosis> {
  const { code, stdout, stderr } = await runLauncher(['doctor', '--json', '--seconds=0', ...args], env)
  const said: { summary: Diagnosis['summary']; findings: Finding[] } = JSON.parse(stdout || `{"findings":[],"summary":{"text":${JSON.stringify(stderr)}}}`)
  return {
    code, ...said,
    of: (check) => said.findings.filter((finding) => finding.check === check),
    causedBy(cause) {
      const found = said.findings.find((finding) => finding.cause === cause && finding.level !== 'ok')
      if (found === undefined) throw new Error(`nothing is said of '${cause}': ${JSON.stringify(said, null, 1)}${stderr}`)
      return found
    },
  }
}

/** The settings of a host that a test started, for the doctor. */
export function settingsOf({ port, stateDir }: TestHost): NodeJS.ProcessEnv {
  const folder = join(stateDir, '..')
  return { PORT: String(port), FOOTLIGHTS_STATE: stateDir, FOOTLIGHTS_MODELS: join(folder, 'models'), FOOTLIGHTS_CONFIG: join(folder, 'footlights.config.mjs') }
}

/** A folder of models, by their source; removed at the end. */
export class ModelFolder implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async make(sources: Record<string, string>): Promise<ModelFolder> {
    const path = await mkdtemp(join(tmpdir(), 'footlights-doctor-test-'))
    for (const [name, source] of Object.entries(sources)) {
      await mkdir(join(path, name))
      await writeFile(join(path, name, 'model.ts'), source)
    }
    return new ModelFolder(path)
  }

  of(name: string): string {
    return join(this.path, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Something else than the host on a port. */
export interface Stranger extends AsyncDisposable {
  readonly port: number
  readonly url: string
}

export async function startStranger(listener: RequestListener): Promise<Stranger> {
  const server = createServer(listener)
  return listening(server, () => server.closeAllConnections())
}

/** Takes connections and cuts them as soon as someone speaks. */
export function startCutter(): Promise<Stranger> {
  const sockets = new Set<Socket>()
  const server = createNetServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => socket.resetAndDestroy())
  })
  return listening(server, () => sockets.forEach((socket) => socket.destroy()))
}

/** A proxy that passes everything on to a port of this machine, byte by byte. */
export function startPipe(port: number): Promise<Stranger> {
  const sockets = new Set<Socket>()
  const server = createNetServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
    near.pipe(far).pipe(near)
  })
  return listening(server, () => sockets.forEach((socket) => socket.destroy()))
}

async function listening(server: Server, cut: () => void): Promise<Stranger> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
