import { writeFileSync } from 'node:fs'
import { memoryGroups, numberOf, type ReadText, readText } from './cgroup.ts'

/** In thousandths of the machine's memory: a worker counts for so much more than it holds when the kernel looks for whom to end. */
const SCORE_ABOVE_OURS = 500
const HIGHEST_SCORE = 1_000

/** Has the kernel end a worker, never the front, when the memory of the machine is used up. To be raised needs no privilege; elsewhere than on Linux nothing happens. */
export function offerToKernel(pid: number): void {
  const ours = Number(readText('/proc/self/oom_score_adj') ?? Number.NaN)
  if (Number.isNaN(ours)) return
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(Math.min(HIGHEST_SCORE, ours + SCORE_ABOVE_OURS)))
  } catch {
    // It has ended already, or a sandbox forbids it: then the kernel judges by size alone.
  }
}

/**
 * How many processes the kernel has ended for want of memory, and whether one that has just ended was among them. The count is that of our
 * control group, or, outside of any, of the whole machine: so only a rise within the last two looks speaks for a worker of ours.
 */
export class OomKills {
  readonly #read: ReadText
  #before: number | null
  #latest: number | null

  constructor(read: ReadText = readText) {
    this.#read = read
    this.#before = this.#latest = this.#count()
  }

  /** Called about every second. */
  look(): void {
    this.#before = this.#latest
    this.#latest = this.#count()
  }

  /** True when the kernel has ended one more than was known, which from now on is known. For a process that was ended by SIGKILL, and not by us. */
  takeOne(): boolean {
    const now = this.#count()
    if (now === null || this.#before === null || now <= this.#before) return false
    this.#before++
    return true
  }

  #count(): number | null {
    const groups = memoryGroups(this.#read)
    for (const folder of groups?.folders ?? []) {
      const count = numberOf(this.#read(`${folder}/${groups?.version === 1 ? 'memory.oom_control' : 'memory.events'}`), 'oom_kill')
      if (count !== null) return count
    }
    return numberOf(this.#read('/proc/vmstat'), 'oom_kill')
  }
}
