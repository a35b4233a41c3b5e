import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'

import { predict, ready } from '../helpers/call.ts'
import { openBrowser, skipsBrowser, type TestBrowser } from '../helpers/browser.ts'
import { startTestHost, type TestHost } from '../helpers/start-test-host.ts'

describe('gallery and status', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser
  before(async () => {
    ;[host, browser] = await Promise.all([startTestHost({ models: ['echo', 'kitchen', 'exits', 'page-table', 'page-markup'] }), openBrowser()])
    await host.logged(({ message }) => message === 'listening')
  })
  after(async () => {
    await browser[Symbol.asyncDispose]()
    await host.stop()
  })

  function card(page: Page, title: string): ReturnType<Page['locator']> {
    return page.locator('.card').filter({ has: page.getByRole('heading', { name: title, exact: true }) })
  }

  it('finds models by name, title and kind, and says when there is none', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/')
    await card(page, 'Echo').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('ech')
    await card(page, 'Every component').waitFor({ state: 'detached' })
    assert.equal(await card(page, 'Echo').count(), 1)
    await page.getByRole('searchbox').fill('no such thing')
    await page.getByText('No model matches').waitFor()
    await page.getByRole('button', { name: 'Show all' }).click()
    await card(page, 'Every component').waitFor()
  })

  it('opens a model by keyboard alone', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/')
    await card(page, 'Echo').getByRole('link').focus()
    await page.keyboard.press('Enter')
    await page.waitForURL('**/echo/')
    await page.getByRole('heading', { name: 'Echo', level: 1 }).waitFor()
  })

  it('shows by itself that a model went away and came back', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/status')
    const row = page.locator('tr.model').filter({ hasText: 'echo' })
    await row.getByText('Ready').waitFor()
    await page.getByRole('button', { name: 'Show the workers of echo' }).click()
    const { models }: { models: { name: string; replicas: { pid: number }[] }[] } = JSON.parse(await (await fetch(`${host.url}/status`)).text())
    const pid = models.find(({ name }) => name === 'echo')?.replicas[0]?.pid
    assert.ok(pid !== undefined)
    await page.getByText(`pid ${pid}`, { exact: true }).waitFor()
    process.kill(pid, 'SIGKILL')
    await page.getByText(`pid ${pid}`, { exact: true }).waitFor({ state: 'detached' })
    await page.getByRole('cell', { name: /signal SIGKILL/ }).waitFor()
    await row.getByText('Ready').waitFor()
  })

  it('shows an operator how workers ended, and what they wrote last', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await ready(host.url, 'exits')
    await page.goto('/status')
    await page.getByRole('button', { name: 'Show the workers of exits' }).click()
    await page.getByText('No success yet.').waitFor()
    await predict(host.url, 'exits', { text: 'x', how: 'kill' })
    await predict(host.url, 'exits', { text: 'well' })
    await page.getByText('2 unplanned ends').click()
    await page.getByText(/an input that ends workers, signal SIGKILL, after .+, with \d+ MiB/).waitFor()
    await page.getByText('the weights in weights.bin are broken').first().waitFor()
    await page.getByText(/Last success at \d\d:\d\d:\d\d\./).waitFor()
  })

  it('pauses on request', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/status')
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('Paused.').waitFor()
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByText('Paused.').waitFor({ state: 'detached' })
  })

  it('keeps the theme that was chosen, before the first paint of the next page', async () => {
    await using opened = await browser.openPage(host.url, { theme: 'light' })
    const { page } = opened
    await page.goto('/')
    await page.getByRole('button', { name: 'Theme: follow the system' }).click()
    await page.getByRole('button', { name: 'Theme: light' }).click()
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor()
    await page.goto('/status', { waitUntil: 'commit' })
    await page.waitForFunction('document.body !== null')
    assert.equal(await page.evaluate('document.documentElement.dataset.theme'), 'dark')
  })

  it('lists the shortcuts, closes the list by Escape and gives the focus back', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/')
    await page.getByRole('button', { name: 'Keyboard shortcuts' }).focus()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Keyboard shortcuts')
  })
})
