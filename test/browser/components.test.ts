import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { openBrowser, skipsBrowser } from '../helpers/browser.ts'
import type { TestBrowser } from '../helpers/browser.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { drawStroke, transfer } from './gestures.ts'
import { paper, picture, sound } from './media.ts'
import { chooseFiles, field, openModel, output, run, runButton, stage, when } from './model-page.ts'

describe('every component, filled, sent and shown', { skip: skipsBrowser }, () => {
  let host: TestHost
  let browser: TestBrowser

  before(async () => {
    ;[host, browser] = await Promise.all([startTestHost({ models: ['kitchen', 'page-table'] }), openBrowser()])
  })
  after(async () => {
    await browser?.[Symbol.asyncDispose]()
    await host?.[Symbol.asyncDispose]()
  })

  it('texts, numbers and choices', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'kitchen')
    await field(page, 'textbox').getByRole('textbox').fill('The ball\nbegins')
    await field(page, 'number').getByRole('spinbutton').fill('42')
    await field(page, 'slider').getByRole('slider').press('ArrowRight')
    await page.getByRole('checkbox', { name: 'Keep the original size' }).check()
    await page.getByRole('checkbox', { name: 'Places' }).check()
    await page.getByRole('radio', { name: 'best' }).check()
    await field(page, 'dropdown').getByRole('combobox').selectOption('Frisian')
    const languages = field(page, 'dropdowns').getByRole('combobox')
    for (const [typed, chosen] of [['fr', 'French'], ['ger', 'German']] as const) {
      await languages.fill(typed)
      await page.getByRole('listbox').getByRole('option', { name: chosen }).click()
    }
    await field(page, 'label').getByRole('textbox').fill('{"cat": 0.9, "dog": 0.1}')
    await run(page)
    await output(page, 'Label').getByText('90 %').waitFor()
    assert.match(await output(page, 'Textbox').innerText(), /The ball\nbegins/)
    assert.match(await output(page, 'Number').innerText(), /42/)
    assert.match(await output(page, 'Slider').innerText(), /0\.55/)
    assert.match(await output(page, 'Checkbox').innerText(), /Yes/)
    assert.match(await output(page, 'Checkbox group').innerText(), /place/)
    assert.match(await output(page, 'Radio').innerText(), /best/)
    assert.match(await output(page, 'Dropdown').innerText(), /Frisian/)
    assert.match(await output(page, 'Dropdowns').innerText(), /French[\s\S]*German/)
    assert.match(await output(page, 'Label').innerText(), /cat[\s\S]*90 %[\s\S]*dog[\s\S]*10 %/)
  })

  it('a picture that is chosen, turned, sent, compared, enlarged, copied and downloaded', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'kitchen')
    await chooseFiles(page, 'image', [await picture('harbour.png')])
    await field(page, 'image').getByRole('img', { name: 'Image: harbour.png' }).waitFor()
    await field(page, 'image').getByRole('button', { name: 'Turn right' }).click()
    await when(page, 'document.querySelector(`[data-input="in-image"] img`).naturalWidth === 80')
    await run(page)
    const shown = output(page, 'Image')
    await shown.getByText('80 × 120, PNG').waitFor()
    const handle = shown.getByRole('slider', { name: 'Share of the original shown' })
    await handle.press('Home')
    assert.equal(await handle.inputValue(), '0')
    await shown.getByRole('button', { name: 'Compare with the input' }).click()
    assert.equal(await handle.count(), 0)
    await shown.getByRole('button', { name: 'Copy image' }).click()
    await shown.getByRole('status').filter({ hasText: 'Copied' }).waitFor()
    await shown.getByRole('button', { name: 'Full screen' }).click()
    await page.getByRole('dialog', { name: 'Image' }).getByRole('img').waitFor()
    await page.keyboard.press('Escape')
    assert.equal(await page.getByRole('dialog').count(), 0)
    const [download] = await Promise.all([page.waitForEvent('download'), shown.getByRole('link', { name: 'Download harbour.png' }).click()])
    assert.equal(download.suggestedFilename(), 'harbour.png')
  })

  it('a picture that is dropped, one that is pasted, and one that is no picture', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'kitchen')
    await field(page, 'image').getByRole('button', { name: 'Choose an image' }).waitFor()
    await transfer(page, 'drop', await picture('dropped.png'))
    await field(page, 'image').getByRole('img', { name: 'Image: dropped.png' }).waitFor()
    await field(page, 'image').getByRole('button', { name: 'Remove' }).click()
    await transfer(page, 'paste', await picture('pasted.png'))
    await field(page, 'image').getByRole('img', { name: 'Image: pasted.png' }).waitFor()
    await chooseFiles(page, 'image', [paper('notes.txt', 'no picture')])
    await field(page, 'image').getByText('“notes.txt” cannot be used here. Use an image.').waitFor()
    await field(page, 'image').getByRole('img', { name: 'Image: pasted.png' }).waitFor()
  })

  it('a sketch with undo, and a picture of the camera', async () => {
    await using opened = await browser.openPage(host.url, { devices: true })
    const { page } = opened
    await openModel(page, 'kitchen')
    const image = field(page, 'image')
    await image.getByRole('tab', { name: 'Sketch' }).click()
    await drawStroke(page, 40, 40)
    await image.getByRole('radio', { name: 'Red' }).click()
    await drawStroke(page, 40, 120)
    await image.getByRole('img', { name: 'Sketch of 2 strokes' }).waitFor()
    await image.getByRole('button', { name: 'Undo' }).click()
    await image.getByRole('img', { name: 'Sketch of 1 stroke' }).waitFor()
    await run(page)
    await output(page, 'Image').getByText('960 × 600, PNG').waitFor()
    await image.getByRole('tab', { name: 'Camera' }).click()
    await image.getByRole('button', { name: 'Turn the camera on' }).click()
    await image.getByRole('button', { name: 'Take the picture' }).click()
    await image.getByRole('img', { name: 'Image: camera.png' }).waitFor()
    await run(page)
    await output(page, 'Image').getByText('640 × 480, PNG').waitFor()
  })

  it('a sound from a file and from the microphone, with its outline', async () => {
    await using opened = await browser.openPage(host.url, { devices: true })
    const { page } = opened
    await openModel(page, 'kitchen')
    await chooseFiles(page, 'audio', [sound('tone.wav', 2)])
    await field(page, 'audio').getByText('0:00 of 0:02').waitFor()
    await run(page)
    const position = output(page, 'Audio').getByRole('slider', { name: 'Position' })
    await position.and(page.locator('[aria-valuemax="2"]')).waitFor()
    await position.press('ArrowRight')
    await position.and(page.locator('[aria-valuetext="1 of 2 seconds"]')).waitFor()
    await output(page, 'Audio').getByRole('button', { name: 'Play' }).click()
    await output(page, 'Audio').getByRole('button', { name: 'Pause' }).waitFor()
    await field(page, 'audio').getByRole('button', { name: 'Record' }).click()
    await field(page, 'audio').getByText('Recording, 0:01').waitFor()
    await field(page, 'audio').getByRole('button', { name: 'Stop recording' }).click()
    await field(page, 'audio').getByText('recording.webm').waitFor()
    await run(page)
    await output(page, 'Audio').getByText('recording.webm').waitFor()
  })

  it('a film of the camera', async () => {
    await using opened = await browser.openPage(host.url, { devices: true })
    const { page } = opened
    await openModel(page, 'kitchen')
    const video = field(page, 'video')
    await video.getByRole('tab', { name: 'Camera' }).click()
    await video.getByRole('button', { name: 'Turn the camera on' }).click()
    await video.getByRole('button', { name: 'Record' }).click()
    await video.getByText('0:01').waitFor()
    await video.getByRole('button', { name: 'Stop' }).click()
    await video.getByText('camera.webm').waitFor()
    await run(page)
    await output(page, 'Video').locator('video').waitFor()
    await output(page, 'Video').getByRole('link', { name: 'Download camera.webm' }).waitFor()
  })

  it('one file by its rules, many files, and pictures with captions', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'kitchen')
    await chooseFiles(page, 'file', [{ name: 'large.txt', mimeType: 'text/plain', buffer: Buffer.alloc(1_200_000, 'a') }])
    await field(page, 'file').getByText('“large.txt” has 1.2 MB. Use a file of at most 1 MB.').waitFor()
    await chooseFiles(page, 'file', [paper('act.txt', 'To be')])
    await field(page, 'file').getByText('act.txt').waitFor()
    await chooseFiles(page, 'files', [paper('one.txt', '1'), paper('two.txt', '22'), paper('three.txt', '333')])
    await field(page, 'files').getByRole('button', { name: 'Remove two.txt' }).click()
    await chooseFiles(page, 'files', [paper('four.txt', '4444')])
    await chooseFiles(page, 'gallery', [await picture('a.png'), await picture('b.png', '#c02541')])
    await field(page, 'gallery').getByRole('textbox', { name: 'Caption of b.png' }).fill('The red one')
    await run(page)
    assert.match(await output(page, 'File').innerText(), /act\.txt\s*5 bytes/)
    assert.match(await output(page, 'Files').innerText(), /one\.txt[\s\S]*three\.txt[\s\S]*four\.txt/)
    assert.doesNotMatch(await output(page, 'Files').innerText(), /two\.txt/)
    await output(page, 'Gallery').getByRole('button', { name: 'Open picture 1 of 2' }).click()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('dialog', { name: 'The red one' }).getByText('2 of 2').waitFor()
    await page.keyboard.press('Escape')
    assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Open picture 1 of 2')
  })

  it('JSON, Markdown with code and formulas, HTML in its frame, marked text', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'kitchen')
    await field(page, 'json').getByRole('textbox').fill('{"speaker": {"name": "Ranevskaya", "known": true}, "tokens": [1, 2')
    await field(page, 'json').getByText(/^This is no JSON yet/).waitFor()
    await field(page, 'json').getByRole('textbox').fill('{"speaker": {"name": "Ranevskaya", "known": true}, "tokens": [1, 2]}')
    await field(page, 'markdown').getByRole('textbox').fill('# Note\n\nThe loss is $L = \\sum_i y_i$.\n\n```python\nprint("lit")\n```')
    await field(page, 'markdown').getByRole('tab', { name: 'Preview' }).click()
    await field(page, 'markdown').locator('math').waitFor()
    await field(page, 'html').getByRole('textbox').fill('<style>p { color: rgb(0, 100, 0) }</style><p style="font-weight: 700">Styled</p>')
    await field(page, 'highlightedText').getByRole('textbox', { name: 'Text of piece 1' }).fill('Anton')
    await field(page, 'highlightedText').getByRole('combobox', { name: 'Label of piece 1' }).fill('person')
    await field(page, 'highlightedText').getByRole('button', { name: 'Add a piece' }).click()
    await page.keyboard.type(' wrote')
    await run(page)
    const tree = output(page, 'Json').getByRole('tree')
    await tree.getByText('"Ranevskaya"').waitFor()
    await output(page, 'Json').getByRole('button', { name: 'Fold all' }).click()
    await tree.getByText('{ 2 keys }').waitFor()
    await output(page, 'Markdown').getByRole('heading', { name: 'Note' }).waitFor()
    await output(page, 'Markdown').locator('math').waitFor()
    await output(page, 'Markdown').locator('.hljs-string').waitFor()
    const styled = page.frameLocator('iframe[title="Html, the author\'s own page"]').getByText('Styled')
    await styled.waitFor()
    assert.deepEqual(await page.evaluate(STYLE_IN_FRAME), ['rgb(0, 100, 0)', '700'])
    assert.match(await output(page, 'Highlighted text').innerText(), /Anton\s*person[\s\S]*wrote/)
  })

  it('a table that is typed and pasted, and code in the editor', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'kitchen')
    const cell = field(page, 'dataframe').locator('[data-cell="0-0"]')
    await cell.focus()
    await page.keyboard.type('The ball')
    await page.keyboard.press('Tab')
    await page.keyboard.type('21.5')
    await page.keyboard.press('Enter')
    await field(page, 'dataframe').getByRole('button', { name: 'Add a row' }).click()
    await field(page, 'dataframe').locator('[data-cell="1-0"]').focus()
    await page.evaluate('navigator.clipboard.writeText("Arrival\\t18\\nDeparture\\t9.8")')
    await page.keyboard.press('Control+v')
    await field(page, 'dataframe').getByText('Departure').waitFor()
    await field(page, 'code').locator('.cm-content').waitFor()
    // As the form does for an input that needs a change.
    await field(page, 'code').locator('[tabindex="0"]').first().focus()
    await page.keyboard.type('def light():\n')
    await page.keyboard.type('return 1')
    await page.keyboard.press('Control+Enter')
    await stage(page, 'done').waitFor()
    const table = output(page, 'Dataframe')
    await table.getByText('Departure').waitFor()
    assert.deepEqual(await table.locator('tbody td:nth-child(2)').allInnerTexts(), ['The ball', 'Arrival', 'Departure'])
    await table.getByRole('button', { name: 'Minutes' }).click()
    assert.deepEqual(await table.locator('tbody td:nth-child(3)').allInnerTexts(), ['9.8', '18', '21.5'])
    await table.getByRole('button', { name: 'Copy as CSV' }).click()
    await table.getByRole('status').filter({ hasText: 'Copied' }).waitFor()
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), 'Scene,Minutes\r\nThe ball,21.5\r\nArrival,18\r\nDeparture,9.8')
    await output(page, 'Code').locator('.hljs-keyword').first().waitFor()
    assert.match(await output(page, 'Code').innerText(), /def light\(\):\n +return 1/)
  })

  it('a large table without drawing all of it', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'page-table')
    await run(page)
    const region = output(page, 'Table').getByRole('region')
    await region.getByText('Row 5', { exact: true }).waitFor()
    assert.ok((await region.locator('tr').count()) < 100)
    await region.evaluate((element) => element.scrollTo({ top: element.scrollHeight }))
    await region.getByText('Row 19999', { exact: true }).waitFor()
    await output(page, 'Table').getByRole('button', { name: 'Search in the table' }).click()
    await page.getByRole('searchbox', { name: 'Search in the table' }).fill('only  row')
    await output(page, 'Table').getByText('1 of 20,000 rows').waitFor()
  })

  it('refuses JSON that is none, and says so beside the input', async () => {
    await using opened = await browser.openPage(host.url)
    const { page } = opened
    await openModel(page, 'kitchen')
    await field(page, 'json').getByRole('textbox').fill('{ no')
    await runButton(page).click()
    await page.getByRole('alert').getByText('One input needs a change').waitFor()
  })
})

const STYLE_IN_FRAME = `(() => {
  const { color, fontWeight } = getComputedStyle(document.querySelector('iframe').contentDocument.querySelector('p'))
  return [color, fontWeight]
})()`
