/** The quick half of the drills; `npm run drills` runs all of them, with the bounds in time as they stand in the criteria. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { DRILLS } from './drills/catalogue.ts'
import { runDrill } from './drills/run-drill.ts'

/** Other tests run beside this one. */
const SLACK = 4

describe('the quick drills', () => {
  for (const drill of DRILLS.filter(({ isQuick }) => isQuick)) {
    test(`${drill.name}: ${drill.fault}`, async () => {
      const { complaints } = await runDrill(drill, { slack: SLACK, fullLength: false })
      assert.deepEqual(complaints, [])
    })
  }
})

test('each drill has a name of its own', () => {
  assert.equal(new Set(DRILLS.map(({ name }) => name)).size, DRILLS.length)
})
