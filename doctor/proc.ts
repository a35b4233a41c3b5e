/** What Linux tells about a process and the machine. Elsewhere, and for what may not be seen, every answer is null. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** One letter of the kernel's: `T` is stopped by a signal, `t` by a debugger, `D` waits for a disk. */
export function processState(pid: number): string | null {
  const stat = textOf(`/proc/${pid}/stat`)
  return stat === null ? null : (stat.slice(stat.lastIndexOf(')') + 2)[0] ?? null)
}

export function rssBytesOf(pid: number): number | null {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1]
  return kibibytes === undefined ? null : Number(kibibytes) * 1024
}

export interface Descriptors {
  open: number
  limit: number
}

export function descriptorsOf(pid: number): Descriptors | null {
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(textOf(`/proc/${pid}/limits`) ?? '')?.[1]
  if (limit === undefined) return null
  try {
    return { open: readdirSync(`/proc/${pid}/fd`).length, limit: limit === 'unlimited' ? Infinity : Number(limit) }
  } catch {
    // Another user's.
    return null
  }
}

export interface MachineMemory {
  availableBytes: number
  totalBytes: number
}

export function machineMemory(): MachineMemory | null {
  const text = textOf('/proc/meminfo') ?? ''
  const of = (name: string): number | null => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]
    return kibibytes === undefined ? null : Number(kibibytes) * 1024
  }
  const [availableBytes, totalBytes] = [of('MemAvailable'), of('MemTotal')]
  return availableBytes === null || totalBytes === null ? null : { availableBytes, totalBytes }
}

/** Connections that wait for their end, and how many there can be to one address and port. */
export interface TimeWait {
  waiting: number
  ports: number
}

/** Source: Documentation/networking/ip-sysctl.rst, `ip_local_port_range`; /proc/net/sockstat. */
export function timeWait(): TimeWait | null {
  const waiting = /^TCP:.*\btw (\d+)/m.exec(textOf('/proc/net/sockstat') ?? '')?.[1]
  const [from, to] = (textOf('/proc/sys/net/ipv4/ip_local_port_range') ?? '').trim().split(/\s+/).map(Number)
  return waiting === undefined || from === undefined || to === undefined ? null : { waiting: Number(waiting), ports: to - from + 1 }
}

/** The control group of a process. Null where there is no bound. */
export interface ControlGroup {
  memoryLimitBytes: number | null
  memoryBytes: number | null
  /** How often the kernel ended a process here for want of memory. */
  oomKills: number | null
  cpus: number | null
}

/** Above this, version 1 says that there is no limit. */
const NO_LIMIT_BYTES = 2 ** 60

/** Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst in the Linux kernel. */
export function controlGroupOf(pid: number): ControlGroup | null {
  const lines = (textOf(`/proc/${pid}/cgroup`) ?? '').split('\n').map((line) => line.split(':'))
  if (lines.length < 2) return null
  const pathOf = (controller: string): string | null => lines.find(([, names]) => names?.split(',').includes(controller))?.slice(2).join(':') ?? null
  const unified = lines.find(([id, names]) => id === '0' && names === '')?.slice(2).join(':') ?? null
  const memory = pathOf('memory')
  if (memory !== null) return firstVersion(foldersOf('/sys/fs/cgroup/memory', memory), foldersOf('/sys/fs/cgroup/cpu', pathOf('cpu') ?? '/'))
  return unified === null ? null : secondVersion(foldersOf('/sys/fs/cgroup', unified))
}

function firstVersion(memory: string[], cpu: string[]): ControlGroup {
  const limited = tightest(memory, 'memory.limit_in_bytes')
  return {
    memoryLimitBytes: limited?.limit ?? null,
    memoryBytes: limited === null ? null : numberIn(join(limited.folder, 'memory.usage_in_bytes')),
    oomKills: fieldIn(memory, 'memory.oom_control', 'oom_kill'),
    cpus: smallest(cpu.map((folder) => cpusOf(`${textOf(join(folder, 'cpu.cfs_quota_us'))} ${textOf(join(folder, 'cpu.cfs_period_us'))}`))),
  }
}

function secondVersion(folders: string[]): ControlGroup {
  const limited = tightest(folders, 'memory.max')
  return {
    memoryLimitBytes: limited?.limit ?? null,
    memoryBytes: limited === null ? null : numberIn(join(limited.folder, 'memory.current')),
    oomKills: fieldIn(folders, 'memory.events', 'oom_kill'),
    cpus: smallest(folders.map((folder) => cpusOf(textOf(join(folder, 'cpu.max')) ?? ''))),
  }
}

/** The group and all above it, as far as they can be seen: in a container the path may be that of the machine outside. */
function foldersOf(mount: string, path: string): string[] {
  const folders: string[] = []
  for (let at = join(mount, path); at.startsWith(mount); at = dirname(at)) folders.push(at)
  return folders
}

function tightest(folders: string[], file: string): { folder: string; limit: number } | null {
  let found: { folder: string; limit: number } | null = null
  for (const folder of folders) {
    const limit = numberIn(join(folder, file))
    if (limit !== null && limit < NO_LIMIT_BYTES && (found === null || limit < found.limit)) found = { folder, limit }
  }
  return found
}

function cpusOf(text: string): number | null {
  const [quota, period] = text.trim().split(/\s+/).map(Number)
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : null
}

function smallest(values: (number | null)[]): number | null {
  const given = values.filter((value) => value !== null)
  return given.length === 0 ? null : Math.min(...given)
}

function fieldIn(folders: string[], file: string, field: string): number | null {
  for (const folder of folders) {
    const value = new RegExp(`^${field} (\\d+)`, 'm').exec(textOf(join(folder, file)) ?? '')?.[1]
    if (value !== undefined) return Number(value)
  }
  return null
}

function numberIn(path: string): number | null {
  const text = textOf(path)?.trim()
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Gone, not ours to see, or another system.
    return null
  }
}
