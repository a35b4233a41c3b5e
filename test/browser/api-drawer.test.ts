import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'

import { openBrowser, skipsBrowser, type TestBrowser } from '../helpers/browser.ts'
import { pythonVenv } from '../helpers/python-venv.ts'
import { startTestHost, type TestHost } from '../helpers/start-test-host.ts'
import { openModel, shippedModel } from './model-page.ts'

const run = promisify(execFile)
const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))
/** Everything that a shell, JavaScript or Python could take for something else. */
const TEXT = `It's "quoted" $HOME \`date\` \\n \\ {a} %s ünï 🎭\nsecond line`

/** The code under one of the drawer's tabs. */
async function codeOf(page: Page, tab: string): Promise<string> {
  await page.getByRole('tab', { name: tab, exact: true }).click()
  return await page.locator('#snippet code').last().innerText()
}

async function runJavaScript(code: string, result: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', `${code}\nconsole.log(JSON.stringify(${result}))`], { cwd: REPOSITORY })
  return JSON.parse(stdout)
}

describe('the calls under "Use via API"', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser
  let folder: string

  before(async () => {
    ;[host, browser, folder] = await Promise.all([startTestHost({ models: ['echo', shippedModel('digits')] }), openBrowser(), mkdtemp(join(tmpdir(), 'api-drawer-'))])
  })
  after(async () => {
    await browser[Symbol.asyncDispose]()
    await host.stop()
    await rm(folder, { recursive: true })
  })

  async function openDrawer(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Use via API' }).click()
    await page.getByRole('dialog', { name: 'Use via API' }).waitFor()
  }

  async function echoDrawer(page: Page): Promise<void> {
    await openModel(page, 'echo', `?text=${encodeURIComponent(TEXT)}`)
    await openDrawer(page)
  }

  // A field of one line holds one line.
  const echoed = TEXT.replace('\n', '')

  it('run in a shell', async () => {
    await using opened = await browser.openPage(host.url)
    await echoDrawer(opened.page)
    const { stdout } = await run('sh', ['-c', `${await codeOf(opened.page, 'curl')} -s`])
    assert.equal(JSON.parse(stdout).text.replace('\n', ''), echoed)
  })

  it('run in JavaScript', async () => {
    await using opened = await browser.openPage(host.url)
    await echoDrawer(opened.page)
    assert.equal(String(await runJavaScript(await codeOf(opened.page, 'JavaScript'), 'text')).replace('\n', ''), echoed)
    const withClient = `${await codeOf(opened.page, 'Gradio client, JavaScript')}\nsetTimeout(() => process.exit(), 100)`
    assert.equal(String(await runJavaScript(withClient, 'text')).replace('\n', ''), echoed)
  })

  it("run with Python's Gradio client, and compile without it", async (t) => {
    const { python, skip } = await pythonVenv()
    if (python === undefined) return t.skip(skip)
    await using opened = await browser.openPage(host.url)
    await echoDrawer(opened.page)
    const { stdout } = await run(python, ['-c', await codeOf(opened.page, 'Gradio client, Python')], { env: { ...process.env, PYTHONIOENCODING: 'utf-8' } })
    assert.ok(stdout.replaceAll('\n', '').includes(echoed), stdout)
    await run(python, ['-c', 'import sys; compile(sys.argv[1], "snippet", "exec")', await codeOf(opened.page, 'Python')])
  })

  it('name the file of an example, or one to be put in', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'digits')
    await page.locator('.thumbs button').first().click()
    await openDrawer(page)
    const { stdout } = await run('sh', ['-c', `${await codeOf(page, 'curl')} -s`])
    assert.equal(Object.keys(JSON.parse(stdout)).length, 1)

    await page.keyboard.press('Escape')
    const picture = join(folder, "it's a seven.png")
    await writeFile(picture, Buffer.from(await (await fetch(await page.locator('.thumbs img').first().evaluate((image: { src: string }) => image.src))).arrayBuffer()))
    await page.locator('input[type="file"]').first().setInputFiles(picture)
    await openDrawer(page)
    const sent = await run('sh', ['-c', `${await codeOf(page, 'curl')} -s`], { cwd: folder })
    assert.deepEqual(JSON.parse(sent.stdout), JSON.parse(stdout))
  })

  it('are copied as they are shown', async () => {
    await using opened = await browser.openPage(host.url, { devices: true })
    await echoDrawer(opened.page)
    const code = await codeOf(opened.page, 'curl')
    await opened.page.locator('#snippet').getByRole('button').click()
    assert.equal(await opened.page.evaluate('navigator.clipboard.readText()'), code)
  })
})
