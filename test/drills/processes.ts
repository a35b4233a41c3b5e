/** Processes as `/proc` shows them: who is below whom, what they hold, which of them outlive a drill. */
import { readdirSync, readFileSync } from 'node:fs'

import { isSameProcess, processStartTime } from '../../workers/ports.ts'

/** Pids below a process, at any depth. */
export function descendants(pid: number): number[] {
  const below: number[] = []
  for (const thread of namesIn(`/proc/${pid}/task`)) {
    const children = textOf(`/proc/${pid}/task/${thread}/children`).split(/\s+/).filter((text) => text !== '').map(Number)
    for (const child of children) below.push(child, ...descendants(child))
  }
  return below
}

/** Resident memory in bytes; 0 when the process is gone. */
export function rssBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
}

/** Proportional set size in bytes: its own memory, and its share of what it shares. 0 when the process is gone. */
export function pssBytesOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024
}

/** CPU time that a process has used so far. Source: proc_pid_stat(5), fields 14 and 15, in ticks of 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const fields = textOf(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100
}

/** Open descriptors; 0 when the process is gone. */
export function descriptorsOf(pid: number): number {
  return namesIn(`/proc/${pid}/fd`).length
}

/** Children of a process that ended and were not buried. */
export function zombiesBelow(pid: number): number[] {
  return descendants(pid).filter((child) => /^\d+ \(.*\) Z/s.test(textOf(`/proc/${child}/stat`)))
}

/** Remembers every process that was ever seen below a host, so that the ones which outlive it can be named. */
export class Census {
  readonly #seen = new Map<number, string>()

  take(pid: number): void {
    for (const child of descendants(pid)) {
      const startTime = processStartTime(child)
      if (startTime !== null) this.#seen.set(child, startTime)
    }
  }

  alive(): number[] {
    return [...this.#seen].filter(([pid, startTime]) => isSameProcess(pid, startTime)).map(([pid]) => pid)
  }

  /** Those still alive when the grace has passed; they are killed. */
  async leftAfter(graceMs: number): Promise<number[]> {
    const until = performance.now() + graceMs
    while (this.alive().length > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20))
    const left = this.alive()
    for (const pid of left) process.kill(pid, 'SIGKILL')
    return left
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // The process is gone.
    return []
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
