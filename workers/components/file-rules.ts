/** Which files a component takes. Free of other modules, since the pages ask the same questions. */

/** Browsers and recorders name some sounds and films by their container. */
const ALSO: Record<string, readonly string[]> = {
  audio: ['application/ogg', 'video/webm', 'video/ogg', 'video/mp4'],
  video: ['application/ogg', 'application/mp4'],
}

/** Is a file of this MIME type one of the kind (`image`, `audio`, `video`)? */
export function isMediaType(kind: 'image' | 'audio' | 'video', mimeType: string): boolean {
  const type = essence(mimeType)
  return type.startsWith(`${kind}/`) || (ALSO[kind]?.includes(type) ?? false)
}

/** Does the file fit one of the `accept` rules, by MIME type or by the end of its name? */
export function isAccepted(accept: readonly string[], file: { name: string; mimeType: string }): boolean {
  const [type, name] = [essence(file.mimeType), file.name.toLowerCase()]
  return accept.some((given) => {
    const rule = given.toLowerCase()
    if (rule.startsWith('.')) return name.endsWith(rule)
    return rule === '*/*' || (rule.endsWith('/*') ? type.startsWith(rule.slice(0, -1)) : type === rule)
  })
}

function essence(mimeType: string): string {
  return (mimeType.split(';', 1)[0] ?? '').trim().toLowerCase()
}

/** Bytes in words: `5 MB`, `640 kB`. */
export function bytesInWords(bytes: number): string {
  if (bytes >= 1_000_000) return `${Number((bytes / 1_000_000).toFixed(1))} MB`
  return bytes >= 1_000 ? `${Number((bytes / 1_000).toFixed(1))} kB` : `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`
}
