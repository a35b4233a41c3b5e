import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import type { Page } from 'playwright-core'

import { accessibilityProblems, openBrowser, sidewaysOverflow, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { ready } from './calls.ts'
import { picture, paper, sound } from './media.ts'
import { chooseFiles, field, openModel, output, run, runButton, shippedModel, stage } from './model-page.ts'

/** Every page, in the state in which it has most to show. */
const PAGES: readonly { name: string; show: (page: Page) => Promise<void> }[] = [
  {
    name: 'gallery',
    show: async (page) => {
      await page.goto('/')
      await page.getByRole('link', { name: 'Every component' }).waitFor()
    },
  },
  {
    name: 'status',
    show: async (page) => {
      await page.goto('/status')
      await page.getByRole('table').first().waitFor()
    },
  },
  {
    name: 'unknown',
    show: async (page) => {
      await page.goto('/nothing-here/')
      await page.getByRole('heading', { name: 'There is no page here' }).waitFor()
    },
  },
  {
    name: 'every component',
    show: async (page) => {
      await openModel(page, 'kitchen')
      await fillKitchen(page)
      await run(page)
      await output(page, 'Chatbot').waitFor()
      await output(page, 'Gallery').getByRole('button').first().waitFor()
    },
  },
  {
    name: 'conversation',
    show: async (page) => {
      await openModel(page, 'page-chat')
      await page.getByRole('textbox', { name: 'Message' }).fill('hello')
      await page.keyboard.press('Enter')
      await stage(page, 'done').waitFor()
    },
  },
  {
    name: 'refused inputs and an error',
    show: async (page) => {
      await openModel(page, 'page-trouble')
      await page.getByRole('combobox', { name: 'Ending' }).selectOption('fails')
      await run(page, 'error')
      await page.getByRole('textbox', { name: 'Text' }).fill('')
    },
  },
  {
    name: 'use via API',
    show: async (page) => {
      await openModel(page, 'language')
      await page.getByRole('button', { name: 'Use via API' }).click()
      await page.getByRole('dialog', { name: 'Use via API' }).waitFor()
    },
  },
  {
    name: 'a text model',
    show: async (page) => {
      await openModel(page, 'language')
      await page.getByRole('textbox', { name: 'Text' }).fill('Where is the station?')
      await run(page)
    },
  },
]

describe('pages for everyone', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    ;[host, browser] = await Promise.all([startTestHost({ models: ['kitchen', 'page-chat', 'page-trouble', 'page-stream', shippedModel('language')] }), openBrowser()])
    await ready(host.url, 'kitchen', 'page-chat', 'page-trouble', 'page-stream', 'language')
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  for (const { name, show } of PAGES) {
    for (const theme of ['light', 'dark'] as const) {
      it(`${name}, ${theme}: axe finds nothing serious`, async () => {
        await using opened = await browser.openPage(host.url, { theme, reducedMotion: true })
        opened.expectProblem(/status of 404/)
        await show(opened.page)
        assert.deepEqual(await accessibilityProblems(opened.page), [])
      })
    }

    it(`${name}: fits a phone`, async () => {
      await using opened = await browser.openPage(host.url, { width: 390, height: 780, touch: true })
      opened.expectProblem(/status of 404/)
      await show(opened.page)
      assert.equal(await sidewaysOverflow(opened.page), 0)
    })
  }

  it('finds the check that would fail', async () => {
    await using opened = await browser.openPage(host.url)
    await opened.page.goto('/')
    await opened.page.evaluate("document.body.append(document.createElement('img'))")
    await opened.page.evaluate("document.querySelector('img').style.cssText = 'min-width: 2000px; height: 9px'")
    assert.match((await accessibilityProblems(opened.page)).join(), /image-alt/)
    assert.ok((await sidewaysOverflow(opened.page)) > 0)
  })

  it('fills, runs, reads and cancels by keyboard alone', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    const { keyboard } = page
    await page.goto('/')
    await page.getByRole('link', { name: 'Stream' }).waitFor()
    await keyboard.press('Tab')
    assert.equal(await focused(page), 'Skip to content')
    await keyboard.press('/')
    await keyboard.type('stream')
    await page.getByRole('link', { name: 'Every component' }).waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Stream' }).focus()
    await keyboard.press('Enter')
    await runButton(page).waitFor()
    await page.getByRole('spinbutton', { name: 'Words' }).waitFor()
    await keyboard.press('/')
    await keyboard.press('Control+a')
    await keyboard.type('5')
    await keyboard.press('Tab')
    await keyboard.press('Control+a')
    await keyboard.type('10')
    await keyboard.press('Control+Enter')
    await stage(page, 'done').getByText('word5').first().waitFor()
    await keyboard.press('Control+a')
    await keyboard.type('5000')
    await keyboard.press('Control+Enter')
    await stage(page, 'running').waitFor()
    await keyboard.press('Escape')
    await stage(page, 'cancelled').waitFor()
    const api = page.getByRole('button', { name: 'Use via API' })
    await api.focus()
    await keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Use via API' }).waitFor()
    await keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(await focused(page), 'Use via API')
    await keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('leads through a tree, tabs and a table by arrows', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'kitchen')
    await fillKitchen(page)
    await run(page)
    const tree = output(page, 'Json').getByRole('tree')
    await tree.getByRole('treeitem').first().focus()
    await page.keyboard.press('ArrowDown')
    assert.match(await focused(page), /^speaker/)
    await page.keyboard.press('ArrowLeft')
    await tree.getByText('{ 1 key }').waitFor()
    await field(page, 'image').getByRole('tab', { name: 'File' }).focus()
    await page.keyboard.press('End')
    assert.equal(await field(page, 'image').getByRole('tab', { name: 'Sketch' }).getAttribute('aria-selected'), 'true')
    assert.match(await focused(page), /Sketch/)
  })

  it('keeps the theme that was chosen', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/')
    await page.getByRole('button', { name: /^Theme/ }).click()
    const chosen = await page.evaluate('document.documentElement.dataset.theme')
    await page.reload()
    await page.getByRole('button', { name: /^Theme/ }).waitFor()
    assert.equal(await page.evaluate('document.documentElement.dataset.theme'), chosen)
    assert.ok(chosen === 'light' || chosen === 'dark')
  })
})

