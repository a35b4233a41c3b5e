import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JUST_USED_MS, type ModelMemory, reliefFor } from '../server/memory-relief.ts'

const SHORT = { availableBytes: 90, reserveBytes: 100 }
const CRITICAL = { availableBytes: 20, reserveBytes: 100 }

function model(name: string, { isBusy = false, isDescribed = true, idleMs = 60_000, rss = [50] }: { isBusy?: boolean; isDescribed?: boolean; idleMs?: number; rss?: number[] } = {}): ModelMemory {
  return { name, isBusy, isDescribed, idleMs, workers: rss.map((rssBytes, worker) => ({ worker, rssBytes, isReady: isDescribed })) }
}

describe('while memory is short', () => {
  test('the model that was used longest ago sleeps first', () => {
    const models = [model('a', { idleMs: 20_000 }), model('b', { idleMs: 40_000 }), model('c', { isBusy: true, idleMs: 0 })]
    assert.deepEqual(reliefFor(SHORT, models), { kind: 'sleep', model: 'b' })
  })

  test('nothing is done while there is enough', () => {
    assert.deepEqual(reliefFor({ availableBytes: 100, reserveBytes: 100 }, [model('a')]), { kind: 'none' })
  })

  test('one that was used a moment ago stays, unless memory is nearly gone', () => {
    const models = [model('a', { idleMs: JUST_USED_MS - 1 }), model('b', { isBusy: true })]
    assert.deepEqual(reliefFor(SHORT, models), { kind: 'none' })
    assert.deepEqual(reliefFor(CRITICAL, models), { kind: 'sleep', model: 'a' })
  })

  test('one without a process has nothing to give', () => {
    assert.deepEqual(reliefFor(SHORT, [model('asleep', { rss: [] }), model('b', { idleMs: 20_000 })]), { kind: 'sleep', model: 'b' })
  })

  test('one that has not told yet what it is stays, also when memory is nearly gone', () => {
    const models = [model('new', { isDescribed: false }), model('b', { idleMs: 20_000 })]
    assert.deepEqual(reliefFor(SHORT, models), { kind: 'sleep', model: 'b' })
    assert.deepEqual(reliefFor(CRITICAL, models.slice(0, 1)), { kind: 'none' })
  })

  test('busy models are left alone as long as memory is not nearly gone; then the biggest worker ends', () => {
    const models = [model('a', { isBusy: true, rss: [50, 70] }), model('b', { isBusy: true, rss: [60] })]
    assert.deepEqual(reliefFor(SHORT, models), { kind: 'none' })
    assert.deepEqual(reliefFor(CRITICAL, models), { kind: 'end', model: 'a', worker: 1 })
  })

  test('a worker that still starts is not ended: it would only be started again', () => {
    const starting: ModelMemory = { ...model('a', { isBusy: true }), workers: [{ worker: 0, rssBytes: 500, isReady: false }] }
    assert.deepEqual(reliefFor(CRITICAL, [starting]), { kind: 'none' })
    assert.deepEqual(reliefFor(CRITICAL, [starting, model('b', { isBusy: true })]), { kind: 'end', model: 'b', worker: 0 })
  })
})
