import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

import { openBrowser, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { killWorker, ready, statusOf } from './calls.ts'
import { startCutProxy } from './cut-proxy.ts'
import { field, openModel, output, run, runButton, stage, strip } from './model-page.ts'

/** What the page says about each ending, and whether the operator can look it up. */
const ENDINGS = [
  { ending: 'said', says: 'Only <b>cats</b> can be seen here', hasId: false },
  { ending: 'fails', says: 'The model could not finish this input', hasId: true },
  { ending: 'shape', says: 'The model could not finish this input', hasId: true },
  { ending: 'late', says: 'Stopped at the limit of 3 s', hasId: true },
  { ending: 'memory', says: 'The model ran out of memory on this input', hasId: true },
  { ending: 'lost', says: 'The model stopped while it worked on this input', hasId: true },
  { ending: 'poison', says: 'This input stopped the model twice', hasId: true },
] as const

describe('trouble, in words', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    const resting = fileURLToPath(new URL('../fixtures/broken/throwing-setup', import.meta.url))
    ;[host, browser] = await Promise.all([startTestHost({ models: ['page-trouble', 'page-queue', 'page-stream', resting] }), openBrowser()])
    await ready(host.url, 'page-trouble', 'page-queue', 'page-stream')
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  for (const { ending, says, hasId } of ENDINGS) {
    it(`ending "${ending}" says: ${says}`, async () => {
      await using opened = await browser.openPage(host.url)
      const { page } = opened
      await openModel(page, 'page-trouble')
      await page.getByRole('textbox', { name: 'Text' }).fill(ending)
      await page.getByRole('combobox', { name: 'Ending' }).selectOption(ending)
      await run(page, 'error')
      await stage(page).getByText(says).waitFor()
      assert.equal(await stage(page).getByRole('button', { name: 'Copy the request id' }).count(), hasId ? 1 : 0)
      assert.doesNotMatch(await page.locator('body').innerText(), /secret|model\.ts/)
      assert.equal(await page.getByRole('textbox', { name: 'Text' }).inputValue(), ending)
      if (ending === 'lost') await output(page, 'Text').getByText('The first words').waitFor()
    })
  }

  it('says beside an input what is wrong with it, and leads there', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-queue')
    const ms = page.getByRole('spinbutton', { name: 'Milliseconds' })
    await ms.fill('-5')
    await runButton(page).click()
    await field(page, 'text').getByText('Type at least one word, then run again.').waitFor()
    await field(page, 'ms').getByText(/from 0 to 60,000/).waitFor()
    assert.equal(await ms.getAttribute('aria-invalid'), 'true')
    assert.equal(await page.evaluate('document.activeElement.id'), 'in-text')
    await page.getByRole('alert').getByText('Two inputs need a change').waitFor()
    await ms.fill('0')
    await page.getByRole('textbox', { name: 'Text' }).fill('fine')
    await run(page)
  })

  it('says of an address without a page what it is not', async () => {
    await using opened = await browser.openPage(host.url)
    opened.expectProblem(/status of 404/)
    const { page } = opened
    assert.equal((await page.goto('/nothing-here/'))?.status(), 404)
    await page.getByRole('heading', { name: 'There is no page here' }).waitFor()
    await page.getByText('No model called “nothing-here” is hosted here.').waitFor()
    await page.getByRole('main').getByRole('link', { name: 'To the models' }).click()
    await page.getByRole('heading', { name: 'Models' }).waitFor()
  })

  it('says why a model rests, and when it is tried again', async () => {
    await using opened = await browser.openPage(host.url)
    opened.expectProblem(/status of 503/)
    const { page } = opened
    await page.goto('/throwing-setup/')
    await page.getByText(/ is resting$/).waitFor()
    await page.getByText(/The next try is at/).waitFor()
    await page.getByText(/the weights are not there/).waitFor()
  })

  it('answers all the same when the worker is killed while the page waits', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-queue')
    await page.getByRole('textbox', { name: 'Text' }).fill('me')
    await page.getByRole('spinbutton', { name: 'Milliseconds' }).fill('1000')
    await runButton(page).click()
    await strip(page).getByText(/^Counting/).waitFor()
    await killWorker(host.url, 'page-queue')
    await stage(page, 'done').waitFor()
    await output(page, 'Text').getByText('Counted for me').waitFor()
    await strip(page).getByText('The model restarted on the way; your request ran again.').waitFor()
  })

  it('goes on with a stream whose connection was cut, without a second run', async () => {
    await using proxy = await startCutProxy(host.port)
    await using opened = await browser.openPage(proxy.url)
    opened.expectProblem(/ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE/)
    const { page } = opened
    await openModel(page, 'page-stream')
    await page.getByRole('spinbutton', { name: 'Words' }).fill('40')
    await page.getByRole('spinbutton', { name: 'Pause' }).fill('50')
    const before = (await statusOf(host.url, 'page-stream')).outcomes['succeeded'] ?? 0
    await runButton(page).click()
    await output(page, 'Plain').getByText('word8').waitFor()
    proxy.cut()
    await stage(page, 'done').waitFor()
    const words = Array.from({ length: 40 }, (_nothing, at) => `word${at + 1}`).join(' ')
    assert.equal((await output(page, 'Plain').locator('p').innerText()).trim(), words)
    assert.equal((await statusOf(host.url, 'page-stream')).outcomes['succeeded'], before + 1)
  })

  it('sends what was asked for while the host was gone, and shows the answer whole', async () => {
    const stateDir = join(await mkdtemp(join(tmpdir(), 'footlights-page-')), 'state')
    try {
      const first = await startTestHost({ models: ['page-stream'], stateDir })
      await ready(first.url, 'page-stream')
      await using opened = await browser.openPage(first.url)
      opened.expectProblem(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|status of 503/)
      const { page } = opened
      await openModel(page, 'page-stream')
      await first[Symbol.asyncDispose]()
      await page.getByText(/^Connection lost/).first().waitFor()
      await runButton(page).click()
      await strip(page).getByText('The request is sent as soon as the connection is back.').waitFor()
      await using _second = await startTestHost({ models: ['page-stream'], stateDir, env: { PORT: String(first.port) } })
      await stage(page, 'done').waitFor()
      await output(page, 'Plain').getByText('word20').waitFor()
      assert.deepEqual(await page.evaluate('[...document.querySelectorAll("link[rel=stylesheet]")].filter(({ sheet }) => sheet === null).map(({ href }) => href)'), [])
    } finally {
      await rm(join(stateDir, '..'), { recursive: true, force: true })
    }
  })

  it('draws every output when Run was pressed before the page knew that the host was gone', async () => {
    const stateDir = join(await mkdtemp(join(tmpdir(), 'footlights-page-')), 'state')
    try {
      await using first = await startTestHost({ models: ['page-stream'], stateDir })
      await ready(first.url, 'page-stream')
      await using opened = await browser.openPage(first.url)
      opened.expectProblem(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|status of 503/)
      const { page } = opened
      await openModel(page, 'page-stream')
      await first.stop('SIGKILL')
      await runButton(page).click()
      await page.getByText(/^Connection lost/).first().waitFor()
      await using _second = await startTestHost({ models: ['page-stream'], stateDir, env: { PORT: String(first.port) } })
      await stage(page, 'done').waitFor()
      await output(page, 'Plain').getByText('word20').waitFor()
      await output(page, 'Rich').getByText('word20').waitFor()
    } finally {
      await rm(join(stateDir, '..'), { recursive: true, force: true })
    }
  })

  it('waits for a host that restarts, loses nothing, and works again', async () => {
    const stateDir = join(await mkdtemp(join(tmpdir(), 'footlights-page-')), 'state')
    try {
      const first = await startTestHost({ models: ['page-queue'], stateDir })
      await ready(first.url, 'page-queue')
      await using opened = await browser.openPage(first.url)
      opened.expectProblem(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|status of 503/)
      const { page } = opened
      await openModel(page, 'page-queue')
      await page.getByRole('textbox', { name: 'Text' }).fill('typed before')
      await first[Symbol.asyncDispose]()
      await page.getByText(/^Connection lost/).first().waitFor()
      await using second = await startTestHost({ models: ['page-queue'], stateDir, env: { PORT: String(first.port) } })
      assert.equal(second.port, first.port)
      await page.getByText('Connected again').waitFor()
      assert.equal(await page.getByRole('textbox', { name: 'Text' }).inputValue(), 'typed before')
      await run(page)
      await output(page, 'Text').getByText('Counted for typed before').waitFor()
    } finally {
      await rm(join(stateDir, '..'), { recursive: true, force: true })
    }
  })
})
