import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { measurePage } from '../../scripts/measure-page.ts'
import { openBrowser, skipsBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import { shippedModel } from './model-page.ts'

const BUDGET_BYTES = 100_000

describe('the weight of a page', { skip: skipsBrowser }, () => {
  it('of a text model is at most 100 kB, all that it loads by itself included', async () => {
    await using host = await startTestHost({ models: [shippedModel('language')] })
    await using browser = await openBrowser()
    const { transferredBytes, requests } = await measurePage(browser.browser, `${host.url}/language/`, { ready: 'form textarea', quietMs: 500 })
    assert.ok(requests > 5, `only ${requests} requests were seen`)
    assert.ok(transferredBytes <= BUDGET_BYTES, `${transferredBytes} bytes`)
  })
})
