/** What opening a page costs, by the browser's own figures: a fresh browser context, so nothing is cached. */
import type { Browser } from 'playwright-core'

export interface PageCost {
  /** Bytes over the wire, headers included, of everything that the page loaded by itself. */
  transferredBytes: number
  requests: number
  /** From the start of the navigation until something to act on is visible. */
  readyMs: number
  firstPaintMs: number
  /** Largest Contentful Paint. */
  lcpMs: number
  /** Cumulative Layout Shift. */
  cls: number
  /** Total Blocking Time: what long tasks took beyond 50 ms. */
  tbtMs: number
}

export interface MeasureOptions {
  /** What must be visible for the page to be ready. */
  ready: string
  /** Until the page has nothing more to load. Default 1 s without a request. */
  quietMs?: number
}

const TIMEOUT_MS = 60_000

/** Opens a page once and measures it. */
export async function measurePage(browser: Browser, url: string, { ready, quietMs = 1_000 }: MeasureOptions): Promise<PageCost> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  try {
    const page = await context.newPage()
    await page.addInitScript(observe, ready)
    await page.goto(url, { waitUntil: 'load', timeout: TIMEOUT_MS })
    await page.waitForFunction(() => 'readyMs' in globalThis, undefined, { timeout: TIMEOUT_MS })
    let seen = -1
    for (let now = await page.evaluate(requestsSoFar); now !== seen; now = await page.evaluate(requestsSoFar)) {
      seen = now
      await page.waitForTimeout(quietMs)
    }
    return await page.evaluate(report)
  } finally {
    await context.close()
  }
}

/** The middle of several, figure by figure. */
export function median(costs: readonly PageCost[]): PageCost {
  const middle = (pick: (cost: PageCost) => number): number => costs.map(pick).sort((a, b) => a - b)[Math.floor(costs.length / 2)] ?? Number.NaN
  return {
    transferredBytes: middle((cost) => cost.transferredBytes),
    requests: middle((cost) => cost.requests),
    readyMs: middle((cost) => cost.readyMs),
    firstPaintMs: middle((cost) => cost.firstPaintMs),
    lcpMs: middle((cost) => cost.lcpMs),
    cls: middle((cost) => cost.cls),
    tbtMs: middle((cost) => cost.tbtMs),
  }
}

// What follows runs in the page, each function on its own; there is no type for what it sees there.
/* eslint-disable */
function observe(ready: string): void {
  const scope: any = globalThis
  scope.lcpMs = 0
  scope.cls = 0
  scope.tbtMs = 0
  new scope.PerformanceObserver((list: any) => list.getEntries().forEach((entry: any) => (scope.lcpMs = entry.startTime))).observe({ type: 'largest-contentful-paint', buffered: true })
  new scope.PerformanceObserver((list: any) => list.getEntries().forEach((entry: any) => (scope.cls += entry.hadRecentInput ? 0 : entry.value))).observe({ type: 'layout-shift', buffered: true })
  new scope.PerformanceObserver((list: any) => list.getEntries().forEach((entry: any) => (scope.tbtMs += Math.max(0, entry.duration - 50)))).observe({ type: 'longtask', buffered: true })
  const look = (): void => {
    const isThere = [...scope.document.querySelectorAll(ready)].some((element: any) => element.getClientRects().length > 0)
    if (isThere) scope.readyMs = scope.performance.now()
    else scope.requestAnimationFrame(look)
  }
  look()
}

function requestsSoFar(): number {
  const scope: any = globalThis
  // Live pages ask again and again; that is use, not opening.
  return new Set(scope.performance.getEntriesByType('resource').map((entry: any) => entry.name)).size
}

function report(): PageCost {
  const scope: any = globalThis
  const first = new Map<string, number>()
  for (const entry of scope.performance.getEntriesByType('resource')) if (!first.has(entry.name)) first.set(entry.name, entry.transferSize)
  const [navigation] = scope.performance.getEntriesByType('navigation')
  const [paint] = scope.performance.getEntriesByName('first-contentful-paint')
  return {
    transferredBytes: [...first.values()].reduce((sum, bytes) => sum + bytes, navigation.transferSize),
    requests: first.size + 1,
    readyMs: scope.readyMs,
    firstPaintMs: paint?.startTime ?? 0,
    lcpMs: scope.lcpMs,
    cls: scope.cls,
    tbtMs: scope.tbtMs,
  }
}
