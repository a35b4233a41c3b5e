/** The configuration of an nginx in front of the host: its bounds against ours. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { HTTP_SERVER_DEFAULTS } from '../../server/http-server.ts'
import type { Finding } from '../finding.ts'
import { inMemory, inTime } from '../words.ts'

const run = promisify(execFile)
const FOLDER = '/etc/nginx'
const FOLDERS = ['conf.d', 'sites-enabled']
const RUN_MS = 3_000
const MEBIBYTE = 1024 * 1024

/** Source: https://nginx.org/en/docs/http/ngx_http_proxy_module.html, ngx_http_core_module.html, ngx_http_upstream_module.html */
const DEFAULTS = { proxy_read_timeout: '60s', proxy_buffering: 'on', client_max_body_size: '1m', keepalive_timeout: '60s' }

/** What the host does, as far as nginx must fit to it. */
export interface HostBounds {
  port: number
  /** The longest of all models, waiting while no worker is ready included. */
  longestMs: number
  maxUploadMb: number
}

/** The whole configuration as text; null when there is none, or it may not be read. */
export async function lookAtNginx(): Promise<string | null> {
  const dumped = await run('nginx', ['-T'], { timeout: RUN_MS, maxBuffer: 16 * MEBIBYTE }).then(({ stdout }) => stdout, () => '')
  if (dumped !== '') return dumped
  const main = await readFile(join(FOLDER, 'nginx.conf'), 'utf8').catch(() => null)
  if (main === null) return null
  const parts = [main]
  for (const folder of FOLDERS) {
    for (const name of await readdir(join(FOLDER, folder)).catch((): string[] => [])) parts.push(await readFile(join(FOLDER, folder, name), 'utf8').catch(() => ''))
  }
  return parts.join('\n')
}

export function judgeNginx(text: string, bounds: HostBounds): Finding[] {
  const blocks = parseNginx(text)
  const upstreams = new Map(blocksNamed(blocks, 'upstream').map((block) => [block.words[1] ?? '', block]))
  const places = placesFor(blocks, upstreams, bounds.port)
  if (places.length === 0) return [{ check: 'nginx', level: 'ok', text: `the nginx here passes nothing to port ${bounds.port}` }]
  return places.flatMap((place) => judgePlace(place, bounds))
}

/** A block that passes to the host, with what it inherits. */
interface Place {
  name: string
  settings: Record<string, string>
  upstream: Directive | undefined
}

function judgePlace({ name, settings, upstream }: Place, { longestMs, maxUploadMb }: HostBounds): Finding[] {
  const findings: Finding[] = []
  const warn = (text: string, advice: string): void => {
    findings.push({ check: 'nginx', level: 'warning', cause: 'proxy', text: `${name}: ${text}`, advice })
  }
  const settingOf = (key: keyof typeof DEFAULTS): string => settings[key] ?? DEFAULTS[key]
  const readMs = nginxMs(settingOf('proxy_read_timeout'))
  if (readMs <= longestMs) warn(`proxy_read_timeout ${inTime(readMs / 1000)}, while a prediction may take ${inTime(longestMs / 1000)}: nginx reports 504 first`, `proxy_read_timeout ${Math.ceil(longestMs / 1000) + 15}s;`)
  const bodyBytes = nginxBytes(settingOf('client_max_body_size'))
  if (bodyBytes !== 0 && bodyBytes < maxUploadMb * MEBIBYTE) warn(`client_max_body_size ${inMemory(bodyBytes)}, while the host takes uploads of ${maxUploadMb} MB: nginx reports 413 first`, `client_max_body_size ${Math.ceil(maxUploadMb)}m;`)
  if (settingOf('proxy_buffering') === 'on' && /\bx-accel-buffering\b/i.test(settings['proxy_ignore_headers'] ?? '')) warn('proxy_buffering is on and X-Accel-Buffering is ignored: streams arrive all at once', 'proxy_buffering off;')
  const ourIdleMs = HTTP_SERVER_DEFAULTS.keepAliveTimeoutMs
  const keeps = upstream?.children.some(({ words }) => words[0] === 'keepalive') === true
  const idleMs = nginxMs(upstream?.children.find(({ words }) => words[0] === 'keepalive_timeout')?.words[1] ?? DEFAULTS.keepalive_timeout)
  if (keeps && idleMs >= ourIdleMs) warn(`its upstream keeps idle connections for ${inTime(idleMs / 1000)}, the host for ${inTime(ourIdleMs / 1000)}: a request on one that just closed is a 502`, 'keepalive_timeout 60s; in the upstream block')
  return findings.length > 0 ? findings : [{ check: 'nginx', level: 'ok', text: `${name}: its time-outs and sizes fit to the host` }]
}

