/** What becomes of the models folder while the host serves: with real files and processes. */
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test, type TestContext } from 'node:test'
import { eventually, getJson, predict, ready, statusOf } from './helpers/call.ts'
import { type LogLine, startTestHost, type TestHost } from './helpers/start-test-host.ts'

const VERSIONED = fileURLToPath(new URL('fixtures/models/versioned/', import.meta.url))
const ECHO = fileURLToPath(new URL('fixtures/models/echo/', import.meta.url))

async function site(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'footlights-test-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const models = join(folder, 'models')
  await cp(ECHO, join(models, 'echo'), { recursive: true })
  return { folder, models }
}

async function makeVersion(folder: string, version: number): Promise<void> {
  await cp(VERSIONED, folder, { recursive: true })
  const code = await readFile(join(folder, 'model.ts'), 'utf8')
  await writeFile(join(folder, 'model.ts'), code.replace(/const VERSION = \d+/, `const VERSION = ${version}`))
}

async function versionOf({ url }: TestHost, model: string): Promise<unknown> {
  const { status, body } = await predict(url, model, { text: 'which' })
  return status === 200 ? body['version'] : status
}

async function modelsMeasured({ url }: TestHost): Promise<string[]> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return [...new Set([...text.matchAll(/\bmodel="([^"]*)"/g)].map(([, model = '']) => model))]
}

async function names({ url }: TestHost): Promise<string[]> {
  const { models } = await getJson(url, '/models')
  return (models as { name: string }[]).map(({ name }) => name)
}

describe('a watched models folder', () => {
  test('takes up a folder that comes, lets go of one that leaves, and follows a link that is turned elsewhere', async (t) => {
    const { folder, models } = await site(t)
    await Promise.all([1, 2].map((version) => makeVersion(join(folder, `release-${version}`), version)))
    await using host = await startTestHost({ models: [], env: { FOOTLIGHTS_MODELS: models, FOOTLIGHTS_WATCH: 'on' } })
    assert.deepEqual(await names(host), ['echo'])
    await symlink(join(folder, 'release-1'), join(models, 'linked'))
    await eventually(() => versionOf(host, 'linked'), (version) => version === 1)
    await symlink(join(folder, 'release-2'), join(models, 'linked.new'))
    await rename(join(models, 'linked.new'), join(models, 'linked'))
    await eventually(() => versionOf(host, 'linked'), (version) => version === 2)
    await makeVersion(join(folder, 'release-2'), 3)
    await eventually(() => versionOf(host, 'linked'), (version) => version === 3)
    await eventually(() => predict(host.url, 'echo', { text: 'x' }), ({ status }) => status === 200)
    const accepted = await fetch(`${host.url}/echo/predict`, { method: 'POST', headers: { 'content-type': 'application/json', prefer: 'respond-async' }, body: '{"text":"kept"}' })
    const { id } = (await accepted.json()) as { id: string }
    await eventually(() => getJson(host.url, `/echo/predictions/${id}`), ({ state }) => state === 'succeeded')
    await rm(join(models, 'echo'), { recursive: true })
    await eventually(() => names(host), (all) => all.join() === 'linked')
    assert.deepEqual((await getJson(host.url, `/echo/predictions/${id}`))['outputs'], { text: 'kept' })
    assert.equal((await predict(host.url, 'echo', { text: 'x' })).body['code'], 'MODEL_NOT_FOUND')
    await eventually(() => modelsMeasured(host), (all) => all.join() === 'linked')
    assert.equal((await host.children()).length, 1)
  })

  test('that is removed and made again is watched on; meanwhile its models serve, and the log says once that it is gone', async (t) => {
    const { models } = await site(t)
    await makeVersion(join(models, 'versioned'), 1)
    await using host = await startTestHost({ models: [], env: { FOOTLIGHTS_MODELS: models, FOOTLIGHTS_WATCH: 'on' } })
    await eventually(() => versionOf(host, 'versioned'), (version) => version === 1)
    await rm(models, { recursive: true })
    const isSaid = ({ message }: LogLine): boolean => /models folder can't be read/.test(message)
    await host.logged(isSaid)
    assert.equal(await versionOf(host, 'versioned'), 1)
    await makeVersion(join(models, 'versioned'), 2)
    await eventually(() => versionOf(host, 'versioned'), (version) => version === 2)
    assert.deepEqual(await names(host), ['versioned'])
    assert.deepEqual(host.logs.filter(isSaid).map(({ level, error }) => [level, error]), [['warn', undefined]])
    await makeVersion(join(models, 'versioned'), 3)
    await eventually(() => versionOf(host, 'versioned'), (version) => version === 3)
  })

  test('takes up a model whose file comes after its folder, and one that is mended, at once', async (t) => {
    const { models } = await site(t)
    await using host = await startTestHost({ models: [], env: { FOOTLIGHTS_MODELS: models, FOOTLIGHTS_WATCH: 'on' } })
    await mkdir(join(models, 'late'))
    await makeVersion(join(models, 'late'), 1)
    await eventually(() => versionOf(host, 'late'), (version) => version === 1)
    await mkdir(join(models, 'broken'))
    await writeFile(join(models, 'broken/model.ts'), 'const = 1\n')
    await eventually(() => names(host), (all) => all.includes('broken'))
    await eventually(() => statusOf(host.url, 'broken'), ({ state, cause }) => state === 'unavailable' && /SyntaxError/.test(cause ?? ''))
    await makeVersion(join(models, 'broken'), 7)
    await eventually(() => versionOf(host, 'broken'), (version) => version === 7)
  })
})

const PLAIN = `import { defineModel, number, textbox } from 'footlights'
export default defineModel({
  inputs: { text: textbox(), ms: number({ value: 0 }) },
  outputs: { text: textbox() },
  predict: ({ text, ms }) => new Promise((resolve) => setTimeout(() => resolve({ text }), ms)),
})
`
const WITH_PICTURE = `import { defineModel, image, number, textbox } from 'footlights'
export default defineModel({
  inputs: { text: textbox(), ms: number({ value: 0 }) },
  outputs: { picture: image(), text: textbox() },
  predict: ({ text }) => ({ text, picture: { data: new Uint8Array([137, 80, 78, 71]), mimeType: 'image/png' } }),
})
`

describe('what waits while its model becomes another', () => {
  test('runs on the new one and is answered with what that gives, files as links; what runs already is answered by the old one', async (t) => {
    const { models } = await site(t)
    await mkdir(join(models, 'grows'))
    await writeFile(join(models, 'grows/model.ts'), PLAIN)
    await using host = await startTestHost({ models: [], config: { drainMs: 30_000 }, env: { FOOTLIGHTS_MODELS: models, FOOTLIGHTS_WATCH: 'on' } })
    await ready(host.url, 'grows')
    const running = predict(host.url, 'grows', { text: 'a', ms: 5_000 })
    await eventually(() => queueOf(host), ({ running: count }) => count === 1)
    const waiting = predict(host.url, 'grows', { text: 'b' })
    const called = await fetch(`${host.url}/grows/gradio_api/call/predict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data: ['c', 0] }) })
    const { event_id: event } = (await called.json()) as { event_id: string }
    await eventually(() => queueOf(host), ({ depth }) => depth === 2)
    await writeFile(join(models, 'grows/model.ts'), WITH_PICTURE)
    const { body } = await waiting
    assert.deepEqual(Object.keys(body), ['picture', 'text'])
    assert.deepEqual(Object.keys(body['picture'] as object), ['url', 'name', 'size', 'mimeType'])
    const told = await (await fetch(`${host.url}/grows/gradio_api/call/predict/${event}`)).text()
    const [picture, text] = JSON.parse(/event: complete\ndata: (.*)/.exec(told)?.[1] ?? 'null') as [{ url: string }, string]
    assert.deepEqual([text, new URL(picture.url).origin], ['c', host.url])
    const { body: old, headers } = await running
    assert.deepEqual(old, { text: 'a' })
    const again = await getJson(host.url, `/grows/predictions/${headers.get('x-prediction-id')}`)
    assert.deepEqual(again['outputs'], { text: 'a' })
  })
})

async function queueOf({ url }: TestHost): Promise<{ depth: number; running: number }> {
  const { queue } = await statusOf(url, 'grows')
  return queue
}

describe('SIGUSR2', () => {
  test('hosts what is new and lets go of what is gone, and a broken model does not keep the others from their new version', async (t) => {
    const { models } = await site(t)
    await makeVersion(join(models, 'versioned'), 1)
    await using host = await startTestHost({ models: [], env: { FOOTLIGHTS_MODELS: models, FOOTLIGHTS_WATCH: 'off' } })
    await eventually(() => versionOf(host, 'versioned'), (version) => version === 1)
    await eventually(() => statusOf(host.url, 'echo'), ({ state }) => state === 'ready')
    await writeFile(join(models, 'echo/model.ts'), 'const = 1\n')
    await makeVersion(join(models, 'versioned'), 2)
    await makeVersion(join(models, 'fresh'), 1)
    process.kill(host.pid, 'SIGUSR2')
    await eventually(() => versionOf(host, 'versioned'), (version) => version === 2)
    await eventually(() => versionOf(host, 'fresh'), (version) => version === 1)
    const { state } = await eventually(() => statusOf(host.url, 'echo'), ({ update }) => update?.state === 'failed')
    assert.equal(state, 'ready')
    assert.equal((await predict(host.url, 'echo', { text: 'still there' })).body['text'], 'still there')
    await rm(join(models, 'fresh'), { recursive: true })
    process.kill(host.pid, 'SIGUSR2')
    await eventually(() => names(host), (all) => all.join() === 'echo,versioned')
  })
})
