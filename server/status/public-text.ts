/** Error texts for open pages: what happened stays, where on the disk does not. */

const MAX_CHARACTERS = 500
const STACK_LINE = /^\s+at .*$/gm
/** An absolute path with at least two segments, with or without `file://`; the last segment is kept. */
const UNIX_PATH = /(?:file:\/\/)?(?<![\w.:/-])\/(?:[^\s/'"`<>|:;,()]+\/)+([^\s/'"`<>|:;,()]*)/g
const WINDOWS_PATH = /(?:file:\/\/\/)?\b[A-Za-z]:[\\/](?:[^\s\\/'"`<>|:;,()]+[\\/])*([^\s\\/'"`<>|:;,()]*)/g

/** The text without stack lines and folders, at most 500 characters. */
export function withoutPaths(text: string): string {
  return text.replace(STACK_LINE, '').replace(WINDOWS_PATH, '$1').replace(UNIX_PATH, '$1').replace(/\s*\n\s*/g, ' ').trim().slice(0, MAX_CHARACTERS)
}
