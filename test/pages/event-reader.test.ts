import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { EventReader } from '../../server/ui/src/lib/event-stream.ts'

const STREAM = 'event: queued\nid: 1\ndata: {"position":2,"etaSeconds":null}\n\n: still here\n\nevent: output\nid: 2\ndata: {"text":"a: b\\n\\nc"}\n\nevent: done\nid: 3\ndata: {"waitSeconds":0,"runSeconds":1}\n\n'

describe('reading a stream of events', () => {
  it('gives the same events whatever pieces the text comes in', () => {
    const whole = new EventReader().take(STREAM)
    assert.deepEqual(whole.map(({ event, id }) => [event, id]), [['queued', 1], ['output', 2], ['done', 3]])
    assert.deepEqual(whole[1]?.data, { text: 'a: b\n\nc' })
    for (let size = 1; size < STREAM.length; size++) {
      const reader = new EventReader()
      const events = []
      for (let at = 0; at < STREAM.length; at += size) events.push(...reader.take(STREAM.slice(at, at + size)))
      assert.deepEqual(events, whole, `in pieces of ${size}`)
    }
  })

  it('keeps an event that is not whole to itself', () => {
    assert.deepEqual(new EventReader().take('event: output\nid: 2\ndata: {"text":"half'), [])
  })
})
