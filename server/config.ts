import { access, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import type { ConfigFile } from '../workers/config-file.ts'
import type { Limits } from '../workers/contract.ts'
import { limitsSchema } from '../workers/model-options.ts'
import { registerFootlightsResolution } from '../workers/resolve-hook.ts'

/** The configuration is wrong; the message is one sentence for the operator that names the setting. Ends the start with exit code 78. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevelName = (typeof LOG_LEVELS)[number]

/** Every setting, checked. Paths are absolute. Meaning and units: `ConfigFile`. */
export interface Config {
  port: number
  host: string
  models: string
  /** Absent: the default, which depends on the port (`openStateDir`). */
  state: string | undefined
  adminToken: string | undefined
  logLevel: LogLevelName
  trustProxy: boolean | number | string | string[]
  /** Empty, or with a leading and without a trailing slash. */
  rootPath: string
  /** `loopback`: loopback names and addresses only. Names are lower case, without port. */
  allowedHosts: 'loopback' | 'any' | string[]
  /** Exact origins, or `*`. The host's own origin is always allowed and not listed. */
  allowedOrigins: string[]
  maxBodyMb: number
  maxUploadMb: number
  allowPrivateUrls: boolean
  keepFilesSeconds: number
  drainMs: number
  /** Absent: the guard's default, which depends on the machine. */
  minFreeMb: number | undefined
  /** Absent: the default, which depends on the terminal (`main.ts`). */
  watch: boolean | undefined
  /** The operator's limits by model name. What is absent here is the author's, then the default's. */
  limits: Record<string, Partial<Limits>>
}

/** What holds where neither author nor operator says otherwise. Source: contract, "A model". */
export const DEFAULT_LIMITS: Readonly<Limits> = Object.freeze({
  setupMs: 60_000,
  timeoutMs: 60_000,
  holdMs: 15_000,
  reattachMs: 10_000,
  heapMb: 512,
  rssMb: 1024,
  replicas: 1,
  threads: 1,
  concurrency: 1,
  queueSize: 100,
  maxRequests: 0,
})

const DEFAULTS = {
  port: 7860,
  host: '127.0.0.1',
  logLevel: 'info',
  trustProxy: 'loopback',
  rootPath: '',
  allowedOrigins: [],
  maxBodyMb: 16,
  maxUploadMb: 100,
  allowPrivateUrls: false,
  keepFilesSeconds: 86_400,
  drainMs: 30_000,
  limits: {},
} as const satisfies ConfigFile

const CONFIG_FILE_NAME = 'footlights.config.ts'
// setTimeout takes longer waits for 1 ms.
const MAX_TIMER_MS = 2_147_483_647

const wholeNumber = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) => z.number(`must be a whole number`).refine(
  (value) => Number.isInteger(value) && value >= minimum && value <= maximum,
  maximum === Number.MAX_SAFE_INTEGER ? `must be a whole number of at least ${minimum}` : `must be a whole number from ${minimum} to ${maximum}`,
)
const megabytes = z.number('must be a number of MiB above 0').positive('must be a number of MiB above 0').finite()
const flag = z.boolean('must be true or false')
const text = z.string('must be text').trim().min(1, 'must not be empty')

const rootPathSchema = z.string('must be text').refine(
  (path) => path === '' || path === '/' || /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+,;=:@-]+)+\/?$/.test(path),
  'must be a path such as /demos',
).transform((path) => path.replace(/\/$/, ''))

const hostName = text.toLowerCase().refine(
  (name) => /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])$/.test(name),
  'must be a host name without scheme and port, such as demo.example.org',
)
const origin = text.transform((value) => value.replace(/\/$/, '')).refine(
  (value) => value === '*' || (URL.canParse(value) && new URL(value).origin === value.toLowerCase()),
  'must be an origin such as https://example.org, or *',
).transform((value) => value.toLowerCase())

const PROXY_WORDS = ['loopback', 'linklocal', 'uniquelocal']
const trustProxySchema = z.union([z.boolean(), wholeNumber(0), text, z.array(text)], 'must be true, false, a number of hops, or addresses').refine(
  (value) => typeof value === 'boolean' || typeof value === 'number' || proxyWords(value).every(isProxyWord),
  `must be of Express's words: ${PROXY_WORDS.join(', ')}, an address, or a CIDR range`,
)

function proxyWords(value: string | string[]): string[] {
  return (typeof value === 'string' ? value.split(',') : value).map((word) => word.trim())
}

function isProxyWord(word: string): boolean {
  return PROXY_WORDS.includes(word) || ipaddr.isValid(word) || ipaddr.isValidCIDR(word)
}

