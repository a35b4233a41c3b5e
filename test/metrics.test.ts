import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { REPLICA_STATES } from '../workers/lifecycle.ts'
import { createFakeModel } from './helpers/fake-model.ts'

const PER_WORKER = ['worker_rss_bytes', 'worker_cpu_ratio', 'worker_ready_seconds']

describe('the series of a hosted model', () => {
  test('exist for each worker that it shall have, also before one is there', async () => {
    const { metrics } = createFakeModel({ limits: { replicas: 2 } })
    const text = await metrics.text()
    for (const worker of [0, 1]) {
      for (const name of PER_WORKER) assert.match(text, new RegExp(`^footlights_${name}\\{model="fake",worker="${worker}"\\} 0$`, 'm'))
      for (const state of REPLICA_STATES) assert.match(text, new RegExp(`^footlights_worker_state\\{model="fake",worker="${worker}",state="${state}"\\} 0$`, 'm'))
    }
  })

  test('say what a worker that is there does', async () => {
    const text = await createFakeModel().start().metrics.text()
    assert.match(text, /^footlights_worker_state\{model="fake",worker="0",state="ready"\} 1$/m)
    assert.match(text, /^footlights_worker_state\{model="fake",worker="0",state="starting"\} 0$/m)
  })
})
