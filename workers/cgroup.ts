import { readFileSync } from 'node:fs'

/** The text of a small file; null when there is none, or none for us. */
export type ReadText = (path: string) => string | null

export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** The control groups that bound the memory of this process and its children. */
export interface MemoryGroups {
  version: 1 | 2
  /** Its own first, then each that holds it. In a container the outer ones can't be seen. */
  folders: string[]
}

/**
 * Null where there are none, as on every system but Linux.
 * Source: cgroups(7); where both versions are there, the first one has the memory.
 */
export function memoryGroups(read: ReadText): MemoryGroups | null {
  const lines = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
  const first = lines.find((line) => line?.[1]?.split(',').includes('memory'))?.[2]
  if (first !== undefined) return { version: 1, folders: upwards('/sys/fs/cgroup/memory', first) }
  const second = lines.find((line) => line?.[1] === '')?.[2]
  return second === undefined ? null : { version: 2, folders: upwards('/sys/fs/cgroup', second) }
}

function upwards(root: string, path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '..')
  return Array.from({ length: names.length + 1 }, (_, above) => [root, ...names.slice(0, names.length - above)].join('/'))
}

/** The number behind a name in a file of lines `name number`, such as `memory.stat`. */
export function numberOf(text: string | null, name: string): number | null {
  const found = text === null ? undefined : new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]
  return found === undefined ? null : Number(found)
}
