import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const FOLDER_NAME = /^[0-9a-f]{32}$/

export interface SweepOptions {
  /** Folders whose folders of 32 hex digits are judged; nothing else in them is touched. */
  areas: readonly string[]
  keepMs: number
  maxTotalBytes: number
  /** Wall time in ms, as the file system counts. */
  now: number
  /** In use: stays, whatever its age. */
  isHeld: (folder: string) => boolean
}

export interface SweepReport {
  removedFolders: number
  removedBytes: number
  keptBytes: number
}

interface StoredFolder {
  path: string
  bytes: number
  lastUsedMs: number
}

/** Removes what is past its time, then the longest unused while all together are too large. A folder's own modification time is its last use. */
export async function sweepFolders({ areas, keepMs, maxTotalBytes, now, isHeld }: SweepOptions): Promise<SweepReport> {
  const folders = (await Promise.all(areas.map(storedFolders))).flat()
  const report: SweepReport = { removedFolders: 0, removedBytes: 0, keptBytes: folders.reduce((sum, { bytes }) => sum + bytes, 0) }
  for (const folder of folders.sort((a, b) => a.lastUsedMs - b.lastUsedMs)) {
    const isDue = now - folder.lastUsedMs > keepMs || report.keptBytes > maxTotalBytes
    if (!isDue || isHeld(folder.path)) continue
    await rm(folder.path, { recursive: true, force: true })
    report.removedFolders += 1
    report.removedBytes += folder.bytes
    report.keptBytes -= folder.bytes
  }
  return report
}

async function storedFolders(area: string): Promise<StoredFolder[]> {
  const folders: StoredFolder[] = []
  // A cleaner of the temporary folder may have taken the whole area.
  const entries = await readdir(area, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isDirectory() || !FOLDER_NAME.test(entry.name)) continue
    const folder = await measure(join(area, entry.name))
    if (folder !== null) folders.push(folder)
  }
  return folders
}

/** Null when the sweep of another front was faster. */
async function measure(path: string): Promise<StoredFolder | null> {
  try {
    const { mtimeMs } = await lstat(path)
    let bytes = 0
    for (const name of await readdir(path)) bytes += (await lstat(join(path, name))).size
    return { path, bytes, lastUsedMs: mtimeMs }
  } catch {
    return null
  }
}
