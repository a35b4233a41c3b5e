import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { accessibilityProblems, openBrowser, sidewaysOverflow, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { ready } from './calls.ts'

describe('the reader of the API description', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    ;[host, browser] = await Promise.all([startTestHost({ models: ['page-stream'] }), openBrowser()])
    await ready(host.url, 'page-stream')
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  for (const theme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      it(`is for everyone, closed, opened and run, ${theme}, ${width} px wide`, async () => {
        await using opened = await browser.openPage(host.url, { theme, width, reducedMotion: true })
        const { page } = opened
        await page.goto('/docs')
        const predict = page.locator('#operations-page-stream-page-stream-predict')
        const heading = predict.locator('.opblock-summary-control')
        await heading.waitFor()
        assert.deepEqual(await accessibilityProblems(page), [])

        await heading.press('Enter')
        await page.getByRole('combobox', { name: 'stream' }).waitFor()
        assert.match(page.url(), /#\/page-stream\//)
        assert.deepEqual(await accessibilityProblems(page), [])

        await page.getByRole('textbox', { name: 'Request body' }).fill('{"words": 2, "pauseMs": 0}')
        await predict.getByRole('button', { name: 'Execute' }).click()
        await predict.locator('.live-responses-table').getByText('word2').first().waitFor()
        await predict.getByRole('tab', { name: 'Schema' }).first().click()
        await predict.getByRole('button', { name: 'Expand all' }).first().click()
        assert.deepEqual(await accessibilityProblems(page), [])
        assert.equal(await sidewaysOverflow(page), 0)
      })
    }
  }

  it('leads by an address to an operation that is open', async () => {
    await using opened = await browser.openPage(host.url)
    await opened.page.goto('/docs#/page-stream/page-stream-predict')
    await opened.page.getByRole('textbox', { name: 'Request body' }).waitFor()
  })
})
