import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

import { openBrowser, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { ready } from './calls.ts'

const VERSIONED = fileURLToPath(new URL('../fixtures/models/versioned/', import.meta.url))

describe('a new version that does not start', { skip: skipsBrowser }, () => {
  let folder: string
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'footlights-test-'))
    await cp(VERSIONED, join(folder, 'versioned'), { recursive: true })
    ;[host, browser] = await Promise.all([startTestHost({ models: [], env: { FOOTLIGHTS_MODELS: folder, FOOTLIGHTS_WATCH: 'on' } }), openBrowser()])
    await ready(host.url, 'versioned')
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  it('is named on the status page with its cause, until a mended one is there', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await page.goto('/status')
    await writeFile(join(folder, 'versioned/weights.txt'), 'half of them')
    const note = page.getByRole('status').filter({ hasText: 'versioned serves its old version' })
    await note.filter({ hasText: 'the weights are incomplete' }).waitFor()
    await writeFile(join(folder, 'versioned/weights.txt'), 'second\nend\n')
    await note.waitFor({ state: 'detached' })
  })
})
