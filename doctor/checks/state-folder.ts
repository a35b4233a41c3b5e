/** The folder that the host keeps its files in: is it ours, can it be written, is there room? */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, lstat, rmdir, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ensureStateDir } from '../../server/state-dir.ts'
import type { Finding } from '../finding.ts'
import { inMemory } from '../words.ts'

const MEBIBYTE = 1024 * 1024
const LOW_DISK_BYTES = 500 * MEBIBYTE
const NO_DISK_BYTES = 20 * MEBIBYTE
const LOW_INODES = 1_000
const OTHERS = 0o077

export interface FolderFacts {
  path: string
  isThere: boolean
  /** Why a start could not make it; null when it could, or when it is there. */
  unmakeable: string | null
  /** A symbolic link, or a file, is refused. */
  isFolder: boolean
  isWritable: boolean
  isOurs: boolean
  /** Permission bits. */
  mode: number
  freeBytes: number | null
  freeInodes: number | null
  /** Some file systems make them as they go, and count none. */
  inodes: number | null
}

const NOTHING = { isFolder: false, isWritable: false, isOurs: false, mode: 0, freeBytes: null, freeInodes: null, inodes: null }

export async function lookAtFolder(path: string): Promise<FolderFacts> {
  const found = await lstat(path).catch(() => null)
  if (found === null) return { ...NOTHING, path, isThere: false, unmakeable: await whyNotMade(path) }
  const room = await statfs(path).catch(() => null)
  return {
    path, isThere: true, unmakeable: null, isFolder: found.isDirectory(), mode: found.mode & 0o777,
    isWritable: await access(path, constants.W_OK | constants.X_OK).then(() => true, () => false),
    isOurs: process.getuid === undefined || found.uid === process.getuid(),
    freeBytes: room === null ? null : room.bavail * room.bsize,
    freeInodes: room?.ffree ?? null,
    inodes: room?.files ?? null,
  }
}

/** Permission bits do not tell all, so a folder is made the way that the host makes its own, beside where that would be, and removed at once. */
async function whyNotMade(path: string): Promise<string | null> {
  const parent = await nearestThere(dirname(resolve(path)))
  const tried = join(parent, `.footlights-doctor-${randomBytes(6).toString('hex')}`)
  try {
    await ensureStateDir(tried)
    await rmdir(tried)
    return null
  } catch (error) {
    return `nothing can be made in ${parent}${codeIn(error)}`
  }
}

async function nearestThere(path: string): Promise<string> {
  const isThere = await lstat(path).then(() => true, () => false)
  return isThere || dirname(path) === path ? path : nearestThere(dirname(path))
}

function codeIn(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
}

export function judgeFolder(facts: FolderFacts): Finding {
  const { path, isThere, unmakeable, freeBytes } = facts
  if (unmakeable !== null) return refused(`the state folder ${path} is not there, and a start can not make it: ${unmakeable}`, 'set FOOTLIGHTS_STATE to a folder that the host’s user can make')
  if (!isThere) return { check: 'machine', level: 'ok', text: `the state folder ${path} is not there; a start makes it` }
  const text = `the state folder ${path}${freeBytes === null ? '' : `, ${inMemory(freeBytes)} free`}`
  if (!facts.isFolder) return refused(`${text} is a file or a symbolic link`, 'move it away, or set FOOTLIGHTS_STATE to a folder')
  if (!facts.isOurs) return refused(`${text} belongs to another user`, 'ask as the user of the host; if that is this one, give the folder to it or set FOOTLIGHTS_STATE')
  if (!facts.isWritable) return { check: 'machine', level: 'wrong', cause: 'disk', text: `${text} can not be written`, advice: 'make it writable, or set FOOTLIGHTS_STATE' }
  return judgeRoom(facts, text)
}

/** The host ends at once with it. */
function refused(text: string, advice: string): Finding {
  return { check: 'machine', level: 'wrong', cause: 'configuration', text, advice }
}

function judgeRoom({ path, mode, freeBytes, freeInodes, inodes }: FolderFacts, text: string): Finding {
  const advice = 'make room, or lower keepFilesSeconds: uploads and results are kept there'
  if ((freeBytes ?? Infinity) < NO_DISK_BYTES || (inodes !== 0 && freeInodes === 0)) return { check: 'machine', level: 'wrong', cause: 'disk', text, advice }
  if ((freeBytes ?? Infinity) < LOW_DISK_BYTES) return { check: 'machine', level: 'warning', cause: 'disk', text, advice }
  if (inodes !== 0 && (freeInodes ?? Infinity) < LOW_INODES) return { check: 'machine', level: 'warning', cause: 'disk', text: `${text}, ${freeInodes} inodes left`, advice }
  if ((mode & OTHERS) !== 0) return { check: 'machine', level: 'warning', text: `${text} is open to other users (mode ${mode.toString(8)})`, advice: `\`chmod 700 ${path}\`; a start does it, too` }
  return { check: 'machine', level: 'ok', text }
}