const fileSchema = z.strictObject({
  port: wholeNumber(0, 65_535),
  host: text,
  models: text,
  state: text,
  adminToken: text,
  logLevel: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`),
  trustProxy: trustProxySchema,
  rootPath: rootPathSchema,
  allowedHosts: z.array(hostName, 'must be a list of host names'),
  allowedOrigins: z.array(origin, 'must be a list of origins'),
  maxBodyMb: megabytes,
  maxUploadMb: megabytes,
  allowPrivateUrls: flag,
  keepFilesSeconds: wholeNumber(1),
  drainMs: wholeNumber(0, MAX_TIMER_MS),
  minFreeMb: wholeNumber(0),
  watch: z.boolean('must be on or off (in the configuration file true or false)'),
  limits: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be the name of a model'), limitsSchema),
  apps: z.unknown().refine(() => false, 'is not possible: apps are not supported yet'),
}).exactPartial()

type Settings = z.output<typeof fileSchema>

/** Which variable says which setting. */
const ENVIRONMENT = {
  port: 'PORT',
  host: 'HOST',
  models: 'FOOTLIGHTS_MODELS',
  state: 'FOOTLIGHTS_STATE',
  adminToken: 'FOOTLIGHTS_ADMIN_TOKEN',
  logLevel: 'LOG_LEVEL',
  watch: 'FOOTLIGHTS_WATCH',
} as const satisfies Partial<Record<keyof Settings, string>>

/**
 * Puts environment, configuration file and defaults together; the first that names a setting wins. An empty variable counts as unset.
 * The file runs as code of the operator, in this process.
 *
 * @param cwd Where the file is looked for, and from where relative paths in variables count.
 * @throws {ConfigError} for an unknown setting, a bad value, a file that cannot be loaded, or a models folder that is not there.
 */
export async function loadConfig(env: NodeJS.ProcessEnv, cwd: string): Promise<Config> {
  const settings = { ...(await readConfigFile(env, cwd)), ...readEnvironment(env, cwd) }
  const { apps: _, ...given } = settings
  const host = settings.host ?? DEFAULTS.host
  const config: Config = {
    ...DEFAULTS,
    models: resolve(cwd, 'models'),
    state: undefined,
    adminToken: undefined,
    minFreeMb: undefined,
    watch: undefined,
    allowedHosts: isLoopbackHost(host) ? 'loopback' : 'any',
    ...given,
  }
  await requireModelsFolder(config.models)
  return config
}

function readEnvironment(env: NodeJS.ProcessEnv, cwd: string): Settings {
  const given: Record<string, unknown> = {}
  for (const [key, variable] of Object.entries(ENVIRONMENT)) {
    const value = env[variable]?.trim()
    if (value) given[key] = key === 'port' ? portNumber(value) : key === 'watch' ? switchWord(value) : value
  }
  return checkSettings(given, cwd, (path) => ENVIRONMENT_BY_PATH[path] ?? path)
}

const ENVIRONMENT_BY_PATH: Record<string, string> = ENVIRONMENT

function portNumber(value: string): unknown {
  return /^\d+$/.test(value) ? Number(value) : value
}

const SWITCH_WORDS: Record<string, boolean> = { true: true, on: true, 1: true, false: false, off: false, 0: false }

function switchWord(value: string): unknown {
  return SWITCH_WORDS[value.toLowerCase()] ?? value
}

async function readConfigFile(env: NodeJS.ProcessEnv, cwd: string): Promise<Settings> {
  const named = env['FOOTLIGHTS_CONFIG']?.trim()
  const path = resolve(cwd, named || CONFIG_FILE_NAME)
  if (!(await isThere(path))) {
    if (named) throw new ConfigError(`FOOTLIGHTS_CONFIG names a file that is not there: ${path}`)
    return {}
  }
  return checkSettings(await importDefault(path), dirname(path), (setting) => `${setting} in ${path}`)
}

async function importDefault(path: string): Promise<unknown> {
  registerFootlightsResolution()
  let exports: Record<string, unknown>
  try {
    exports = await import(pathToFileURL(path).href)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError(`The configuration file ${path} cannot be loaded: ${reason}`, { cause: error })
  }
  if (!('default' in exports)) throw new ConfigError(`The configuration file ${path} has no default export; it needs \`export default defineConfig({ … })\``)
  return exports['default']
}

function checkSettings(given: unknown, folder: string, nameOf: (path: string) => string): Settings {
  const checked = fileSchema.safeParse(withoutUndefined(given))
  if (!checked.success) throw new ConfigError(checked.error.issues.map((issue) => sentenceFor(issue, given, nameOf)).join('; '))
  const settings = checked.data
  if (settings.models !== undefined) settings.models = resolve(folder, settings.models)
  if (settings.state !== undefined) settings.state = resolve(folder, settings.state)
  return settings
}

// `adminToken: process.env.TOKEN` shall be no mistake where there is none.
function withoutUndefined(given: unknown): unknown {
  if (!isPlainObject(given)) return given
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sentenceFor(issue: z.core.$ZodIssue, given: unknown, nameOf: (path: string) => string): string {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return `${nameOf([...path, issue.keys[0] ?? ''].join('.'))} is not a setting`
  }
  if (path.length === 0) return `${nameOf('The default export')} must be an object of settings`
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
  const hidden = path[0] === 'adminToken' || path[0] === 'apps' || issue.code === 'invalid_key'
  return `${nameOf(path.join('.'))} ${message}${hidden ? '' : `, not ${inWords(valueAt(given, issue.path))}`}`
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined), given)
}

function inWords(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value)
  return json.length > 100 ? `${json.slice(0, 99)}…` : json
}

/** Does this address reach only callers on the same machine? */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return ipaddr.isValid(name) && ipaddr.process(name).range() === 'loopback'
}

async function requireModelsFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (!found?.isDirectory()) throw new ConfigError(`FOOTLIGHTS_MODELS (or \`models\` in the configuration file) must be a folder; there is none at ${path}`)
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}
