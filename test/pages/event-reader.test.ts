import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { coalesced, EventReader, type ServerEvent } from '../../server/ui/src/lib/event-stream.ts'

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

describe('events that came together', () => {
  const event = (id: number, name: string, data: object): ServerEvent => ({ event: name, id, data })

  it('become as few as say the same, with the id of the last', () => {
    const events = [
      event(1, 'queued', { position: 3 }), event(2, 'queued', { position: 2 }), event(3, 'started', {}), event(4, 'output', { a: '1', b: '' }), event(5, 'output', { a: '2', b: '' }),
      event(6, 'append', { output: 'a', text: 'x' }), event(7, 'append', { output: 'a', text: 'y' }), event(8, 'append', { output: 'b', text: 'z' }), event(9, 'append', { output: 'a', text: '!' }),
      event(10, 'notice', { text: 'n' }), event(11, 'notice', { text: 'm' }), event(12, 'done', {}),
    ]
    assert.deepEqual(coalesced(events), [
      event(2, 'queued', { position: 2 }), event(3, 'started', {}), event(5, 'output', { a: '2', b: '' }), event(7, 'append', { output: 'a', text: 'xy' }),
      event(8, 'append', { output: 'b', text: 'z' }), event(9, 'append', { output: 'a', text: '!' }), event(10, 'notice', { text: 'n' }), event(11, 'notice', { text: 'm' }), event(12, 'done', {}),
    ])
  })
})
