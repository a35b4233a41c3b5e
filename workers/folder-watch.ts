import { type FSWatcher, watch } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** A save is several events, and weights are written for seconds: a change is over when nothing more has come for so long. */
const QUIET_MS = 300
/** A folder that is gone has nothing that would tell of its return. */
const LOOK_FOR_IT_MS = 1_000
/** Folders watched at most, of one that somebody pointed at his whole disk. */
const MOST_FOLDERS = 1_000

/** What editors and downloads leave beside a file while they write it, and what is no source: dot files, packages, logs. */
const NOT_WATCHED = /^\.|^node_modules$|^__pycache__$|~$|^#.*#$|^4913$|\.(?:log|tmp|temp|part|partial|crdownload|sw[a-px])$/i

export interface FolderWatchEvents {
  /** What is in the folder is not what it was; all is quiet again. */
  changed(): void
}

export interface FolderWatchOptions {
  /** `inside`: the files at any depth, without the model's own `page/`, which is served from disk as it is. `names`: only which entries there are. */
  depth: 'inside' | 'names'
}

/**
 * Says when something in a folder has changed, once all of it has been written: added, removed, renamed, or with another size or time.
 * Folders are watched one by one, so that those that are no part of a model cost nothing and one that is made anew is found again.
 * One that is gone as a whole, or can't be watched (the kernel has a limit), is looked at once a second; what can't be watched further down leaves `look`.
 */
export class FolderWatch {
  readonly #folder: string
  readonly #events: FolderWatchEvents
  readonly #depth: FolderWatchOptions['depth']
  readonly #watchers = new Map<string, { watcher: FSWatcher; id: string }>()
  #seen: string | null = null
  #looking: Promise<void>
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(folder: string, events: FolderWatchEvents, { depth }: FolderWatchOptions = { depth: 'inside' }) {
    this.#folder = folder
    this.#events = events
    this.#depth = depth
    this.#looking = this.#compare()
  }

  /** Resolves when what is there now has been taken note of, and every later change will be seen. */
  async begun(): Promise<void> {
    await this.#looking
  }

  /** Compares what is there with what was, after the usual quiet; for whoever knows better than the file system's events. */
  look(): void {
    this.#lookAfter(QUIET_MS)
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const { watcher } of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #lookAfter(ms: number): void {
    if (this.#closed) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#looking = this.#looking.then(() => this.#compare())
    }, ms).unref()
  }

  async #compare(): Promise<void> {
    const found = new Map<string, string>()
    const folders = new Map<string, string>()
    if (this.#depth === 'names') await this.#takeNames(found, folders)
    else await this.#takeInside(this.#folder, found, folders)
    if (this.#closed) return
    for (const [path, { watcher }] of this.#watchers) if (!folders.has(path)) this.#unwatch(path, watcher)
    if (!this.#watchers.has(this.#folder)) this.#lookAfter(LOOK_FOR_IT_MS)
    const before = this.#seen
    this.#seen = JSON.stringify([...found].sort())
    if (before !== null && before !== this.#seen) this.#events.changed()
  }

  async #takeNames(found: Map<string, string>, folders: Map<string, string>): Promise<void> {
    await this.#enter(this.#folder, folders)
    for (const name of await readdir(this.#folder).catch((): string[] => [])) {
      // Where a link leads to is a part of what is there.
      if (!NOT_WATCHED.test(name)) found.set(name, await realpath(join(this.#folder, name)).catch(() => ''))
    }
  }

  async #takeInside(folder: string, found: Map<string, string>, folders: Map<string, string>): Promise<void> {
    if (!(await this.#enter(folder, folders))) return
    for (const name of await readdir(folder).catch((): string[] => [])) {
      if (NOT_WATCHED.test(name) || (name === 'page' && folder === this.#folder)) continue
      const path = join(folder, name)
      const stats = await stat(path).catch(() => null)
      if (stats?.isDirectory() === true) await this.#takeInside(path, found, folders)
      else if (stats !== null) found.set(path, `${stats.ino} ${stats.size} ${stats.mtimeMs}`)
    }
  }

  /** Watches a folder before it is read, so that nothing falls in between. @returns False for one that is not to be read: gone, seen before through a link, or one too many. */
  async #enter(folder: string, folders: Map<string, string>): Promise<boolean> {
    const stats = await stat(folder).catch(() => null)
    if (stats === null || this.#closed || folders.size >= MOST_FOLDERS) return false
    // A number of the file system is given again as soon as it is free; the time of birth is not.
    const id = `${stats.dev} ${stats.ino} ${stats.birthtimeMs}`
    for (const known of folders.values()) if (known === id) return false
    folders.set(folder, id)
    const known = this.#watchers.get(folder)
    // Made anew under the same name, it is another one, and the old one's watcher hears nothing any more.
    if (known !== undefined && known.id !== id) this.#unwatch(folder, known.watcher)
    if (!this.#watchers.has(folder)) this.#watch(folder, id)
    return true
  }

  #watch(folder: string, id: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        // By its own name a folder says that it is gone.
        if (name === null || name === basename(folder) || !NOT_WATCHED.test(name)) this.look()
      })
      watcher.on('error', () => {
        this.#unwatch(folder, watcher)
        this.#lookAfter(LOOK_FOR_IT_MS)
      })
      this.#watchers.set(folder, { watcher, id })
    } catch {
      // The next look at another folder's event, or the operator's word, finds the change all the same.
    }
  }

  #unwatch(folder: string, watcher: FSWatcher): void {
    watcher.close()
    if (this.#watchers.get(folder)?.watcher === watcher) this.#watchers.delete(folder)
  }
}
