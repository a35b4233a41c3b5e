import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Queue, type QueueEntry } from '../server/queue.ts'

interface Entry extends QueueEntry {
  name: string
}

const entry = (name: string, alone = false): Entry => ({ name, alone, followed: false })

function queueOf(...names: string[]): { queue: Queue<Entry>; entries: Entry[] } {
  const queue = new Queue<Entry>(3)
  const entries = names.map((name) => entry(name))
  for (const each of entries) queue.add(each)
  return { queue, entries }
}

const namesIn = (entries: Iterable<Entry>): string => [...entries].map(({ name }) => name).join('')

describe('Queue', () => {
  test('is first in, first out', () => {
    const { queue } = queueOf('a', 'b', 'c')
    assert.equal(queue.first()?.name, 'a')
    assert.equal(namesIn(queue.takeShared(2)), 'ab')
    assert.equal(namesIn(queue), 'c')
    assert.equal(queue.depth, 1)
  })

  test('puts what came back before all others, in the order in which it came back, outside the bound', () => {
    const { queue } = queueOf('a', 'b')
    queue.addReturned(entry('x'))
    queue.addReturned(entry('y'))
    assert.equal(queue.isFull, false)
    assert.equal(queue.depth, 4)
    assert.equal(namesIn(queue), 'xyab')
    queue.add(entry('c'))
    assert.equal(queue.isFull, true)
  })

  test('lets go of an entry anywhere in the line, once', () => {
    const { queue, entries } = queueOf('a', 'b', 'c')
    const [, b] = entries
    assert.ok(b)
    assert.equal(queue.remove(b), true)
    assert.equal(queue.remove(b), false)
    const back = entry('x')
    queue.addReturned(back)
    assert.equal(queue.remove(back), true)
    assert.equal(namesIn(queue), 'ac')
  })

  test('passes over those that must run alone when it takes company', () => {
    const { queue } = queueOf('a')
    queue.addReturned(entry('x', true))
    queue.add(entry('b'))
    assert.equal(queue.first()?.name, 'x')
    assert.equal(queue.firstShared()?.name, 'a')
    assert.equal(namesIn(queue.takeShared(10)), 'ab')
    assert.equal(namesIn(queue), 'x')
    assert.equal(queue.firstShared(), undefined)
  })

  test('a bound of none has room for nobody, and a new bound counts at once', () => {
    const { queue } = queueOf('a')
    queue.limit = 0
    assert.equal(queue.isFull, true)
    queue.limit = 2
    assert.equal(queue.isFull, false)
  })
})