async function focused(page: Page): Promise<string> {
  return page.evaluate('(document.activeElement.getAttribute("aria-label") ?? document.activeElement.innerText).trim()')
}

async function fillKitchen(page: Page): Promise<void> {
  await field(page, 'chatbot').getByRole('textbox').waitFor()
  await field(page, 'files').getByRole('button', { name: 'Choose files' }).waitFor()
  await chooseFiles(page, 'image', [await picture('harbour.png')])
  await chooseFiles(page, 'audio', [sound('tone.wav')])
  await chooseFiles(page, 'files', [paper('a-name-that-is-long-enough-to-be-cut-off-somewhere-in-a-narrow-window.txt', 'x'), paper('b.txt', 'y')])
  await chooseFiles(page, 'gallery', [await picture('one.png'), await picture('two.png')])
  await field(page, 'textbox').getByRole('textbox').fill('A line that goes on for quite a while, and then a wordthatislongerthananywindowofaphonecouldeverbewithoutbreakingitsomewhereinthemiddle')
  await field(page, 'number').getByRole('spinbutton').fill('7')
  await field(page, 'label').getByRole('textbox').fill('{"a class with a long name": 0.9, "dog": 0.1}')
  await field(page, 'json').getByRole('textbox').fill('{"speaker": {"name": "Ranevskaya"}, "list": [1, 2, 3]}')
  await field(page, 'markdown').getByRole('textbox').fill('# Title\n\n| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n\n```json\n{"a": 1, "a long line": "that does not fit into the width of a phone at all, and must scroll by itself"}\n```\n\n$x^2$')
  await field(page, 'html').getByRole('textbox').fill('<p>Written by the author</p>')
  await field(page, 'highlightedText').getByRole('textbox', { name: 'Text of piece 1' }).fill('Anton')
  await field(page, 'highlightedText').getByRole('combobox').fill('person')
  await field(page, 'dataframe').locator('[data-cell="0-0"]').focus()
  await page.keyboard.type('ball')
  await page.keyboard.press('Tab')
  await field(page, 'code').locator('.cm-content').click()
  await page.keyboard.type('def light(): return 1')
}
