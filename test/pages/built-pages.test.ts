import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it, before, after } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { request } from 'undici'

import { openBuiltPages } from '../../server/pages/built-pages.ts'
import { indexHtml } from '../../server/rest/pages.ts'
import { startTestHost, type TestHost } from '../helpers/start-test-host.ts'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

describe('the built pages', () => {
  let host: TestHost
  before(async () => {
    host = await startTestHost({ models: ['echo'], config: { rootPath: '/demos' } })
  })
  after(() => host.stop())

  async function page(path: string, accept = BROWSER): Promise<{ status: number; headers: Headers; html: string }> {
    const answer = await fetch(host.url + path, { headers: { accept } })
    return { status: answer.status, headers: answer.headers, html: await answer.text() }
  }

  it('are sent for the gallery, a model and the status, with a policy that allows our own files alone', async () => {
    for (const path of ['/', '/echo/', '/status']) {
      const { status, headers, html } = await page(path)
      assert.equal(status, 200, path)
      const policy = headers.get('content-security-policy') ?? ''
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/)
      assert.doesNotMatch(policy, /unsafe|https?:/)
      assert.equal(headers.get('cache-control'), 'no-cache')
      assert.doesNotMatch(html, /<script>[^<]|<style|style="|https?:\/\//)
    }
  })

  it('name their files below the public prefix, and every one of them is there for ever', async () => {
    const { html } = await page('/echo/')
    const names = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = '']) => name)
    assert.ok(names.length > 3)
    for (const name of names) {
      assert.match(name, /^\/demos\/assets\/ui\/[\w-]+-[\w-]{8}\.(?:js|css|svg|woff2)$/)
      const file = await fetch(host.url + name.slice('/demos'.length))
      assert.equal(file.status, 200, name)
      assert.equal(file.headers.get('cache-control'), 'public, max-age=31536000, immutable')
      await file.arrayBuffer()
    }
  })

  it('leave JSON to programs on the same address', async () => {
    for (const accept of ['*/*', 'application/json', 'application/json, text/plain, */*']) {
      const { headers, html } = await page('/status', accept)
      assert.match(headers.get('content-type') ?? '', /^application\/json/)
      assert.ok(Array.isArray(JSON.parse(html).models))
    }
  })

  it('tell a browser in words that there is nothing at an address, and a program by the problem object', async () => {
    for (const path of ['/nobody/', '/nobody', '/what/ever/this/is', '/favicon.ico', '/file/uploads/a/b']) {
      const shown = await page(path)
      assert.equal(shown.status, 404)
      assert.match(shown.headers.get('content-type') ?? '', /^text\/html/, path)
      const told = await page(path, '*/*')
      assert.equal(told.status, 404)
      assert.match(JSON.parse(told.html).code, /NOT_FOUND$/)
    }
  })

  it('keep other refusals as they are, also for a browser', async () => {
    const answer = await fetch(`${host.url}/echo/predict`, { headers: { accept: BROWSER } })
    assert.equal(answer.status, 405)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
  })

  it('send one content in every encoding', async () => {
    const { html } = await page('/')
    const script = /src="\/demos(\/assets\/ui\/index-[^"]+\.js)"/.exec(html)?.[1] ?? ''
    const digests = new Set<string>()
    for (const [encoding, decode] of [['identity', (bytes: Buffer) => bytes], ['gzip', gunzipSync], ['br', brotliDecompressSync]] as const) {
      const { headers, body } = await request(host.url + script, { headers: { 'accept-encoding': encoding } })
      assert.equal(headers['content-encoding'], encoding === 'identity' ? undefined : encoding)
      assert.match(String(headers['vary']), /accept-encoding/i)
      const bytes = Buffer.from(await body.arrayBuffer())
      assert.equal(Number(headers['content-length']), bytes.length)
      digests.add(createHash('sha256').update(decode(bytes)).digest('hex'))
    }
    assert.equal(digests.size, 1)
  })

  it('answer HEAD without a body', async () => {
    for (const path of ['/', '/echo/', '/status']) {
      const answer = await fetch(host.url + path, { method: 'HEAD', headers: { accept: BROWSER } })
      assert.equal(answer.status, 200)
      assert.equal(await answer.text(), '')
    }
  })

  it('give out nothing that is no file of theirs', async () => {
    for (const name of ['nothing.js', 'index.html', '..%2f..%2fpackage.json', '.', 'index.html.br']) {
      assert.equal((await fetch(`${host.url}/assets/ui/${name}`)).status, 404, name)
    }
  })
})

describe('without built pages', () => {
  it('the host has none, and the plain list of models says how to get them', async () => {
    assert.equal(openBuiltPages('', new URL('../fixtures/', import.meta.url).pathname), null)
    assert.match(indexHtml([]), /npm run build:ui/)
  })
})
