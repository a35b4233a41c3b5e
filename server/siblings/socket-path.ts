import { lstatSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** What fits into `sun_path` on every system that has it, without its final zero; macOS has the least. */
const MOST_BYTES = 103
const FALLBACK = 'footlights-socket-'

/**
 * Where this front's socket shall be: beside its run-state file, or in a folder of its own under the temporary one when that path is too long.
 * Null where neither fits, and on Windows.
 */
export function makeSocketPath(stateDir: string): string | null {
  if (process.platform === 'win32') return null
  const folder = join(stateDir, 'run')
  const path = join(folder, `${process.pid}.sock`)
  if (fits(path)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // Of an earlier front with our pid.
    removeSocket(path)
    return path
  }
  if (!fits(join(tmpdir(), `${FALLBACK}XXXXXX`, 'sock'))) return null
  return join(mkdtempSync(join(tmpdir(), FALLBACK)), 'sock')
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= MOST_BYTES
}

/** Removes the socket of a front that has ended, and nothing that is no socket. */
export function removeSocket(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path)
    if (basename(dirname(path)).startsWith(FALLBACK)) rmdirSync(dirname(path))
  } catch {
    // Gone meanwhile, or not ours to remove: whoever connects finds nobody.
  }
}
