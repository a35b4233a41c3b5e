/** Takes the pictures of the README (`docs/pictures/`) from the real host with the shipped models: `npm run pictures`. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import sharp from 'sharp'

import { openBrowser, type TestBrowser } from '../test/helpers/browser.ts'
import { startTestHost } from '../test/helpers/start-test-host.ts'

const MODELS = fileURLToPath(new URL('../models/', import.meta.url))
const PICTURES = fileURLToPath(new URL('../docs/pictures/', import.meta.url))

interface Picture {
  name: string
  path: string
  theme?: 'light' | 'dark'
  /** Brings the page to the moment that is shown. */
  play: (page: Page) => Promise<unknown>
}

/** In this order: what the first ones do is seen by the gallery and the status page. */
const TAKEN: readonly Picture[] = [
  { name: 'text-model', path: '/language/', play: runExample('.chip') },
  { name: 'image-model', path: '/photo/', play: runExample('.thumbs button') },
  { name: 'text-model-dark', path: '/language/', theme: 'dark', play: runExample('.chip') },
  { name: 'own-page', path: '/scribe/', play: runDesk },
  { name: 'gallery', path: '/', play: (page) => page.waitForSelector('.card .time:not(:empty)') },
  { name: 'status', path: '/status', play: (page) => page.waitForSelector('.meter rect') },
]

function runExample(example: string): (page: Page) => Promise<unknown> {
  return async (page) => {
    await page.click(example)
    await page.keyboard.press('Control+Enter')
    await page.waitForSelector('[data-phase="done"]')
    await page.waitForLoadState('networkidle')
    await page.evaluate('scrollTo(0, 0)')
    // Bars grow to their value.
    await page.waitForTimeout(700)
  }
}

async function runDesk(page: Page): Promise<void> {
  await page.click('#write')
  await page.getByText('Written.').waitFor()
}

async function take(browser: TestBrowser, hostUrl: string, { name, path, theme = 'light', play }: Picture): Promise<void> {
  await using opened = await browser.openPage(hostUrl, { theme, width: 1280, height: 800 })
  await opened.page.goto(path)
  await play(opened.page)
  const file = join(PICTURES, `${name}.png`)
  await sharp(await opened.page.screenshot()).png({ palette: true, quality: 90, effort: 10 }).toFile(file)
  console.log(file)
}

const names = (await readdir(MODELS, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => join(MODELS, name))
await mkdir(PICTURES, { recursive: true })
await using host = await startTestHost({ models: names })
await using browser = await openBrowser()
for (const picture of TAKEN) await take(browser, host.url, picture)
