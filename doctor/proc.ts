/** What Linux tells about a process and the machine. Elsewhere, and for what may not be seen, every answer is null. */
import { readdirSync } from 'node:fs'
import { type MachineMemory, readMachineMemory } from '../server/machine-memory.ts'
import { memoryGroups, numberOf, type ReadText, readText } from '../workers/cgroup.ts'

/** One letter of the kernel's: `T` is stopped by a signal, `t` by a debugger, `D` waits for a disk. */
export function processState(pid: number): string | null {
  const stat = readText(`/proc/${pid}/stat`)
  return stat === null ? null : (stat.slice(stat.lastIndexOf(')') + 2)[0] ?? null)
}

export function rssBytesOf(pid: number): number | null {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1]
  return kibibytes === undefined ? null : Number(kibibytes) * 1024
}

export interface Descriptors {
  open: number
  limit: number
}

export function descriptorsOf(pid: number): Descriptors | null {
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readText(`/proc/${pid}/limits`) ?? '')?.[1]
  if (limit === undefined) return null
  try {
    return { open: readdirSync(`/proc/${pid}/fd`).length, limit: limit === 'unlimited' ? Infinity : Number(limit) }
  } catch {
    // Another user's.
    return null
  }
}

/** Connections that wait for their end, and how many there can be to one address and port. */
export interface TimeWait {
  waiting: number
  ports: number
}

/** Source: Documentation/networking/ip-sysctl.rst, `ip_local_port_range`; /proc/net/sockstat. */
export function timeWait(): TimeWait | null {
  const waiting = /^TCP:.*\btw (\d+)/m.exec(readText('/proc/net/sockstat') ?? '')?.[1]
  const [from, to] = (readText('/proc/sys/net/ipv4/ip_local_port_range') ?? '').trim().split(/\s+/).map(Number)
  return waiting === undefined || from === undefined || to === undefined ? null : { waiting: Number(waiting), ports: to - from + 1 }
}

/** What bounds a process from outside. */
export interface Bounds {
  /** Of the machine, or of the tightest control group. */
  memory: MachineMemory | null
  /** How often the kernel ended a process of its control group for want of memory. */
  oomKills: number | null
  /** Cores that its control group may use; null: all of them. */
  cpus: number | null
}

export function boundsOf(pid: number): Bounds {
  const read: ReadText = (path) => readText(path.replace('/proc/self/', `/proc/${pid}/`))
  const groups = memoryGroups(read)
  const kills = groups?.folders.map((folder) => numberOf(read(`${folder}/${groups.version === 1 ? 'memory.oom_control' : 'memory.events'}`), 'oom_kill')) ?? []
  return { memory: readMachineMemory(read), oomKills: kills.find((count) => count !== null) ?? null, cpus: cpusOf(pid, read) }
}

/** Source: Documentation/admin-guide/cgroup-v2.rst, `cpu.max`; scheduler/sched-bwc.rst in the Linux kernel. */
function cpusOf(pid: number, read: ReadText): number | null {
  const lines = (read(`/proc/${pid}/cgroup`) ?? '').split('\n').map((line) => line.split(':'))
  const first = lines.find(([, names]) => names?.split(',').includes('cpu'))?.[2]
  const second = lines.find(([, names]) => names === '')?.[2] ?? ''
  const text = first === undefined
    ? read(`/sys/fs/cgroup${second}/cpu.max`) ?? read('/sys/fs/cgroup/cpu.max')
    : `${read(`/sys/fs/cgroup/cpu${first}/cpu.cfs_quota_us`) ?? ''} ${read(`/sys/fs/cgroup/cpu${first}/cpu.cfs_period_us`) ?? ''}`
  const [quota, period] = (text ?? '').trim().split(/\s+/).map(Number)
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : null
}
