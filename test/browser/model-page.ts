/** What a visitor does in a model's page, in a few words each. */
import { fileURLToPath } from 'node:url'

import type { Locator, Page } from 'playwright-core'

/** Folders of the models that ship. */
export function shippedModel(name: string): string {
  return fileURLToPath(new URL(`../../models/${name}`, import.meta.url))
}

/** The field of an input, by its key. */
export function field(page: Page, input: string): Locator {
  return page.locator(`[data-input="in-${input}"]`)
}

/** The result panel; with a phase only while it is in it. */
export function stage(page: Page, phase?: string): Locator {
  return page.locator(phase === undefined ? 'section.stage' : `section.stage[data-phase="${phase}"]`)
}

/** The one line that says what happens now. */
export function strip(page: Page): Locator {
  return page.locator('.strip .words')
}

/** The part of the result that belongs to the output of this label. */
export function output(page: Page, label: string): Locator {
  return stage(page).locator('.out').filter({ has: page.getByRole('heading', { name: label, exact: true }) })
}

/** Opens the page and waits until the form can be filled in. */
export async function openModel(page: Page, name: string, search = ''): Promise<void> {
  await page.goto(`/${name}/${search}`)
  await stage(page).waitFor()
}

export function runButton(page: Page): Locator {
  return page.getByRole('button', { name: /^Run(ning)?( |$)/ })
}

/** Presses Run and waits for the end. */
export async function run(page: Page, end: 'done' | 'error' | 'cancelled' = 'done'): Promise<void> {
  await runButton(page).click()
  await stage(page, end).waitFor()
}

/** The files come in through the chooser of an input. */
export async function chooseFiles(page: Page, input: string, files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  await page.locator(`input[type="file"][data-chooser="in-${input}"]`).setInputFiles(files)
}

/** Waits, frame by frame, until an expression is true in the page. */
export async function when(page: Page, expression: string): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const check = () => ((${expression}) ? resolve() : requestAnimationFrame(check))
    check()
  })`)
}
