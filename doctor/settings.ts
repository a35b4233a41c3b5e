/** Which host is meant, and what its settings say of it. */
import { networkInterfaces } from 'node:os'
import { type Config, ConfigError, isLoopbackHost, loadConfig } from '../server/config.ts'
import { defaultStateDir } from '../server/state-dir.ts'
import type { Place } from './ask.ts'
import type { Finding } from './finding.ts'
import type { DoctorOptions } from './options.ts'

/** The host to look at. */
export interface Target extends Place {
  port: number
  /** As given to `listen`, for a host on this machine. */
  bindHost: string
  /** It runs on this machine, so that its processes and its folder can be looked at. */
  isLocal: boolean
  stateDir: string
  /** Of the operator, without which some things are told on the machine itself only. */
  token: string | undefined
}

/** The settings, or the one sentence that says why they are refused. */
export async function readSettings(env: NodeJS.ProcessEnv, cwd: string): Promise<Config | ConfigError> {
  try {
    return await loadConfig(env, cwd)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

export function judgeSettings(config: Config | ConfigError, target: Target | null): Finding[] {
  if (config instanceof ConfigError) {
    return [{ check: 'configuration', level: 'wrong', cause: 'configuration', text: config.message, advice: 'mend the setting; the host ends with exit code 78 until then' }]
  }
  if (target === null) {
    return [{ check: 'configuration', level: 'unknown', text: 'PORT is 0: the host takes any free port, and the settings do not tell which', advice: 'give its address with --url; it is in the log line `listening`' }]
  }
  return [{ check: 'configuration', level: 'ok', text: `the settings are valid; the host should be at ${target.url}` }]
}

/** @param config Null when it is refused; then the variables alone count. @returns Null when neither settings nor options say where the host is. */
export function targetOf({ url: given }: DoctorOptions, config: Config | null, env: NodeJS.ProcessEnv): Target | null {
  if (given === undefined && (config === null || config.port === 0)) return null
  const url = given ?? `http://${reachable(config?.host ?? '')}:${config?.port ?? 0}`
  const { hostname, port, protocol } = new URL(url)
  const name = hostname.replace(/^\[(.*)\]$/, '$1')
  const portNumber = Number(port || (protocol === 'https:' ? 443 : 80))
  return {
    url,
    headers: listensTo(config, name),
    port: portNumber,
    bindHost: given === undefined && config !== null ? config.host : name,
    isLocal: protocol === 'http:' && (isLoopbackHost(name) || Object.values(networkInterfaces()).flat().some((one) => one?.address === name)),
    stateDir: (config === null ? env['FOOTLIGHTS_STATE'] : config.state) ?? defaultStateDir(portNumber, process.getuid?.()),
    token: config === null ? env['FOOTLIGHTS_ADMIN_TOKEN'] : config.adminToken,
  }
}

/** A host that is for its public names only is called by one of them; its address would be refused. */
function listensTo(config: Config | null, name: string): Record<string, string> {
  if (config === null || !Array.isArray(config.allowedHosts) || config.allowedHosts.includes(name)) return {}
  const [first] = config.allowedHosts
  return first === undefined ? {} : { host: first }
}

/** The whole command that replaces the workers of a model, as a person can type it. A token is left to his shell. */
export function restartCommand({ url, headers, token }: Pick<Target, 'url' | 'headers' | 'token'>, model: string): string {
  const given = Object.entries(headers).map(([name, value]) => ` -H '${name}: ${value}'`).join('')
  const asOperator = token === undefined ? '' : ' -H "authorization: Bearer $FOOTLIGHTS_ADMIN_TOKEN"'
  return `\`curl -X POST${given}${asOperator} ${url}/admin/${model}/restart\``
}

/** An address that listens everywhere is asked on this machine. */
export function reachable(host: string): string {
  const name = host.replace(/^\[(.*)\]$/, '$1')
  if (name === '0.0.0.0') return '127.0.0.1'
  if (name === '::') return '[::1]'
  return name.includes(':') ? `[${name}]` : name
}
