/**
 * HTML that an author wrote, made harmless and drawn in a frame of its own. Nothing in the frame runs: it is sandboxed without scripts. Its styles are kept.
 * The page's policy, which the frame inherits, blocks styles in markup, so they are carried over as objects.
 */
import DOMPurify from 'dompurify'

import { isOwnPicture } from './own-picture.ts'

/** A tag with its attributes, quoted or not. */
const TAG = /<([a-z][^\s/>]*)((?:\s+|\/|[^\s"'>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*)>/gi
const STYLE_ATTRIBUTE = /(^|[\s"'/])style(\s*=)/gi
const STYLE_ELEMENT = /<style\b[^>]*>([\s\S]*?)<\/style\s*>/gi
const SCRIPT_ELEMENT = /<script\b[\s\S]*?(?:<\/script\s*>|$)/gi
const CARRIED = 'data-carried-style'

const PURIFY = {
  FORBID_TAGS: ['style', 'script', 'form', 'input', 'button', 'select', 'textarea', 'iframe', 'object', 'embed', 'base', 'link', 'meta', 'dialog'],
  FORBID_ATTR: ['style'],
  ADD_ATTR: ['target'],
  USE_PROFILES: { html: true, svg: true, mathMl: true },
}

const purify = DOMPurify()

/** Draws it into the frame's document. */
export function drawAuthorHtml(frame: HTMLIFrameElement, html: string, baseStyle: string): void {
  const { contentDocument: target, contentWindow } = frame
  if (target === null || contentWindow === null) return
  const sheets: string[] = [baseStyle]
  const inert = html
    .replaceAll(SCRIPT_ELEMENT, '')
    .replaceAll(STYLE_ELEMENT, (_all, rules: string) => {
      sheets.push(rules)
      return ''
    })
    .replaceAll(TAG, (_all, name: string, attributes: string) => `<${name}${attributes.replaceAll(STYLE_ATTRIBUTE, `$1${CARRIED}$2`)}>`)
  // In a document that is not shown, so that nothing is loaded before it is looked at below.
  const body = purify.sanitize(inert, { ...PURIFY, RETURN_DOM_FRAGMENT: true })
  for (const element of body.querySelectorAll<HTMLElement>(`[${CARRIED}]`)) {
    element.style.cssText = element.getAttribute(CARRIED) ?? ''
    element.removeAttribute(CARRIED)
  }
  for (const link of body.querySelectorAll('a[href]')) {
    link.setAttribute('target', '_blank')
    link.setAttribute('rel', 'noopener noreferrer')
  }
  for (const image of body.querySelectorAll('img')) {
    if (!isOwnPicture(image.getAttribute('src') ?? '')) image.replaceWith(image.alt)
  }
  target.adoptedStyleSheets = sheets.map((rules) => sheetOf(contentWindow, rules))
  target.body.replaceChildren(target.adoptNode(body))
}

function sheetOf(view: Window, rules: string): CSSStyleSheet {
  const { CSSStyleSheet: Sheet } = view as Window & typeof globalThis
  const sheet = new Sheet()
  // `@import` is not allowed in it, which is as it should be.
  sheet.replaceSync(rules)
  return sheet
}
