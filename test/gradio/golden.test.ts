import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'

import { startTestHost } from '../helpers/start-test-host.ts'
import type { TestHost } from '../helpers/start-test-host.ts'
import { join, listenToEnd } from './wire.ts'

/** Written anew with `UPDATE_GOLDEN=1`; look at the difference before you keep it. */
async function assertGolden(name: string, value: unknown): Promise<void> {
  const file = new URL(`../golden/gradio-${name}.json`, import.meta.url)
  if (process.env['UPDATE_GOLDEN']) await writeFile(file, `${JSON.stringify(value, null, 1)}\n`)
  assert.deepEqual(value, JSON.parse(await readFile(file, 'utf8')))
}

describe("Gradio's wire, word for word", () => {
  let host: TestHost

  before(async () => {
    host = await startTestHost({ models: ['gradio-greet', 'gradio-kitchen', 'gradio-stream', 'gradio-wait', 'gradio-fail'] })
  })
  after(() => host[Symbol.asyncDispose]())

  const get = async (path: string): Promise<unknown> => JSON.parse((await (await fetch(host.url + path)).text()).replaceAll(host.url, 'http://host'))

  it('/config', async () => {
    const config = Object(await get('/gradio-greet/config'))
    assert.ok(Number.isSafeInteger(config.app_id))
    await assertGolden('config', { ...config, app_id: 0 })
  })

  it('/config, every component', async () => {
    const { components, protocol } = Object(await get('/gradio-kitchen/config'))
    assert.equal(protocol, 'sse_v2.1', 'free JSON may look like a file')
    assert.ok(Array.isArray(components))
    await assertGolden('components', components.map(({ id, type, props, skip_api: skipped }) => ({ id, type, skip_api: skipped, props })))
  })

  it('/info', async () => assertGolden('info', await get('/gradio-greet/gradio_api/info?serialize=False')))
  it('/info, every component', async () => assertGolden('info-components', await get('/gradio-kitchen/gradio_api/info')))

  const transcripts: [name: string, model: string, data: unknown[], headers: Record<string, string>][] = [
    ['generator', 'stream', ['a b', 30], {}],
    ['progress', 'wait', [50, 'x'], {}],
    ['said', 'fail', ['said'], {}],
    ['refused', 'fail', ['nonsense'], {}],
  ]
  for (const [name, model, data, headers] of transcripts) {
    it(`the messages of a call: ${name}`, async () => {
      const app = `${host.url}/gradio-${model}`
      const id = await join(app, { data, session: name, headers })
      const messages = await listenToEnd(app, name)
      const told = messages.map((message) => JSON.stringify(message, timeless).replaceAll(id, 'EVENT'))
      // A worker that is still starting is told of more than once.
      await assertGolden(`messages-${name}`, told.filter((line, index) => line !== told[index - 1]).map((line) => JSON.parse(line)))
    })
  }

  it('a session that nobody knows', async () => assertGolden('messages-unknown-session', await listenToEnd(`${host.url}/gradio-greet`, 'unknown')))
})

const TIMES = new Set(['eta', 'rank_eta', 'average_duration', 'avg_time'])

/** Measured times differ from run to run; toasts last as long as they say. */
function timeless(this: unknown, key: string, value: unknown): unknown {
  if (TIMES.has(key)) return null
  return key === 'duration' && typeof value === 'number' && value !== 10 ? 0 : value
}
