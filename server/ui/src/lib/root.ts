/** Where this host is for the browser: all scripts lie in `<root>assets/ui/`, whatever prefix a proxy puts in front. */
const here: string = import.meta.url

/** Ends with a slash. */
export const root: string = import.meta.env.DEV ? `${location.origin}/` : new URL('../../', here).href

/** The address of something below the host's root. */
export function at(path: string): string {
  return root + path
}

/** The model whose page this is: the first segment below the root; empty on other pages. */
export function modelInAddress(): string {
  const path = decodeURIComponent(location.pathname.slice(new URL(root).pathname.length))
  return path.split('/', 1)[0] ?? ''
}
