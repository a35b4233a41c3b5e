import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { accessibilityProblems, openBrowser, sidewaysOverflow, skipsBrowser, type TestBrowser } from '../helpers/browser.ts'
import { startTestHost, type TestHost } from '../helpers/start-test-host.ts'
import { shippedModel } from './model-page.ts'

describe("the scribe's own page", { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser
  before(async () => {
    ;[host, browser] = await Promise.all([startTestHost({ models: [shippedModel('scribe')] }), openBrowser()])
  })
  after(async () => {
    await browser[Symbol.asyncDispose]()
    await host.stop()
  })

  it('writes on where the text ends, and again from there', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/scribe/')
    const sheet = page.getByRole('textbox', { name: 'Your text' })
    await sheet.fill('Emma was sure that')
    let before = 'Emma was sure that'
    for (let turn = 0; turn < 2; turn++) {
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByText('Written.').waitFor()
      const written = await sheet.inputValue()
      assert.ok(written.startsWith(before) && written.length > before.length + 100, written)
      before = written
      await page.getByRole('radio', { name: 'sober' }).check()
    }
  })

  it('says what is wrong and keeps the text', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.route('**/predict*', (route) => route.fulfill({ status: 503, json: { detail: 'The model is not ready.' } }))
    opened.expectProblem(/503/)
    await page.goto('/scribe/')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('The model is not ready. Your text is still here.').waitFor()
  })

  it('can be used by everyone, on a phone and in the dark', async () => {
    for (const theme of ['light', 'dark'] as const) {
      await using opened = await browser.openPage(host.url, { theme, width: 390 })
      await opened.page.goto('/scribe/')
      assert.deepEqual(await accessibilityProblems(opened.page), [])
      assert.equal(await sidewaysOverflow(opened.page), 0)
    }
  })
})
