import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { youngBytesFor } from '../server/heap-growth.ts'

const HEAP_GROWTH = new URL('../server/heap-growth.ts', import.meta.url).href

/** The largest young generation, in bytes, of a process that makes objects of which many live for a while. */
async function mostYoungBytes(isBound: boolean): Promise<number> {
  const script = `
    import { boundHeapGrowth, youngBytes } from ${JSON.stringify(HEAP_GROWTH)}
    if (${isBound}) boundHeapGrowth(() => 10)
    let kept = [], most = 0
    for (let turn = 0; turn < 60; turn++) {
      for (let i = 0; i < 50_000; i++) kept.push({ i, text: 'text ' + i })
      if (kept.length > 100_000) kept = kept.slice(50_000)
      most = Math.max(most, youngBytes())
      await new Promise(setImmediate)
    }
    console.log(most)
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  return Number(stdout)
}

test('the young generation stays small in a flood that V8 alone would give several times as much', async () => {
  const [bound, unbound] = [await mostYoungBytes(true), await mostYoungBytes(false)]
  // One growth more may have happened before the bound was heard of.
  assert.ok(bound <= 32 * 1024 * 1024, `${bound} bytes`)
  assert.ok(unbound > 2 * bound, `${unbound} bytes without the bound, ${bound} with it`)
})

test('it may be larger while many predictions are under way, up to a bound', () => {
  assert.deepEqual([0, 256, 1_024, 1_000_000].map((underWay) => youngBytesFor(underWay) / 1024 / 1024), [16, 16, 48, 64])
})
