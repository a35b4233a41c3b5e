import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { openBrowser, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { openModel, stage } from './model-page.ts'

describe('a model that talks', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    ;[host, browser] = await Promise.all([startTestHost({ models: ['page-chat'] }), openBrowser()])
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  it('goes on, is stopped, tried again and copied', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-chat')
    const box = page.getByRole('textbox', { name: 'Message' })
    await box.fill('hello')
    await box.press('Enter')
    await stage(page, 'done').waitFor()
    const log = page.getByRole('log', { name: 'Conversation' })
    await log.getByText('That was all').waitFor()
    await log.locator('strong').getByText('hello').waitFor()
    await log.locator('.hljs-string').waitFor()
    await box.fill('and again')
    await box.press('Enter')
    await log.getByText('answer 3').waitFor()
    await log.getByRole('button', { name: 'Copy answer' }).nth(1).click()
    assert.match(String(await page.evaluate('navigator.clipboard.readText()')), /^You said \*\*and again\*\*/)
    await page.getByRole('spinbutton', { name: 'Pause' }).fill('300')
    await log.getByRole('button', { name: 'Try again' }).click()
    await log.getByText('You said').nth(1).waitFor()
    await page.getByRole('button', { name: 'Stop the answer' }).click()
    await stage(page, 'cancelled').waitFor()
    await box.press('Alt+ArrowUp')
    assert.equal(await box.inputValue(), 'and again')
    assert.equal(await log.getByRole('article').count(), 2)
  })

  it('keeps the conversation over a reload, and begins a new one', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-chat')
    const log = page.getByRole('log', { name: 'Conversation' })
    await page.getByRole('textbox', { name: 'Message' }).fill('remember')
    await page.keyboard.press('Enter')
    await stage(page, 'done').waitFor()
    await page.reload()
    await log.getByText('answer 1').waitFor()
    await page.getByRole('button', { name: 'New conversation' }).click()
    await log.getByText('No messages yet.').waitFor()
  })

  it('asks for a message before it asks the model', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-chat')
    await page.getByRole('button', { name: 'Send' }).click()
    assert.equal(await stage(page).getAttribute('data-phase'), 'rest')
  })
})
