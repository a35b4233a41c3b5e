/** Files that are dropped or pasted anywhere in the page find the input that they are for; none ever replaces the page itself. */

export interface IntakeTarget {
  element: HTMLElement
  isEmpty(): boolean
  isDisabled(): boolean
  takesPaste(): boolean
  /** Could it take one of these MIME types? Types are all that is known while something is dragged. */
  accepts(types: readonly string[]): boolean
  take(files: File[]): void
  /** Something is dragged over the page and would go here. */
  hover(isOver: boolean): void
}

const targets = new Set<IntakeTarget>()
let hovered: IntakeTarget | null = null

/** @returns what ends it. */
export function receiveFiles(target: IntakeTarget): () => void {
  if (targets.size === 0) listen('addEventListener')
  targets.add(target)
  return () => {
    targets.delete(target)
    if (hovered === target) hovered = null
    if (targets.size === 0) listen('removeEventListener')
  }
}

function listen(change: 'addEventListener' | 'removeEventListener'): void {
  window[change]('dragover', onDragOver as EventListener)
  window[change]('dragleave', onDragLeave as EventListener)
  window[change]('drop', onDrop as EventListener)
  window[change]('paste', onPaste as EventListener)
}

/** The one under the pointer or the focus, else the first empty one, else the first. */
function pick(types: readonly string[], at: EventTarget | null, fits: (target: IntakeTarget) => boolean = () => true): IntakeTarget | null {
  const able = [...targets].filter((target) => !target.isDisabled() && target.accepts(types) && fits(target))
  // They come in the order in which their code arrived; the visitor reads from the top.
  able.sort((a, b) => (a.element.compareDocumentPosition(b.element) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1))
  return able.find(({ element }) => at instanceof Node && element.contains(at)) ?? able.find((target) => target.isEmpty()) ?? able[0] ?? null
}

function hover(target: IntakeTarget | null): void {
  if (hovered === target) return
  hovered?.hover(false)
  hovered = target
  target?.hover(true)
}

function draggedTypes(event: DragEvent): string[] | null {
  const items = [...(event.dataTransfer?.items ?? [])].filter(({ kind }) => kind === 'file')
  return items.length > 0 ? items.map(({ type }) => type) : null
}

function onDragOver(event: DragEvent): void {
  const types = draggedTypes(event)
  if (types === null) return
  event.preventDefault()
  const target = pick(types, event.target)
  if (event.dataTransfer !== null) event.dataTransfer.dropEffect = target === null ? 'none' : 'copy'
  hover(target)
}

function onDragLeave(event: DragEvent): void {
  if (event.relatedTarget === null) hover(null)
}

function onDrop(event: DragEvent): void {
  hover(null)
  const files = [...(event.dataTransfer?.files ?? [])]
  if (files.length === 0) return
  event.preventDefault()
  pick(files.map(({ type }) => type), event.target)?.take(files)
}

function onPaste(event: ClipboardEvent): void {
  const files = [...(event.clipboardData?.files ?? [])]
  if (files.length === 0 || event.defaultPrevented) return
  const target = pick(files.map(({ type }) => type), event.target, (candidate) => candidate.takesPaste())
  if (target === null) return
  event.preventDefault()
  target.take(files)
}
