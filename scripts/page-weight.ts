/**
 * What opening a page costs: `npm run page-weight` for the pages of the shipped models, `npm run page-weight <url> [selector]` for any page;
 * the selector says what must be visible for that page to be ready. The middle of five runs, each with a cold cache.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium } from 'playwright-core'

import { unpackChromium } from '../test/helpers/chromium.ts'
import { startTestHost } from '../test/helpers/start-test-host.ts'
import { measurePage, median, type PageCost } from './measure-page.ts'

const RUNS = 5
const MODELS = fileURLToPath(new URL('../models/', import.meta.url))
const ANYTHING_TO_ACT_ON = 'textarea, select, input, button'
const BUDGET = { kB: 100, readyMs: 400 }

/** The pages that are measured without an address; the text page has a budget. */
const OWN_PAGES = [
  { path: '/', ready: '.card a' },
  { path: '/language/', ready: 'form textarea', hasBudget: true },
  { path: '/digits/', ready: 'form .seg, form .drop' },
  { path: '/status', ready: 'table' },
]

async function main(url: string | undefined, ready = ANYTHING_TO_ACT_ON): Promise<void> {
  const { executablePath, env } = await unpackChromium()
  const browser = await chromium.launch({ executablePath, env, args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage'] })
  try {
    console.log(`${'page'.padEnd(40)} ${['kB', 'requests', 'ready ms', 'paint ms', 'LCP ms', 'CLS', 'TBT ms'].map((name) => name.padStart(9)).join('')}`)
    if (url === undefined) await measureOwnPages(browser)
    else await measureAndPrint(browser, url, ready)
  } finally {
    await browser.close()
  }
}

async function measureOwnPages(browser: Browser): Promise<void> {
  const names = (await readdir(MODELS, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => join(MODELS, name))
  await using host = await startTestHost({ models: names })
  for (const { path, ready, hasBudget = false } of OWN_PAGES) {
    const cost = await measureAndPrint(browser, host.url + path, ready)
    if (hasBudget) judge(cost)
  }
}

async function measureAndPrint(browser: Browser, url: string, ready: string): Promise<PageCost> {
  const costs: PageCost[] = []
  for (let run = 0; run < RUNS; run++) costs.push(await measurePage(browser, url, { ready }))
  const cost = median(costs)
  const figures = [kilobytes(cost), cost.requests, Math.round(cost.readyMs), Math.round(cost.firstPaintMs), Math.round(cost.lcpMs), cost.cls.toFixed(3), Math.round(cost.tbtMs)]
  console.log(`${url.padEnd(40)} ${figures.map((figure) => String(figure).padStart(9)).join('')}`)
  return cost
}

/** Says when the text page is heavier or slower than it may be. */
function judge(cost: PageCost): void {
  const isLight = Number(kilobytes(cost)) <= BUDGET.kB
  const isQuick = cost.readyMs <= BUDGET.readyMs
  if (!isLight) console.log(`  above its budget of ${BUDGET.kB} kB`)
  if (!isQuick) console.log(`  above its budget of ${BUDGET.readyMs} ms`)
  if (!isLight || !isQuick) process.exitCode = 1
}

function kilobytes({ transferredBytes }: PageCost): string {
  return (transferredBytes / 1_000).toFixed(1)
}

await main(process.argv[2], process.argv[3])
