import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { isSameProcess, parentOf, processStartTime } from '../workers/ports.ts'
import { removeSocket } from './siblings/socket-path.ts'

const STATE_FILE = /^([1-9]\d*)\.(?:json(?:\.tmp)?|sock)$/

const runRecordSchema = z.object({
  pid: z.int().positive(),
  /** Null where the platform does not tell; nothing is ever signalled on its account. */
  startTime: z.string().nullable(),
  port: z.int().min(0).max(65_535),
  host: z.string(),
  parentPid: z.int().nonnegative(),
  workers: z.array(z.object({ pid: z.int().positive(), startTime: z.string().nullable(), model: z.string() })),
  /** ISO 8601. */
  startedAt: z.string(),
  /** The front's own Unix socket, for its siblings. */
  socket: z.string().exactOptional(),
})

/** What a front writes down of itself, so that its successor can tell its processes from those of strangers. */
export type RunRecord = z.output<typeof runRecordSchema>
export type RunWorker = RunRecord['workers'][number]

export interface RunStateOptions {
  port: number
  host: string
  socket?: string
  /** Hears when the file cannot be written. The front runs on, only its orphans would not be found. */
  onWriteError: (error: unknown) => void
}

/** The run-state file of this front, `run/<pid>.json` in the state folder, mode 0600. */
export class RunState {
  readonly #path: string
  readonly #onWriteError: (error: unknown) => void
  readonly #record: RunRecord
  #pending = false
  #removed = false

  private constructor(path: string, record: RunRecord, onWriteError: (error: unknown) => void) {
    this.#path = path
    this.#record = record
    this.#onWriteError = onWriteError
  }

  /** Writes the file. Reap first: a front of an earlier boot may have had this pid. */
  static open(stateDir: string, { port, host, socket, onWriteError }: RunStateOptions): RunState {
    const record: RunRecord = {
      pid: process.pid,
      startTime: processStartTime(process.pid),
      port,
      host,
      parentPid: process.ppid,
      workers: [],
      startedAt: new Date().toISOString(),
      ...(socket === undefined ? {} : { socket }),
    }
    const state = new RunState(join(runFolder(stateDir), `${process.pid}.json`), record, onWriteError)
    state.#write()
    return state
  }

  /** What became known later: the port that was taken for 0, the socket. */
  update(known: { port?: number; socket?: string }): void {
    Object.assign(this.#record, known)
    this.#writeSoon()
  }

  /** Call in the same turn in which the worker was spawned. */
  workerSpawned(workerPid: number, model: string): void {
    const startTime = processStartTime(workerPid)
    this.#record.workers = [...this.#record.workers.filter((worker) => worker.pid !== workerPid), { pid: workerPid, startTime, model }]
    this.#writeSoon()
  }

  workerExited(workerPid: number): void {
    this.#record.workers = this.#record.workers.filter((worker) => worker.pid !== workerPid)
    this.#writeSoon()
  }

  /** For a clean end, when no worker is left. */
  remove(): void {
    this.#removed = true
    for (const path of [this.#path, `${this.#path}.tmp`]) rmSync(path, { force: true })
  }

  /** One write for all changes of a turn; before any other event, so that a crash finds the file true. */
  #writeSoon(): void {
    if (this.#pending) return
    this.#pending = true
    queueMicrotask(() => {
      this.#pending = false
      this.#write()
    })
  }

  #write(): void {
    if (this.#removed) return
    try {
      // Each time, for a cleaner of the temporary folder may have taken it.
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
      // A rename replaces the file as a whole: no reader sees half of it.
      writeFileSync(`${this.#path}.tmp`, JSON.stringify(this.#record), { mode: 0o600 })
      renameSync(`${this.#path}.tmp`, this.#path)
    } catch (error) {
      this.#onWriteError(error)
    }
  }
}

/** A front other than this one, by its run-state file. */
export interface KnownFront {
  record: RunRecord
  /** It still runs: by its start time, or at least by its pid where the platform does not tell more. */
  isAlive: boolean
  /** The process that started it is gone. False for a front that had none from the beginning, such as a service of the system. */
  isParentGone: boolean
  /** Those that still run, each proven by its start time. */
  workers: RunWorker[]
}

/** All fronts but this one that left a readable file in the state folder, alive or not. */
export function findFronts(stateDir: string): KnownFront[] {
  return stateFiles(stateDir).flatMap(({ path, owner }) => {
    const record = path.endsWith('.json') ? readRecord(path, owner) : null
    return record === null || isOwn(record) ? [] : [describeFront(record)]
  })
}

export interface RunLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface ReapOptions {
  log: RunLog
  /** `process.kill`; throws when the signal cannot be sent. */
  kill: (pid: number, signal: 'SIGTERM' | 'SIGKILL') => void
}

/** Ends the workers of dead fronts and removes the files and sockets of those. @returns how many workers it ended. */
export function reapOrphans(stateDir: string, { log, kill }: ReapOptions): number {
  let ended = 0
  for (const { record, isAlive, workers } of findFronts(stateDir)) {
    if (isAlive) continue
    for (const worker of workers) if (endProcess(worker, 'SIGKILL', { log, kill, what: `orphaned worker of ${worker.model}`, front: record.pid })) ended += 1
  }
  for (const { path, owner } of stateFiles(stateDir)) {
    const record = readRecord(path, owner)
    if (isRunning(owner, record?.startTime ?? null)) continue
    if (record?.socket !== undefined) removeSocket(record.socket)
    rmSync(path, { force: true })
  }
  return ended
}

/** Signals a process when it is the one meant, and says so. False when it is gone already or the signal is not allowed. */
export function endProcess(
  target: { pid: number; startTime: string | null },
  signal: 'SIGTERM' | 'SIGKILL',
  { log, kill, what, front }: ReapOptions & { what: string; front: number },
): boolean {
  // As the target of a signal 0 and 1 mean a group of processes and the system itself.
  if (target.pid <= 1 || !isSameProcess(target.pid, target.startTime)) return false
  try {
    kill(target.pid, signal)
  } catch (error) {
    log.warn({ target: target.pid, front, signal, error }, `could not end ${what}`)
    return false
  }
  log.warn({ target: target.pid, front, signal }, signal === 'SIGKILL' ? `ended ${what}` : `asked ${what} to end`)
  return true
}

function describeFront(record: RunRecord): KnownFront {
  const isAlive = isRunning(record.pid, record.startTime)
  return {
    record,
    isAlive,
    isParentGone: isSameProcess(record.pid, record.startTime) && parentOf(record.pid) !== record.parentPid,
    workers: record.workers.filter((worker) => isSameProcess(worker.pid, worker.startTime)),
  }
}

/** Without a start time, a file belongs to whoever has its pid: on such evidence it is kept, and nobody signalled. */
function isRunning(pid: number, startTime: string | null): boolean {
  if (startTime !== null) return isSameProcess(pid, startTime)
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function isOwn(record: RunRecord): boolean {
  return record.pid === process.pid && isRunning(record.pid, record.startTime)
}

function readRecord(path: string, owner: number): RunRecord | null {
  try {
    const record = runRecordSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
    return record.pid === owner ? record : null
  } catch {
    // Half a file of a crash, or gone meanwhile: it says nothing.
    return null
  }
}

function stateFiles(stateDir: string): { path: string; owner: number }[] {
  const folder = runFolder(stateDir)
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const owner = STATE_FILE.exec(name)?.[1]
    return owner === undefined ? [] : [{ path: join(folder, name), owner: Number(owner) }]
  })
}

function runFolder(stateDir: string): string {
  return join(stateDir, 'run')
}
