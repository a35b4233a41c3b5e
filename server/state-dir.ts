import { constants } from 'node:fs'
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

import { ConfigError } from './config.ts'

const OWNER_ONLY = 0o700
const OTHERS = 0o077
const STICKY = 0o1000
/** What a host makes in its state folder. */
const OWN_NAMES: ReadonlySet<string> = new Set(['run', 'uploads', 'results', 'examples'])
/** In the root of a fresh volume. */
const VOLUME_NAMES: ReadonlySet<string> = new Set(['lost+found'])

/** The state folder of this host, checked and open to nobody else. */
export interface StateDir {
  /** Absolute. */
  path: string
  /** Removes the folder when it was made for this process alone; for the clean end, after all workers are gone. */
  close(): Promise<void>
}

/**
 * Makes the state folder ready.
 *
 * @param configured `Config.state`; absent, it is a folder under the system's temporary one, per user and port.
 *   With port 0 there is no port to find it again by, so it belongs to this process and goes with it.
 * @throws {ConfigError} when the folder is not, or cannot be made, ours alone.
 */
export async function openStateDir({ configured, port }: { configured: string | undefined; port: number }): Promise<StateDir> {
  const path = configured ?? defaultStateDir(port, process.getuid?.())
  await ensureStateDir(path)
  const temporary = configured === undefined && port === 0
  return { path, close: async () => { if (temporary) await rm(path, { recursive: true, force: true }) } }
}

/** The default state folder. @param uid Absent on Windows, where the temporary folder is per user already. */
export function defaultStateDir(port: number, uid: number | undefined): string {
  const owner = uid ?? 'user'
  return join(tmpdir(), port === 0 ? `footlights-${owner}-pid-${process.pid}` : `footlights-${owner}-${port}`)
}

/**
 * Makes the folder when it is not there, and closes it to other users. One that was there is closed only when nothing but ours is in it.
 *
 * @throws {ConfigError} when another user owns it, when others use it, when it is a symbolic link or no folder, or when it cannot be made.
 */
export async function ensureStateDir(path: string): Promise<void> {
  try {
    await mkdir(dirname(resolve(path)), { recursive: true })
    await mkdir(path, { mode: OWNER_ONLY }).catch(unlessThere)
    if (process.platform === 'win32') await requireFolder(path)
    else await claim(path)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(`FOOTLIGHTS_STATE cannot be ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function unlessThere(error: unknown): void {
  if (errorCode(error) !== 'EEXIST') throw error
}

// Owner and mode are read and changed through one descriptor: in a folder that everyone writes to, a name can be exchanged between two calls.
async function claim(path: string): Promise<void> {
  const folder = await open(resolve(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW).catch((error: unknown) => {
    const code = errorCode(error)
    if (code === 'ELOOP' || code === 'ENOTDIR') throw new ConfigError(`FOOTLIGHTS_STATE must be a folder, and no symbolic link: ${path}`)
    throw error
  })
  try {
    const { uid, mode } = await folder.stat()
    if (uid !== process.getuid?.()) throw new ConfigError(`FOOTLIGHTS_STATE is refused: ${path} belongs to another user (uid ${uid})`)
    if ((mode & OTHERS) === 0 && (mode & OWNER_ONLY) === OWNER_ONLY) return
    await requireUnused(path, mode)
    await folder.chmod(OWNER_ONLY)
  } finally {
    await folder.close()
  }
}

/** Others may rely on a folder that is open to them: /tmp, a home, a project. */
async function requireUnused(path: string, mode: number): Promise<void> {
  const advice = `give the host a folder of its own, such as ${join(path, 'footlights')}`
  if ((mode & STICKY) !== 0) throw new ConfigError(`FOOTLIGHTS_STATE is refused: ${path} is shared by all users, and would be closed to them; ${advice}`)
  const foreign = (await readdir(path)).find((name) => !OWN_NAMES.has(name) && !VOLUME_NAMES.has(name))
  if (foreign !== undefined) throw new ConfigError(`FOOTLIGHTS_STATE is refused: ${path} would be closed to other users, and holds what is not the host's (${foreign}); ${advice}`)
}

async function requireFolder(path: string): Promise<void> {
  if (!(await stat(path)).isDirectory()) throw new ConfigError(`FOOTLIGHTS_STATE must be a folder: ${path}`)
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
