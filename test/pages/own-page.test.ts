import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import http, { type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { request } from 'undici'

import { startTestHost, type TestHost } from '../helpers/start-test-host.ts'

const MODEL = `import { defineModel, textbox } from 'footlights'
export default defineModel({ inputs: { text: textbox() }, outputs: { text: textbox() }, predict: ({ text }) => ({ text }) })\n`

/** Sends the path as it is; `fetch` tidies it up first. */
async function get(port: number, path: string): Promise<{ status: number | undefined; text: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => http.get({ port, path, agent: false }, resolve).once('error', reject))
  let text = ''
  for await (const piece of answer.setEncoding('utf8')) text += String(piece)
  return { status: answer.statusCode, text }
}

describe("a model's own page", () => {
  let folder: string
  let host: TestHost
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'own-page-'))
    const page = join(folder, 'desk', 'page')
    await mkdir(join(page, 'parts', 'deep'), { recursive: true })
    await mkdir(join(folder, 'linked'))
    await writeFile(join(folder, 'desk', 'model.ts'), MODEL)
    await writeFile(join(folder, 'desk', 'secret.js'), 'secret')
    await writeFile(join(page, 'index.html'), '<!doctype html><title>Desk</title><script src="page/desk.js"></script>')
    await writeFile(join(page, 'desk.js'), 'void 0')
    await writeFile(join(page, 'notes.md'), 'for the author')
    await writeFile(join(page, '.env.js'), 'secret')
    await writeFile(join(page, 'parts', 'deep', 'a-b_c.1.css'), 'a{}')
    await symlink(join(folder, 'desk', 'secret.js'), join(page, 'out.js'))
    await symlink(join(folder, 'desk'), join(page, 'up'))
    await symlink(join(page, 'desk.js'), join(page, 'inside.js'))
    await writeFile(join(folder, 'linked', 'model.ts'), MODEL)
    await symlink(page, join(folder, 'linked', 'page'))
    host = await startTestHost({ models: [join(folder, 'desk'), join(folder, 'linked'), 'echo'] })
  })
  after(async () => {
    await host.stop()
    await rm(folder, { recursive: true })
  })

  it('stands at the address of the model, with scripts of its own alone', async () => {
    const answer = await fetch(`${host.url}/desk/`)
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /<title>Desk/)
    assert.match(answer.headers.get('content-security-policy') ?? '', /script-src 'self';/)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  })

  it('brings its files along, as what they are', async () => {
    for (const [path, type] of [['desk.js', 'text/javascript'], ['parts/deep/a-b_c.1.css', 'text/css'], ['index.html', 'text/html']]) {
      const answer = await fetch(`${host.url}/desk/page/${path}`)
      assert.equal(answer.status, 200, path)
      assert.match(answer.headers.get('content-type') ?? '', new RegExp(`^${type}`))
      await answer.arrayBuffer()
    }
  })

  it('is asked about once: what has not changed is not sent again', async () => {
    const first = await request(`${host.url}/desk/page/desk.js`)
    await first.body.dump()
    const again = await request(`${host.url}/desk/page/desk.js`, { headers: { 'if-none-match': String(first.headers['etag']) } })
    await again.body.dump()
    assert.equal(again.statusCode, 304)
  })

  it('gives out nothing else: no way up, no link, no hidden file, no folder, no other type', async () => {
    const paths = ['../model.ts', '..%2fmodel.ts', '%2e%2e/secret.js', '..%5csecret.js', 'out.js', 'up/secret.js', 'inside.js', '.env.js', 'notes.md', 'parts', 'parts/', '', 'desk.js/', 'desk.js%00.js', 'a'.repeat(300)]
    for (const path of paths) {
      const { status, text } = await get(host.port, `/desk/page/${path}`)
      assert.ok(status === 404 || status === 400, `${path} is ${status}`)
      assert.doesNotMatch(text, /secret|for the author/)
    }
  })

  it('is not followed through a link in place of the folder; such a model has the common page', async () => {
    assert.equal((await fetch(`${host.url}/linked/page/desk.js`)).status, 404)
    assert.doesNotMatch(await (await fetch(`${host.url}/linked/`)).text(), /<title>Desk/)
  })

  it('is nothing that other models or unknown ones have', async () => {
    for (const path of ['/echo/page/index.html', '/nobody/page/index.html']) assert.equal((await fetch(host.url + path)).status, 404)
  })

  it('leaves the API of the model as it is', async () => {
    const answer = await fetch(`${host.url}/desk/predict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":"hello"}' })
    assert.deepEqual(await answer.json(), { text: 'hello' })
  })
})
