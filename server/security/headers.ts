/** Headers of every page that the host itself writes. */
import type { Response } from 'express'

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // The reader of the API description sets style attributes.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ')

/** Sends a page: no script but our own files, no frame but our own, no referrer to other sites. */
export function sendPage(res: Response, html: string): void {
  res.setHeader('content-security-policy', PAGE_POLICY)
  res.setHeader('referrer-policy', 'same-origin')
  res.setHeader('cache-control', 'no-cache')
  res.setHeader('content-type', 'text/html; charset=utf-8')
  res.send(html)
}

/** Text as it may stand in HTML, in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITY[character] ?? character)
}

const ENTITY: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
