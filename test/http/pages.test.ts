import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { image, number, textbox } from '../../workers/components.ts'
import { indexHtml, modelHtml } from '../../server/rest/pages.ts'

const ROOT = 'https://example.org/demos'
const ATTACK = '<img src=x onerror="alert(1)">'

describe('the plain list of models', () => {
  it('links every model, with its state', () => {
    const html = indexHtml([
      { name: 'echo', title: 'Echo', description: 'Says it again', state: 'ready', cause: null },
      { name: 'broken', title: ATTACK, description: ATTACK, state: 'unavailable', cause: `Error in /home/someone/models/broken/model.ts: ${ATTACK}` },
    ])
    assert.match(html, /<a href="echo\/">Echo<\/a> \(ready\)/)
    assert.match(html, /unavailable: Error in model\.ts/)
    assert.doesNotMatch(html, /<img|someone/)
  })
})

describe('the plain page of a model', () => {
  it('shows how to call it, everything of its author escaped', () => {
    const html = modelHtml({ name: 'echo', title: ATTACK, description: ATTACK }, { inputs: { text: textbox({ label: ATTACK, info: ATTACK, value: "it's" }) }, outputs: { count: number() } }, ROOT)
    assert.match(html, /curl https:\/\/example\.org\/demos\/echo\/predict/)
    assert.match(html, /it&#39;\\&#39;&#39;s/)
    assert.doesNotMatch(html, /<img/)
  })

  it('shows a form where there are files', () => {
    const html = modelHtml({ name: 'photo', title: 'Photo', description: '' }, { inputs: { picture: image(), width: number({ value: 3 }) }, outputs: {} }, ROOT)
    assert.match(html, /-F &#39;picture=@file&#39; -F &#39;width=3&#39;/)
  })

  it('is there while the model starts', () => {
    assert.match(modelHtml({ name: 'echo', title: 'Echo', description: '' }, null, ROOT), /starting/)
  })
})
