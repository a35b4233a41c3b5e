import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import type { Page } from 'playwright-core'

import { openBrowser, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { ready } from './calls.ts'
import { chooseFiles, openModel, output, run, stage } from './model-page.ts'

const MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script><b onmouseover="window.hacked=3">bold</b>'
const FILE_NAME = '"><img src=x onerror=window.hacked=20>.txt'

describe('markup in what authors and visitors write', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    ;[host, browser] = await Promise.all([startTestHost({ models: ['page-markup'] }), openBrowser()])
    await ready(host.url, 'page-markup')
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  it('is text in the gallery and in the status page', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/')
    await page.getByRole('link', { name: `Title ${MARKUP}` }).waitFor()
    await page.getByRole('searchbox').fill(MARKUP)
    await assertHarmless(page)
    await page.goto('/status')
    await page.getByRole('table').first().waitFor()
    await assertHarmless(page)
  })

  it('is text in titles, labels, choices, examples and the address', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-markup', `?text=${encodeURIComponent(`from the address ${MARKUP}`)}`)
    await page.getByRole('heading', { name: `Title ${MARKUP}` }).waitFor()
    await page.getByRole('textbox', { name: `Label ${MARKUP}` }).waitFor()
    assert.equal(await page.getByRole('textbox', { name: `Label ${MARKUP}` }).inputValue(), `from the address ${MARKUP}`)
    for (const words of ['Description', 'Help', 'Choice', 'Tick', 'Article']) await page.getByText(`${words} ${MARKUP}`).first().waitFor()
    await page.getByRole('button', { name: 'Use via API' }).click()
    await page.getByRole('dialog').waitFor()
    await assertHarmless(page)
  })

  it('is text in every output, in notices and in file names', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-markup')
    await page.getByRole('button', { name: 'Choose files' }).waitFor()
    await chooseFiles(page, 'papers', [{ name: FILE_NAME, mimeType: 'text/plain', buffer: Buffer.from(MARKUP) }])
    await page.getByText(FILE_NAME).first().waitFor()
    await run(page)
    await stage(page).getByText(`Notice ${MARKUP}`).waitFor()
    await output(page, `Output ${MARKUP}`).getByText(MARKUP).last().waitFor()
    await output(page, 'Rich').getByRole('heading', { name: `Rich ${MARKUP}` }).waitFor()
    await output(page, 'Data').getByText(MARKUP).first().waitFor()
    await output(page, 'Classes').getByText(MARKUP).first().waitFor()
    await output(page, 'Marked').getByText(MARKUP).first().waitFor()
    await output(page, 'Table').getByRole('columnheader', { name: MARKUP }).waitFor()
    await output(page, 'Script').getByText('window.hacked=2').waitFor()
    await output(page, 'Pictures').getByText(MARKUP).last().waitFor()
    assert.match(await output(page, 'Papers').innerText(), /\.txt/)
    await output(page, 'Pictures').getByRole('button', { name: /^Open picture/ }).click()
    await page.keyboard.press('Escape')
    await output(page, 'Rich').getByRole('region').first().waitFor()
    await assertHarmless(page)
  })

  it("leaves an author's own page its looks, and nothing that runs, asks or leads away", async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-markup')
    await run(page)
    const frame = page.frameLocator('iframe')
    await frame.getByRole('heading', { name: "Author's page" }).waitFor()
    const left = await page.evaluate(`(() => {
      const { body, defaultView } = document.querySelector('iframe').contentDocument
      return {
        colours: [getComputedStyle(body.querySelector('h1')).color, getComputedStyle(body.querySelector('p')).color],
        elements: body.querySelectorAll('script, form, input, iframe, img, [onload], [onerror], [onmouseover]').length,
        link: [...body.querySelectorAll('a')].map((link) => link.getAttribute('href')),
      }
    })()`)
    assert.deepEqual(left, { colours: ['rgb(200, 0, 0)', 'rgb(0, 100, 0)'], elements: 0, link: [null] })
    const sandbox = await page.locator('iframe').getAttribute('sandbox')
    assert.doesNotMatch(sandbox ?? 'allow-scripts', /allow-scripts|allow-forms|allow-top-navigation/)
    await assertHarmless(page)
  })

  it('is text in what an author says against an input', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-markup')
    await page.getByRole('radio', { name: 'yes' }).check()
    await run(page, 'error')
    await stage(page).getByText(`Error ${MARKUP}`).waitFor()
    await assertHarmless(page)
  })
})

/** Nothing of it has become an element, and nothing has run, in the page or in a frame of it. */
async function assertHarmless(page: Page): Promise<void> {
  for (const frame of page.frames()) {
    assert.equal(await frame.evaluate('window.hacked').catch(() => undefined), undefined)
  }
  assert.deepEqual(
    await page.evaluate("[...document.querySelectorAll('img[src=\"x\"], [onerror], [onmouseover], [onload], script:not([src]), a[href^=\"javascript:\" i]')].map((element) => element.outerHTML)"),
    [],
  )
  assert.equal(await page.locator('b').getByText('bold', { exact: true }).count(), 0)
}
