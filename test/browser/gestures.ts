/** What is done to a page with more than a click. */
import assert from 'node:assert/strict'

import type { Page } from 'playwright-core'

import type { SentFile } from './media.ts'

/** Files are dropped on, or pasted into, the page as a whole. */
export async function transfer(page: Page, kind: 'drop' | 'paste', { name, mimeType, buffer }: SentFile): Promise<void> {
  const source = `(() => {
    const bytes = Uint8Array.from(atob('${buffer.toString('base64')}'), (character) => character.charCodeAt(0))
    const transfer = new DataTransfer()
    transfer.items.add(new File([bytes], '${name}', { type: '${mimeType}' }))
    const options = { bubbles: true, cancelable: true }
    if ('${kind}' === 'paste') document.body.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: transfer }))
    else for (const type of ['dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, { ...options, dataTransfer: transfer }))
  })()`
  await page.evaluate(source)
}

/** A line on the sketch pad, from a point of it to the right. */
export async function drawStroke(page: Page, x: number, y: number): Promise<void> {
  const pad = page.getByRole('img', { name: /sketch/i })
  await pad.scrollIntoViewIfNeeded()
  const box = await pad.boundingBox()
  assert.ok(box !== null)
  await page.mouse.move(box.x + x, box.y + y)
  await page.mouse.down()
  for (let step = 1; step <= 10; step++) await page.mouse.move(box.x + x + step * 12, box.y + y + step)
  await page.mouse.up()
}
