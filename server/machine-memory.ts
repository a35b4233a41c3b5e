import { memoryGroups, numberOf, type ReadText } from '../workers/cgroup.ts'

export interface MachineMemory {
  /** What can still be taken: free, or given back at once by the caches of files. */
  availableBytes: number
  /** All there is: of the machine, or of the control group that leaves us less. */
  limitBytes: number
}

/**
 * The memory of the machine, or of the tightest control group that we are in. Null where the system does not tell (all but Linux).
 * Sources: proc_meminfo(5); Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst in the Linux kernel.
 */
export function readMachineMemory(read: ReadText): MachineMemory | null {
  const machine = memoryOfMachine(read('/proc/meminfo'))
  if (machine === null) return null
  const groups = memoryGroups(read)
  const bounds = (groups?.folders ?? []).map((folder) => (groups?.version === 1 ? memoryOfFirst(read, folder) : memoryOfSecond(read, folder)))
  const known = [machine, ...bounds.filter((bound) => bound !== null)]
  return {
    availableBytes: Math.max(0, Math.min(...known.map(({ availableBytes }) => availableBytes))),
    limitBytes: Math.min(...known.map(({ limitBytes }) => limitBytes)),
  }
}

function memoryOfMachine(text: string | null): MachineMemory | null {
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text ?? '')?.[1] ?? Number.NaN)
  const [available, total] = [kilobytes('MemAvailable'), kilobytes('MemTotal')]
  return Number.isNaN(available + total) ? null : { availableBytes: available * 1024, limitBytes: total * 1024 }
}

/** `memory.high` is no hard limit, but whoever is above it is slowed down until he is below. */
function memoryOfSecond(read: ReadText, folder: string): MachineMemory | null {
  const limits = ['memory.max', 'memory.high'].map((name) => wholeNumber(read(`${folder}/${name}`))).filter((limit) => limit !== null)
  if (limits.length === 0) return null
  return withinGroup(Math.min(...limits), wholeNumber(read(`${folder}/memory.current`)), numberOf(read(`${folder}/memory.stat`), 'inactive_file'))
}

function memoryOfFirst(read: ReadText, folder: string): MachineMemory | null {
  const limit = wholeNumber(read(`${folder}/memory.limit_in_bytes`))
  // Without a limit the kernel says the largest number it can count to.
  if (limit === null || limit > Number.MAX_SAFE_INTEGER) return null
  return withinGroup(limit, wholeNumber(read(`${folder}/memory.usage_in_bytes`)), numberOf(read(`${folder}/memory.stat`), 'total_inactive_file'))
}

/** What files have left in memory unused counts as used, and is given back before anyone is ended. */
function withinGroup(limitBytes: number, usedBytes: number | null, cachedBytes: number | null): MachineMemory | null {
  return usedBytes === null ? null : { limitBytes, availableBytes: limitBytes - usedBytes + (cachedBytes ?? 0) }
}

function wholeNumber(text: string | null): number | null {
  const trimmed = text?.trim() ?? ''
  return /^\d+$/.test(trimmed) ? Number(trimmed) : null
}
