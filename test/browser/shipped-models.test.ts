import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { openBrowser, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { killWorker, ready } from './calls.ts'
import { openModel, output, run, shippedModel, stage, strip } from './model-page.ts'

describe('the models that ship, as a visitor uses them', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    const names = ['digits', 'language', 'photo', 'scribe']
    ;[host, browser] = await Promise.all([startTestHost({ models: names.map(shippedModel) }), openBrowser()])
    await ready(host.url, ...names)
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  it('gallery: shows all of them, finds one by its words, opens it', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/')
    for (const title of ['Digits', 'Language', 'Photo', 'Scribe']) await page.getByRole('link', { name: title, exact: true }).waitFor()
    await page.getByRole('searchbox', { name: 'Search models' }).fill('jane austen')
    await page.getByRole('link', { name: 'Digits' }).waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Scribe' }).click()
    await page.getByRole('heading', { name: 'Scribe', level: 1 }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/scribe/')
  })

  it('gallery and status: show a lost worker and its return without a reload', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/status')
    const workers = page.getByRole('table', { name: 'Workers of photo' })
    await workers.getByText('Ready').waitFor()
    await killWorker(host.url, 'photo')
    await workers.getByText('crash').waitFor()
    await workers.getByText('Ready').waitFor()
    await page.getByText(/SIGKILL|crash/).first().waitFor()
  })

  it('language: a typed text, an example, a link, a reload, the API', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'language', `?text=${encodeURIComponent('Je ne sais pas où est la gare.')}`)
    const box = page.getByRole('textbox', { name: 'Text' })
    await box.waitFor()
    assert.equal(await box.inputValue(), 'Je ne sais pas où est la gare.')
    await run(page)
    await output(page, 'Language').getByText('French').waitFor()
    await strip(page).getByText(/^Done in/).waitFor()
    await page.getByRole('button', { name: 'Wo ist bitte der nächste Bahnhof?' }).click()
    assert.equal(await box.inputValue(), 'Wo ist bitte der nächste Bahnhof?')
    await box.fill('Wo ist hier das Theater?')
    await page.reload()
    await box.waitFor()
    assert.equal(await box.inputValue(), 'Wo ist hier das Theater?')
    await run(page)
    await output(page, 'Language').getByText('German').waitFor()
    await page.getByRole('button', { name: 'Use via API' }).click()
    const drawer = page.getByRole('dialog', { name: 'Use via API' })
    for (const tab of await drawer.getByRole('tab').all()) {
      await tab.click()
      await drawer.getByRole('tabpanel').getByText('Wo ist hier das Theater?').waitFor()
    }
    await drawer.getByRole('tab', { name: 'curl' }).click()
    await drawer.getByRole('tabpanel').getByRole('button', { name: /^Copy/ }).click()
    assert.match(String(await page.evaluate('navigator.clipboard.readText()')), /^curl .*\/language\/predict/s)
    await drawer.getByRole('link', { name: /API/ }).first().waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Clear' }).click()
    assert.equal(await box.inputValue(), '')
  })

  it('language: a text without letters is answered by the author', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'language')
    await page.getByRole('textbox', { name: 'Text' }).fill('12345')
    await run(page, 'error')
    await stage(page).getByText('There are no letters in this text.').waitFor()
  })

  it('digits: an example by its thumbnail, and a drawn one', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'digits')
    await page.getByRole('button', { name: /Use the example: seven/ }).click()
    await page.getByRole('img', { name: /seven\.png/ }).waitFor()
    await run(page)
    await output(page, 'Digit').getByText('7', { exact: true }).waitFor()
    await page.getByRole('tab', { name: 'Sketch' }).click()
    const box = await page.getByRole('img', { name: 'Empty sketch pad' }).boundingBox()
    assert.ok(box !== null)
    await page.mouse.move(box.x + box.width / 2, box.y + box.height * 0.2)
    await page.mouse.down()
    for (let step = 1; step <= 12; step++) await page.mouse.move(box.x + box.width / 2, box.y + box.height * (0.2 + 0.05 * step))
    await page.mouse.up()
    await page.getByRole('img', { name: 'Sketch of 1 stroke' }).waitFor()
    await run(page)
    await output(page, 'Digit').getByText('1', { exact: true }).first().waitFor()
  })

  it('photo: an example, compared with what it was made from', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'photo')
    await page.getByRole('button', { name: 'Use the example: lighthouse.png, edges, 60' }).click()
    await run(page)
    const result = output(page, 'Result')
    await result.getByRole('slider', { name: 'Share of the original shown' }).waitFor()
    await result.getByText(/\d+ × \d+, PNG/).waitFor()
    const [download] = await Promise.all([page.waitForEvent('download'), result.getByRole('link', { name: /^Download/ }).click()])
    assert.match(download.suggestedFilename(), /\.png$/)
  })
})
