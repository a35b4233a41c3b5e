import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { askedAgain, conversationOf, messagesOf } from '../../server/ui/src/lib/conversation.ts'

const chat = { kind: 'chatbot', label: 'Chat' } as const
const text = { kind: 'textbox', label: 'Text' } as const

describe('a model that talks', () => {
  it('takes one conversation and gives one back, with any settings beside it', () => {
    assert.deepEqual(conversationOf({ inputs: { style: text, chat }, outputs: { answer: chat } }), { input: 'chat', output: 'answer' })
  })

  it('is none with two conversations, with other outputs, or with words alone', () => {
    assert.equal(conversationOf({ inputs: { chat, other: chat }, outputs: { answer: chat } }), null)
    assert.equal(conversationOf({ inputs: { chat }, outputs: { answer: chat, text } }), null)
    assert.equal(conversationOf({ inputs: { chat }, outputs: { text } }), null)
    assert.equal(conversationOf({ inputs: { text }, outputs: { answer: chat } }), null)
  })
})

describe('a conversation', () => {
  const said = [{ role: 'user', content: 'a' }, { role: 'assistant', content: 'b' }, { role: 'user', content: 'c' }, { role: 'assistant', content: 'd' }] as const

  it('is asked again up to the last message of the visitor', () => {
    assert.deepEqual(askedAgain(said), said.slice(0, 3))
    assert.deepEqual(askedAgain(said.slice(0, 3)), said.slice(0, 3))
    assert.equal(askedAgain([{ role: 'assistant', content: 'hello' }]), null)
  })

  it('holds messages only', () => {
    assert.deepEqual(messagesOf([said[0], null, 'x', { role: 'user' }]), [said[0]])
    assert.deepEqual(messagesOf('nothing'), [])
  })
})