/** One directive with its words, and those within its braces. */
export interface Directive {
  words: string[]
  children: Directive[]
}

/** Source: nginx.org/en/docs/beginners_guide.html, structure of the configuration file. What is unbalanced ends where the text ends. */
export function parseNginx(text: string): Directive[] {
  const root: Directive = { words: [], children: [] }
  const open: Directive[] = [root]
  let words: string[] = []
  for (const [token] of text.matchAll(/#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?:\$\{\w+\}|[^\s{};"'])+/g)) {
    if (token.startsWith('#')) continue
    if (token === '}') {
      if (open.length > 1) open.pop()
    } else if (token === ';' || token === '{') {
      const directive: Directive = { words, children: [] }
      open.at(-1)?.children.push(directive)
      if (token === '{') open.push(directive)
      words = []
    } else {
      words.push(token.replace(/^(["'])(.*)\1$/s, '$2'))
    }
  }
  return root.children
}

function blocksNamed(directives: readonly Directive[], name: string): Directive[] {
  return directives.flatMap((directive) => [...(directive.words[0] === name ? [directive] : []), ...blocksNamed(directive.children, name)])
}

function placesFor(directives: readonly Directive[], upstreams: ReadonlyMap<string, Directive>, port: number, above: Place = { name: '', settings: {}, upstream: undefined }): Place[] {
  const settings = { ...above.settings }
  for (const { words: [name, ...values], children } of directives) if (name !== undefined && children.length === 0) settings[name] = values.join(' ')
  const places: Place[] = []
  for (const { words: [name = '', ...values], children } of directives) {
    if (name === 'proxy_pass') {
      const target = /^https?:\/\/([^/$]+)/.exec(values[0] ?? '')?.[1] ?? ''
      const upstream = upstreams.get(target)
      const addresses = upstream === undefined ? [target] : upstream.children.filter(({ words }) => words[0] === 'server').map(({ words }) => words[1] ?? '')
      if (addresses.some((address) => portOf(address) === port)) places.push({ name: above.name, settings, upstream })
    } else if (children.length > 0 && name !== 'upstream') {
      places.push(...placesFor(children, upstreams, port, { name: nameOf(above.name, name, values, children), settings, upstream: undefined }))
    }
  }
  return places
}

function nameOf(above: string, name: string, values: readonly string[], children: readonly Directive[]): string {
  if (name === 'server') return children.find(({ words }) => words[0] === 'server_name')?.words[1] ?? 'server'
  return name === 'location' ? `${above} ${values.join(' ')}` : above
}

function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)?.[1] ?? 80)
}

const MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Source: nginx.org/en/docs/syntax.html: `90`, `90s`, `1m 30s`, `1m30s`. */
export function nginxMs(text: string): number {
  let sum = 0
  for (const [, number, unit = 's'] of text.matchAll(/(\d+)(ms|[smhd])?/g)) sum += Number(number) * (MS[unit] ?? 0)
  return sum
}

/** In bytes; `8k`, `1m`, `1g`. */
export function nginxBytes(text: string): number {
  const [, number = '0', unit = ''] = /^(\d+)([kmg])?/i.exec(text) ?? []
  return Number(number) * ({ k: 1024, m: MEBIBYTE, g: 1024 * MEBIBYTE }[unit.toLowerCase()] ?? 1)
}
