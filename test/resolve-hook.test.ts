import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'

const HOOK_URL = new URL('../workers/resolve-hook.ts', import.meta.url).href
const MODEL_API_URL = new URL('../workers/model.ts', import.meta.url).href

async function modelOutside(t: TestContext, source: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'footlights-resolve-'))
  t.after(() => rm(root, { recursive: true }))
  await mkdir(join(root, 'echo'))
  await writeFile(join(root, 'echo', 'prefix.ts'), `export { textbox as box } from 'footlights'\n`)
  const file = join(root, 'echo', 'model.ts')
  await writeFile(file, source)
  return pathToFileURL(file).href
}

/** What the expression is in a fresh thread. */
async function inThread(statements: string, expression: string): Promise<unknown> {
  const source = `const { parentPort } = require('node:worker_threads')
    ;(async () => { ${statements}; parentPort.postMessage(${expression}) })().catch((error) => parentPort.postMessage(error.code))`
  const thread = new Worker(source, { eval: true, execArgv: [] })
  const [message] = await once(thread, 'message')
  await thread.terminate()
  return message
}

const REGISTER = `const hook = await import(${JSON.stringify(HOOK_URL)}); hook.registerFootlightsResolution(); hook.registerFootlightsResolution()`
const SOURCE = `import { defineModel, textbox } from 'footlights'
import { box } from './prefix.ts'
const title: string = 'Echo'
export const same = box === textbox
export { defineModel }
export default { title }
`

describe('registerFootlightsResolution', () => {
  it('resolves footlights in a models folder outside of the repository, in files below it too', async (t) => {
    const url = await modelOutside(t, SOURCE)
    const found = await inThread(`${REGISTER}; const model = await import(${JSON.stringify(url)})`, '[model.default.title, model.same]')
    assert.deepEqual(found, ['Echo', true])
  })

  it('gives the module that the host itself uses', async (t) => {
    const url = await modelOutside(t, SOURCE)
    const found = await inThread(`${REGISTER}; const model = await import(${JSON.stringify(url)}); const api = await import(${JSON.stringify(MODEL_API_URL)})`, 'model.defineModel === api.defineModel')
    assert.equal(found, true)
  })

  it('passes over another copy that lies beside the models', async (t) => {
    const url = await modelOutside(t, SOURCE)
    const copy = new URL('node_modules/footlights/', url)
    await mkdir(copy, { recursive: true })
    await writeFile(new URL('package.json', copy), '{ "name": "footlights", "type": "module", "exports": "./index.js" }')
    await writeFile(new URL('index.js', copy), 'export const defineModel = null, textbox = null\n')
    const found = await inThread(`${REGISTER}; const model = await import(${JSON.stringify(url)})`, 'model.defineModel === null')
    assert.equal(found, false)
  })

  it('resolves everything else as ever', async (t) => {
    const url = await modelOutside(t, `import 'footlights-plugin'\n`)
    const found = await inThread(`${REGISTER}; await import(${JSON.stringify(url)})`, '"loaded"')
    assert.equal(found, 'ERR_MODULE_NOT_FOUND')
  })

  it('is needed: without it such a model does not load', async (t) => {
    const url = await modelOutside(t, SOURCE)
    assert.equal(await inThread(`await import(${JSON.stringify(url)})`, '"loaded"'), 'ERR_MODULE_NOT_FOUND')
  })
})
