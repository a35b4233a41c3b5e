const MAX_UPLOADS = 1_000
/** A watcher may come this much before the upload, or after its end. */
const MEET_MS = 3_000

/** Bytes of one file since the watcher was last told. */
export interface UploadStep {
  name: string
  bytes: number
}

/** One upload that announced an id: how far it is, for one who watches. */
class WatchedUpload {
  readonly #began = Promise.withResolvers<void>()
  #steps: UploadStep[] = []
  #isDone = false
  #wake = Promise.withResolvers<void>()

  get began(): Promise<void> {
    return this.#began.promise
  }

  begin(): void {
    this.#began.resolve()
  }

  add(name: string, bytes: number): void {
    const last = this.#steps.at(-1)
    if (last?.name === name) last.bytes += bytes
    else this.#steps.push({ name, bytes })
    this.#wake.resolve()
  }

  finish(): void {
    this.#isDone = true
    this.#wake.resolve()
  }

  async *steps(signal: AbortSignal): AsyncGenerator<UploadStep> {
    signal.addEventListener('abort', () => this.#wake.resolve(), { once: true })
    while (!signal.aborted) {
      await this.#wake.promise
      this.#wake = Promise.withResolvers()
      yield* this.#steps.splice(0)
      if (this.#isDone) return
    }
  }
}

/** Uploads under way by the ids that their senders chose; bounded, and forgotten soon after their end. */
export class UploadBoard {
  readonly #uploads = new Map<string, WatchedUpload>()

  /** The upload of this id, which sender and watcher may name in any order. */
  #upload(id: string): WatchedUpload | undefined {
    const known = this.#uploads.get(id)
    if (known !== undefined) return known
    if (this.#uploads.size >= MAX_UPLOADS) return undefined
    const upload = new WatchedUpload()
    this.#uploads.set(id, upload)
    return upload
  }

  /** @returns what the sender reports to; undefined when too many are watched already. */
  begin(id: string): WatchedUpload | undefined {
    const upload = this.#upload(id)
    upload?.begin()
    return upload
  }

  /** Tells the end, and forgets the upload once a late watcher could have come. */
  finish(id: string): void {
    const upload = this.#uploads.get(id)
    upload?.finish()
    this.#forgetLater(id)
  }

  /** The steps of an upload, or null when it does not begin within 3 s. */
  async watch(id: string, signal: AbortSignal): Promise<AsyncGenerator<UploadStep> | null> {
    const isFirst = !this.#uploads.has(id)
    const upload = this.#upload(id)
    if (upload === undefined) return null
    const late = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => late.resolve('late'), MEET_MS)
    const outcome = await Promise.race([upload.began, late.promise])
    clearTimeout(timer)
    if (outcome !== 'late') return upload.steps(signal)
    if (isFirst && this.#uploads.get(id) === upload) this.#uploads.delete(id)
    return null
  }

  #forgetLater(id: string): void {
    const upload = this.#uploads.get(id)
    setTimeout(() => {
      if (this.#uploads.get(id) === upload) this.#uploads.delete(id)
    }, MEET_MS).unref()
  }
}
