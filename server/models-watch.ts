import { readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { FolderWatch } from '../workers/folder-watch.ts'
import type { Logger } from './log.ts'
import type { Registry } from './registry.ts'

/** More changes of one model within `OFTEN_MS` are no person's: most likely it writes into its own folder whenever it starts. */
const MOST_OFTEN = 10
const OFTEN_MS = 60_000

interface Watched {
  /** Where the files really are: a link may be made to lead elsewhere. */
  path: string
  watch: FolderWatch
}

/** For those who work on models: what is saved in the models folder comes into force by itself. */
export class ModelsWatch {
  readonly #folder: string
  readonly #registry: Pick<Registry, 'reloadModel' | 'models'>
  readonly #log: Logger
  readonly #entries: FolderWatch
  readonly #watched = new Map<string, Watched>()
  /** Monotonic ms of the last changes of each model, and those that are put off. */
  readonly #changes = new Map<string, number[]>()
  readonly #putOff = new Set<string>()
  #isClosed = false

  constructor(folder: string, registry: Pick<Registry, 'reloadModel' | 'models'>, log: Logger) {
    this.#folder = folder
    this.#registry = registry
    this.#log = log
    this.#entries = new FolderWatch(folder, { changed: () => void this.#entriesChanged() }, { depth: 'names' })
    void this.#begin()
  }

  /** What came between the registry's look and ours is not missed. */
  async #begin(): Promise<void> {
    await this.#entries.begun()
    await this.#follow()
    const unknown = [...this.#watched.keys()].find((name) => !this.#registry.models.has(name))
    if (unknown !== undefined) this.#changed(unknown)
  }

  close(): void {
    this.#isClosed = true
    this.#entries.close()
    for (const { watch } of this.#watched.values()) watch.close()
  }

  /** @returns The names whose folder is another than before, or gone. */
  async #follow(): Promise<string[]> {
    const paths = await this.#paths()
    if (this.#isClosed) return []
    const others = [...this.#watched].filter(([name, { path }]) => paths.get(name) !== path)
    for (const [name, { watch }] of others) {
      watch.close()
      this.#watched.delete(name)
    }
    for (const [name, path] of paths) {
      const known = this.#watched.get(name)
      if (known === undefined) this.#watched.set(name, { path, watch: new FolderWatch(path, { changed: () => this.#changed(name) }) })
      // Removed and made anew between two looks, it is watched no more.
      else known.watch.look()
    }
    await Promise.all([...this.#watched.values()].map(({ watch }) => watch.begun()))
    return others.map(([name]) => name)
  }

  async #paths(): Promise<Map<string, string>> {
    const paths = new Map<string, string>()
    for (const entry of await readdir(this.#folder, { withFileTypes: true }).catch(() => [])) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules' || !(entry.isDirectory() || entry.isSymbolicLink())) continue
      const path = await realpath(join(this.#folder, entry.name)).catch(() => null)
      if (path !== null) paths.set(entry.name, path)
    }
    return paths
  }

  async #entriesChanged(): Promise<void> {
    const before = new Set(this.#watched.keys())
    const others = await this.#follow()
    for (const name of new Set([...others, ...[...this.#watched.keys()].filter((each) => !before.has(each))])) this.#changed(name)
  }

  #changed(name: string): void {
    if (this.#isClosed || this.#putOff.has(name)) return
    const now = performance.now()
    const recent = [...(this.#changes.get(name) ?? []), now].filter((at) => now - at < OFTEN_MS)
    this.#changes.set(name, recent)
    if (recent.length > MOST_OFTEN) this.#putOffChange(name)
    else this.#takeUp(name)
  }

  /** Not for ever: the last change of a hasty person comes into force, too. */
  #putOffChange(name: string): void {
    this.#log.warn({ model: name }, 'the files of a model change again and again; what a model writes itself belongs elsewhere, or into a folder whose name begins with a dot')
    this.#putOff.add(name)
    setTimeout(() => {
      this.#putOff.delete(name)
      this.#changed(name)
    }, OFTEN_MS).unref()
  }

  #takeUp(name: string): void {
    if (this.#registry.models.has(name)) this.#log.info({ model: name }, 'the files of a model changed')
    void this.#registry.reloadModel(name, 'its files changed')
  }
}
