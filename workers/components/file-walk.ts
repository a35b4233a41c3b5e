import { OutputShapeError } from './definition.ts'
import { type FileAnnouncement, type FileOutput, type FileRef, isFileRef } from './file-value.ts'
import type { ComponentSpec } from './spec.ts'

type OnLeaf = (leaf: unknown, path: string) => unknown

/** A copy of the value with every file leaf replaced. What has no place for a file is left for the schema to refuse. */
function mapLeaves(spec: ComponentSpec, value: unknown, path: string, onLeaf: OnLeaf): unknown {
  if (value === null || value === undefined) return value
  switch (spec.kind) {
    case 'image':
    case 'audio':
    case 'video':
      return onLeaf(value, path)
    case 'file':
      if (spec.multiple !== true) return onLeaf(value, path)
      return Array.isArray(value) ? value.map((leaf: unknown, index) => onLeaf(leaf, `${path}[${index}]`)) : value
    case 'gallery':
      return Array.isArray(value) ? value.map((item: unknown, index) => mapPicture(item, `${path}[${index}].image`, onLeaf)) : value
    default:
      return value
  }
}

function mapPicture(item: unknown, path: string, onLeaf: OnLeaf): unknown {
  if (typeof item !== 'object' || item === null || Array.isArray(item) || !('image' in item)) return item
  return { ...item, image: onLeaf(item.image, path) }
}

/** What `resolve` has made of callers' files. */
const resolved = new WeakSet<object>()

/** One after the other: a caller's files are bounded one by one, not all at once. */
async function mapLeavesAsync(spec: ComponentSpec, value: unknown, path: string, onLeaf: OnLeaf): Promise<unknown> {
  const leaves: [leaf: unknown, path: string][] = []
  mapLeaves(spec, value, path, (leaf, at) => void leaves.push([leaf, at]))
  const mapped: unknown[] = []
  for (const [leaf, at] of leaves) mapped.push(await onLeaf(leaf, at))
  let next = 0
  return mapLeaves(spec, value, path, () => mapped[next++])
}

/**
 * Replaces each file of an unchecked input, e.g. base64 by the `FileRef` of a stored file.
 * Every leaf goes through `resolve`, so a caller can't pass off a local path as a resolved file.
 *
 * @param resolve Gets the leaf as the caller sent it and its path for messages, e.g. `pictures[2].image` when `path` is `pictures`.
 */
export function mapInputFiles(spec: ComponentSpec, value: unknown, resolve: (leaf: unknown, path: string) => unknown, path = ''): Promise<unknown> {
  return mapLeavesAsync(spec, value, path, async (leaf, at) => {
    const file = await resolve(leaf, at)
    if (typeof file === 'object' && file !== null) resolved.add(file)
    return file
  })
}

/**
 * Where an input has a file that did not come through `mapInputFiles`. A model may have become one that takes files since the inputs were read: what only looks like a
 * stored file would then be any file of the machine that a caller names.
 */
export function unresolvedFiles(spec: ComponentSpec, value: unknown, path: string): string[] {
  const paths: string[] = []
  mapLeaves(spec, value, path, (leaf, at) => {
    if (typeof leaf !== 'object' || leaf === null || !resolved.has(leaf)) paths.push(at)
    return leaf
  })
  return paths
}

/** Replaces each file of an output that its component has checked, e.g. by the `FileRef` of a copy in the state folder. */
export function mapOutputFiles(spec: ComponentSpec, value: unknown, keep: (file: FileOutput | FileRef, path: string) => unknown, path = ''): Promise<unknown> {
  return mapLeavesAsync(spec, value, path, (leaf, at) => keep(isFileRef(leaf) ? leaf : asFileOutput(leaf, at), at))
}

/** Replaces each file that an author wrote into `examples` or `value`. */
export function mapAuthorFiles(spec: ComponentSpec, value: unknown, keep: (file: FileAnnouncement, path: string) => unknown, path = ''): Promise<unknown> {
  return mapLeavesAsync(spec, value, path, (leaf, at) => keep(asAnnouncement(leaf, at), at))
}

/** Replaces each kept file by its form for a caller, e.g. `{ url, name, size, mimeType }`; at once, for it needs no disk. */
export function renderFiles(spec: ComponentSpec, value: unknown, render: (file: FileRef) => unknown): unknown {
  return mapLeaves(spec, value, '', (leaf, path) => {
    if (!isFileRef(leaf)) throw new OutputShapeError(path, 'is no kept file')
    return render(leaf)
  })
}

function asFileOutput(leaf: unknown, path: string): FileOutput {
  if (typeof leaf === 'object' && leaf !== null) {
    const { path: local, data, mimeType, name }: { path?: unknown; data?: unknown; mimeType?: unknown; name?: unknown } = leaf
    const named = { ...(typeof mimeType === 'string' && { mimeType }), ...(typeof name === 'string' && { name }) }
    if (data instanceof Uint8Array) return { data, ...named }
    if (typeof local === 'string') return { path: local, ...named }
  }
  throw new OutputShapeError(path, 'is no file')
}

function asAnnouncement(leaf: unknown, path: string): FileAnnouncement {
  const file = asFileOutput(leaf, path)
  if ('data' in file) throw new OutputShapeError(path, 'must be a file: { path }')
  return file
}
