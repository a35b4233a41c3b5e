/** How the browser may show a file of the form. */
import type { FileInput } from '../components/types.ts'

/** Longer than a browser takes to read a file that it has begun to show. */
const RELEASE_MS = 10_000

/**
 * An address under which this page may show the file: none for one on another host, which nobody but our host fetches.
 * `release` when it is no longer shown.
 */
export function viewOf(file: FileInput | null | undefined): { url: string | null; release: () => void } {
  if (file instanceof File) {
    const url = URL.createObjectURL(file)
    // What is being read from it may finish first.
    return { url, release: () => setTimeout(() => URL.revokeObjectURL(url), RELEASE_MS) }
  }
  const isOurs = file !== null && file !== undefined && new URL(file.url, location.href).origin === location.origin
  return { url: isOurs ? file.url : null, release: () => undefined }
}
