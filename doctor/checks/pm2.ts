/** pm2, when it looks after the host. A daemon that is not there is never started. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { connect } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { Finding } from '../finding.ts'
import { inTime } from '../words.ts'

const run = promisify(execFile)
const ASK_MS = 15_000
const NEEDED_MAJOR = 24
const MANY_RESTARTS = 5
/** Beside what drains: workers and connections end, too. */
const MARGIN_MS = 5_000

const appSchema = z.object({
  name: z.string(),
  pid: z.number().nullish(),
  pm2_env: z.object({
    status: z.string(),
    pm_exec_path: z.string().nullish(),
    restart_time: z.number().default(0),
    unstable_restarts: z.number().default(0),
    exit_code: z.number().nullish(),
    kill_timeout: z.number().default(1_600),
    treekill: z.boolean().default(true),
    exec_mode: z.string().default('fork_mode'),
    node_version: z.string().nullish(),
    wait_ready: z.boolean().default(false),
    max_memory_restart: z.number().nullish(),
  }),
})

export type Pm2App = z.output<typeof appSchema>

export interface Pm2Facts {
  /** Those that run the host. */
  apps: Pm2App[]
  drainMs: number
}

/** @param root The folder of the repository, for its own pm2. @returns Null when no daemon runs; a text when it could not be asked. */
export async function lookAtPm2(env: NodeJS.ProcessEnv, root: string, drainMs: number): Promise<Pm2Facts | string | null> {
  const home = env['PM2_HOME'] ?? join(env['HOME'] ?? homedir(), '.pm2')
  if (!(await isListening(join(home, 'rpc.sock')))) return null
  const own = join(root, 'node_modules', 'pm2', 'bin', 'pm2')
  const [command, ...args] = (await isThere(own)) ? [process.execPath, own] : ['pm2']
  try {
    const { stdout } = await run(command ?? 'pm2', [...args, 'jlist'], { env: { ...env, PM2_HOME: home }, timeout: ASK_MS, maxBuffer: 64 * 1024 * 1024 })
    // The daemon's words of another version may stand above the list.
    const list: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    const apps = z.array(z.unknown()).parse(list).flatMap((app) => appSchema.safeParse(app).data ?? [])
    return { apps: apps.filter(isHost), drainMs }
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] ?? 'no answer' : String(error)
  }
}

function isHost({ name, pm2_env: { pm_exec_path: path } }: Pm2App): boolean {
  return /\bbin\/footlights(?:\.mjs)?$/.test(path ?? '') || name === 'footlights'
}

export function judgePm2({ apps, drainMs }: Pm2Facts): Finding[] {
  if (apps.length === 0) return [{ check: 'pm2', level: 'ok', text: 'a pm2 runs here, without the host in it' }]
  return apps.flatMap((app) => [judgeLife(app), ...judgeSettings(app, drainMs)])
}

function judgeLife({ name, pid, pm2_env: env }: Pm2App): Finding {
  const text = `${name} is ${env.status}${env.status === 'online' ? ` as pid ${pid}` : ''}, restarted ${env.restart_time} times, in ${env.exec_mode.replace('_mode', '')} mode on Node ${env.node_version ?? 'unknown'}`
  const code = env.exit_code
  if (env.status === 'errored' || env.status === 'stopped') {
    const why = code === 78 ? '; its configuration is refused (78)' : code === 98 ? '; a stranger holds its port (98)' : ''
    return { check: 'pm2', level: 'wrong', cause: 'host down', text: `${text}${why}`, advice: code === 78 || code === 98 ? 'mend that (see above), then `npx pm2 restart footlights`' : `read \`npx pm2 logs ${name}\`, then \`npx pm2 restart ${name}\`` }
  }
  if (env.unstable_restarts > 0 || env.restart_time > MANY_RESTARTS) {
    return { check: 'pm2', level: 'warning', cause: 'pm2', text, advice: `reloads count, too; otherwise \`npx pm2 logs ${name}\` says why it ended` }
  }
  return { check: 'pm2', level: 'ok', text }
}

function judgeSettings({ name, pm2_env: env }: Pm2App, drainMs: number): Finding[] {
  const findings: Finding[] = []
  const warn = (text: string, advice: string): void => {
    findings.push({ check: 'pm2', level: 'warning', cause: 'pm2', text: `${name}: ${text}`, advice })
  }
  const asOurs = 'as ecosystem.config.js has it; then `npx pm2 delete footlights && npx pm2 start ecosystem.config.js`'
  if (env.kill_timeout < drainMs + MARGIN_MS) warn(`kill_timeout ${inTime(env.kill_timeout / 1000)} cuts off a drain of up to ${inTime(drainMs / 1000)}`, `set it to ${drainMs + 10_000}, ${asOurs}`)
  if (env.treekill) warn('treekill signals the workers together with the host: what they run is lost at a reload', `set treekill: false, ${asOurs}`)
  if (!env.wait_ready) warn('without wait_ready a reload ends the old host before the new one is ready', `set wait_ready: true, ${asOurs}`)
  if (env.max_memory_restart != null) warn('max_memory_restart ends the whole host for want of memory in the front', 'take it away: the host replaces its workers by itself')
  if (env.exec_mode === 'cluster_mode' && env.node_version != null && Number.parseInt(env.node_version, 10) < NEEDED_MAJOR) {
    findings.push({ check: 'pm2', level: 'wrong', cause: 'pm2', text: `${name}: cluster mode runs in the daemon's Node ${env.node_version}, which is too old`, advice: '`npx pm2 update` within `npm`’s Node 24' })
  }
  return findings
}

/** A socket file alone can be the rest of a daemon that is gone; asked through pm2, a new one would be started. */
async function isListening(socket: string): Promise<boolean> {
  if (!(await isThere(socket))) return false
  const connection = connect(socket)
  try {
    await once(connection, 'connect', { signal: AbortSignal.timeout(2_000) })
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}
