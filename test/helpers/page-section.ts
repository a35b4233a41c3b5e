import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const DOCS = new URL('../../docs/', import.meta.url)

/** Puts text between the marks `<!-- section: begin -->` and `<!-- section: end -->` of a page under docs/. @throws when the page has no such section. */
export async function writeSection(page: string, section: string, text: string): Promise<void> {
  const file = fileURLToPath(new URL(page, DOCS))
  await writeFile(file, withSection(await readFile(file, 'utf8'), section, text))
}

/** @throws {Error} when the text has no such section. */
export function withSection(page: string, section: string, text: string): string {
  const [begin, end] = [`<!-- ${section}: begin -->`, `<!-- ${section}: end -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || to === -1) throw new Error(`the page has no section ${section}`)
  return `${page.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${page.slice(to)}`
}
