/** A real browser for the tests of the pages. Whatever goes wrong in a page (console error, policy violation, request to another host) fails the test that opened it. */
import { strict as assert } from 'node:assert'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

import { chromium } from 'playwright-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'

import { unpackChromium } from './chromium.ts'

/** A wait for something that a page must show. Generous: the machine may be busy. */
const WAIT_MS = 20_000
const NO_OTHER_HOST = '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost'

export interface PageOptions {
  theme?: 'light' | 'dark'
  /** CSS pixels. Default 1280. */
  width?: number
  /** CSS pixels. Default 900. */
  height?: number
  reducedMotion?: boolean
  /** May use the (made up) camera and microphone, and the clipboard. Default false. */
  devices?: boolean
  /** A touch screen: pointers are coarse. */
  touch?: boolean
}

/** A page with a context, and so a storage, of its own. */
export interface TestPage extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** All that went wrong so far, in words. */
  readonly problems: readonly string[]
  /** From now on (and back to the start) a problem with this in it is part of the test, e.g. `/status of 429/`. */
  expectProblem(pattern: RegExp): void
}

export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser
  /** Opens an empty page of a host; `page.goto` takes paths. Disposing of it fails when the page had problems. */
  openPage(hostUrl: string, options?: PageOptions): Promise<TestPage>
}

/** Starts a browser. Nothing that it shows may come from another host than this machine. */
export async function openBrowser(): Promise<TestBrowser> {
  const { executablePath, env } = await unpackChromium()
  const browser = await chromium.launch({
    executablePath,
    env,
    headless: true,
    chromiumSandbox: false,
    args: [
      '--no-sandbox',
      '--no-zygote',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-domain-reliability',
      '--disable-sync',
      '--no-pings',
      '--mute-audio',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      NO_OTHER_HOST,
    ],
  })
  return {
    browser,
    openPage: (hostUrl, options = {}) => openPage(browser, hostUrl, options),
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

async function openPage(browser: Browser, hostUrl: string, options: PageOptions): Promise<TestPage> {
  const { theme = 'light', width = 1280, height = 900, reducedMotion = false, devices = false, touch = false } = options
  const context = await browser.newContext({
    baseURL: hostUrl,
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    permissions: devices ? ['camera', 'microphone', 'clipboard-read', 'clipboard-write'] : ['clipboard-read', 'clipboard-write'],
    hasTouch: touch,
    isMobile: touch,
    locale: 'en-GB',
    timezoneId: 'UTC',
    acceptDownloads: true,
  })
  context.setDefaultTimeout(WAIT_MS)
  await context.addInitScript("addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sourceFile, lineNumber }) => console.error(`policy violation: ${effectiveDirective} ${blockedURI} (${sourceFile}:${lineNumber})`))")
  const problems = watch(context, new URL(hostUrl).host)
  const page = await context.newPage()
  const expected: RegExp[] = []
  return {
    page,
    context,
    problems,
    expectProblem: (pattern) => void expected.push(pattern),
    async [Symbol.asyncDispose]() {
      await context.close()
      assert.deepEqual(problems.filter((problem) => !expected.some((pattern) => pattern.test(problem))), [], 'the page had problems')
    },
  }
}

/** Collects what goes wrong in any page or frame of the context. */
function watch(context: BrowserContext, ownHost: string): string[] {
  const problems: string[] = []
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(`console ${message.type()}: ${message.text()} (${message.location().url})`)
  })
  context.on('weberror', (error) => problems.push(`uncaught: ${String(error.error().stack ?? error.error())}`))
  context.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (/^(https?|wss?):$/.test(protocol) && host !== ownHost) problems.push(`request to another host: ${request.url()}`)
  })
  return problems
}

let axeSource: Promise<string> | undefined

/** What axe-core finds that is serious or critical, one line for each rule and element; empty is good. Covers the frames it may look into, too. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  axeSource ??= readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(await axeSource)
  const found: { id: string; impact: string; help: string; nodes: { target: unknown; failureSummary: string }[] }[] = await page.evaluate(
    "axe.run(document, { iframes: false, resultTypes: ['violations'] }).then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical'))",
  )
  return found.flatMap(({ id, impact, help, nodes }) => nodes.map(({ target, failureSummary }) => `${impact} ${id}: ${help} at ${JSON.stringify(target)}: ${failureSummary.replaceAll(/\s+/g, ' ')}`))
}

/** How far the page reaches beyond the window to the right, in CSS pixels; 0 when nothing must be scrolled sideways. */
export async function sidewaysOverflow(page: Page): Promise<number> {
  return page.evaluate('Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)')
}

/** Why the tests of the pages cannot run here; false where they can. For the option `skip`. */
export const skipsBrowser: string | false = process.platform === 'linux' && process.arch === 'x64' ? false : `the Chromium of the tests is for Linux on x64, not ${process.platform} on ${process.arch}`
