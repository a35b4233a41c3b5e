/** Markdown to HTML that is safe to put into the page: raw HTML stays text, and only harmless elements and attributes are left. */
import DOMPurify from 'dompurify'
import { Marked, type Token, type Tokens, type TokensList } from 'marked'

import { words } from './component-text.ts'
import { isOwnPicture } from './own-picture.ts'

/** One block of a text. `key` is equal for equal blocks, so that a growing text keeps all but its last. */
export interface Block {
  html: string
  code?: { text: string; language: string }
}

type Formula = (source: string, isBlock: boolean) => string

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
}

let formula: Formula | null = null

/** Draws formulas from now on; until then they are shown as code. */
export function setFormula(render: Formula): void {
  formula = render
}

/** Is there something that looks like a formula? */
export function hasFormula(text: string): boolean {
  return /\$\$|\\\(|\\\[|\$[^\s$][^$\n]*\$/.test(text)
}

function math(name: string, level: 'inline' | 'block', pattern: RegExp, hint: (source: string) => number | undefined) {
  return {
    name,
    level,
    start: hint,
    tokenizer(source: string): Tokens.Generic | undefined {
      const match = pattern.exec(source)
      const text = match?.slice(1).find((group) => group !== undefined)
      return match === null || text === undefined ? undefined : { type: name, raw: match[0], text: text.trim() }
    },
    renderer(token: Tokens.Generic): string {
      const source = String(token['text'])
      return formula === null ? `<code>${escaped(source)}</code>` : formula(source, level === 'block')
    },
  }
}

function startOf(source: string, pattern: RegExp): number | undefined {
  const at = source.search(pattern)
  return at < 0 ? undefined : at
}

const marked = new Marked({
  gfm: true,
  breaks: false,
  extensions: [
    math('blockFormula', 'block', /^(?:\$\$([^$]+?)\$\$|\\\[([\s\S]+?)\\\])(?:\n|$)/, (source) => startOf(source, /\$\$|\\\[/)),
    math('inlineFormula', 'inline', /^(?:\$\$([^$\n]+?)\$\$|\$(?!\s)((?:\\.|[^$\\\n])+?)(?<!\s)\$(?!\d)|\\\(([\s\S]+?)\\\))/, (source) => startOf(source, /\$|\\\(/)),
  ],
  renderer: {
    html: ({ text }) => escaped(text),
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    // The policy lets no other host serve pictures: a link says where it is.
    image({ href, title, text }) {
      const caption = title ?? text
      if (isOwnPicture(href)) return `<img src="${escaped(href)}" alt="${escaped(text)}" title="${escaped(title ?? '')}">`
      return `<a href="${escaped(href)}">${escaped(words.prose.image(caption))}</a>`
    },
  },
})

/** Elements that Markdown makes, MathML, and nothing that loads, runs or takes input. */
const PURIFY = {
  ALLOWED_TAGS: [
    ...['a', 'blockquote', 'br', 'code', 'del', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'img', 'li', 'ol', 'p', 'pre', 'span', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
    ...['annotation', 'math', 'menclose', 'merror', 'mfrac', 'mi', 'mmultiscripts', 'mn', 'mo', 'mover', 'mpadded', 'mphantom', 'mprescripts', 'mroot', 'mrow', 'ms', 'mspace', 'msqrt', 'mstyle'],
    ...['msub', 'msubsup', 'msup', 'mtable', 'mtd', 'mtext', 'mtr', 'munder', 'munderover', 'semantics'],
  ],
  ALLOWED_ATTR: [
    ...['align', 'alt', 'class', 'display', 'encoding', 'href', 'src', 'start', 'title', 'target', 'rel', 'tabindex'],
    ...['accent', 'accentunder', 'columnalign', 'columnspacing', 'depth', 'fence', 'form', 'height', 'largeop', 'linethickness', 'lspace', 'mathvariant', 'maxsize', 'minsize', 'movablelimits'],
    ...['notation', 'rowspacing', 'rspace', 'scriptlevel', 'separator', 'stretchy', 'symmetric', 'voffset', 'width', 'xmlns'],
  ],
  ALLOW_DATA_ATTR: false,
}

const purify = DOMPurify()
purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A') return
  node.setAttribute('target', '_blank')
  node.setAttribute('rel', 'noopener noreferrer')
})

/** The text in blocks, each with its HTML; fenced code comes as data. @param cache from the call before, for a text that grows. */
export function markdownBlocks(text: string, cache: Map<string, string> = new Map()): Block[] {
  const tokens = marked.lexer(text)
  const before = new Map(cache)
  cache.clear()
  return tokens
    .filter(({ type }) => type !== 'space' && type !== 'def')
    .map((token) => {
      if (isCode(token)) return { html: '', code: { text: token.text, language: (token.lang ?? '').trim().split(/\s/, 1)[0] ?? '' } }
      const html = before.get(token.raw) ?? cache.get(token.raw) ?? render(token, tokens.links)
      cache.set(token.raw, html)
      return { html }
    })
}

function isCode(token: Token): token is Tokens.Code {
  return token.type === 'code'
}

function render(token: Token, links: TokensList['links']): string {
  const html = marked.parser(Object.assign([token], { links }))
  return purify.sanitize(html, PURIFY)
}
