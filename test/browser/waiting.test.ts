import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { openBrowser, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { begin, drop, ready, statusOf, until } from './calls.ts'
import { chooseFiles, field, openModel, output, run, runButton, stage, strip } from './model-page.ts'

describe('a page that waits', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    ;[host, browser] = await Promise.all([startTestHost({ models: ['kitchen', 'page-queue', 'page-stream'] }), openBrowser()])
    await ready(host.url, 'kitchen', 'page-queue', 'page-stream')
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  it('says its place in the queue, then how far it is, then how long it took', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-queue')
    await page.getByRole('textbox', { name: 'Text' }).fill('me')
    await page.getByRole('spinbutton', { name: 'Milliseconds' }).fill('1500')
    const before = await Promise.all([begin(host.url, 'page-queue', { text: 'first', ms: 1_000 }), begin(host.url, 'page-queue', { text: 'second', ms: 60_000 })])
    await runButton(page).click()
    await strip(page).getByText('You are 2nd in line').waitFor()
    assert.equal(await stage(page).getAttribute('aria-busy'), 'true')
    await drop(before[1])
    await strip(page).getByText(/^Counting, \d+ %/).waitFor()
    await stage(page).getByText('This model counts the milliseconds').waitFor()
    await stage(page, 'done').waitFor()
    await strip(page).getByText(/^Done in \d/).waitFor()
    await strip(page).getByText(/Waited [\d.]+ s in line/).waitFor()
    await output(page, 'Text').getByText('Counted for me').waitFor()
  })

  it('cancels with Escape, here and at the host', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-queue')
    await page.getByRole('textbox', { name: 'Text' }).fill('me')
    await page.getByRole('spinbutton', { name: 'Milliseconds' }).fill('60000')
    await runButton(page).click()
    await stage(page, 'running').waitFor()
    await page.keyboard.press('Escape')
    await strip(page).getByText(/^Cancelled after/).waitFor()
    await until(async () => (await statusOf(host.url, 'page-queue')).queue.running === 0)
  })

  it('waits by itself for a place in a full queue', async () => {
    await using opened = await browser.openPage(host.url)
    opened.expectProblem(/status of 429/)
    const { page } = opened
    await openModel(page, 'page-queue')
    await page.getByRole('textbox', { name: 'Text' }).fill('me')
    const others = [await begin(host.url, 'page-queue', { text: 'runs', ms: 60_000 })]
    await until(async () => (await statusOf(host.url, 'page-queue')).queue.running === 1)
    for (const text of ['waits', 'waits, too']) others.push(await begin(host.url, 'page-queue', { text, ms: 60_000 }))
    await runButton(page).click()
    await stage(page).getByText('Everyone is here at once').waitFor()
    await strip(page).getByText(/^Trying again in \d+ s/).waitFor()
    await Promise.all(others.map(drop))
    await stage(page, 'done').waitFor()
    await output(page, 'Text').getByText('Counted for me').waitFor()
  })

  it('shows streamed words as they come, as text and as Markdown', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-stream')
    await page.getByRole('spinbutton', { name: 'Words' }).fill('30')
    await page.getByRole('spinbutton', { name: 'Pause' }).fill('50')
    await runButton(page).click()
    await stage(page, 'streaming').getByText('word2').first().waitFor()
    await output(page, 'Rich').locator('strong').getByText('Written so far').waitFor()
    await stage(page, 'done').waitFor()
    const words = Array.from({ length: 30 }, (_nothing, at) => `word${at + 1}`).join(' ')
    assert.equal((await output(page, 'Plain').locator('p').innerText()).trim(), words)
    assert.match(await output(page, 'Rich').innerText(), /word30/)
  })

  it('keeps what was written when it is stopped, and the last result until the next one is there', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-stream')
    await page.getByRole('spinbutton', { name: 'Pause' }).fill('300')
    await runButton(page).click()
    await stage(page, 'streaming').getByText('word2').first().waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await stage(page, 'cancelled').getByText('The answer ends here: it was cancelled.').waitFor()
    await output(page, 'Plain').getByText('word2').waitFor()
    await runButton(page).click()
    await stage(page, 'running').getByText('word2').first().waitFor()
    await page.keyboard.press('Escape')
  })

  it('shows how much of several files has been sent', async () => {
    await using opened = await browser.openPage(host.url)
    const { page, context } = opened
    await openModel(page, 'kitchen')
    await field(page, 'files').getByRole('button', { name: 'Choose files' }).waitFor()
    const wire = await context.newCDPSession(page)
    await wire.send('Network.enable')
    await wire.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1_500_000 })
    await chooseFiles(page, 'files', ['one', 'two', 'three'].map((name) => ({ name: `${name}.bin`, mimeType: 'application/octet-stream', buffer: Buffer.alloc(700_000, name) })))
    await runButton(page).click()
    await strip(page).getByText(/^Sending files, \d+ %/).waitFor()
    await page.getByRole('progressbar', { name: 'Upload of two.bin' }).waitFor()
    await field(page, 'files').getByText(/\d+ % of 700 kB/).first().waitFor()
    await stage(page, 'done').waitFor()
    assert.match(await output(page, 'Files').innerText(), /one\.bin\s*700 kB[\s\S]*two\.bin[\s\S]*three\.bin/)
    assert.equal(await page.getByRole('progressbar', { name: 'Upload of two.bin' }).count(), 0)
  })

  it('moves nothing when motion is not wanted', async () => {
    await using opened = await browser.openPage(host.url, { reducedMotion: true })
    const { page } = opened
    await openModel(page, 'page-stream')
    await page.getByRole('spinbutton', { name: 'Pause' }).fill('200')
    await runButton(page).click()
    await stage(page, 'streaming').waitFor()
    assert.equal(await page.evaluate("document.getAnimations().filter(({ playState, effect }) => playState === 'running' && effect.getComputedTiming().iterations === Infinity).length"), 0)
    await page.keyboard.press('Escape')
    await page.getByRole('spinbutton', { name: 'Pause' }).fill('0')
    await run(page)
  })
})
