/** Colours for code that is only read. Loaded by those who show code, with the languages that models tend to show. */
import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import css from 'highlight.js/lib/languages/css'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import python from 'highlight.js/lib/languages/python'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'

for (const [name, language] of Object.entries({ bash, css, javascript, json, python, sql, typescript, xml })) hljs.registerLanguage(name, language)

/** Longer code is shown plain: colouring it would hold the page up. */
const LONGEST = 200_000

/** HTML of spans with classes alone, all text in it escaped; null for a language that is not known. */
export function highlight(code: string, language: string): string | null {
  if (code.length > LONGEST || hljs.getLanguage(language) === undefined) return null
  return hljs.highlight(code, { language, ignoreIllegals: true }).value
}
