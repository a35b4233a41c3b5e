import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { offerToKernel, OomKills } from '../workers/oom.ts'

function createKills(files: Record<string, string>) {
  return { files, kills: new OomKills((path) => files[path] ?? null) }
}

describe('a kill by the kernel', () => {
  const EVENTS = '/sys/fs/cgroup/app/memory.events'

  test('is known by the count of the control group, each counted once', () => {
    const { files, kills } = createKills({ '/proc/self/cgroup': '0::/app\n', [EVENTS]: 'oom 4\noom_kill 7\n' })
    assert.equal(kills.takeOne(), false)
    files[EVENTS] = 'oom 5\noom_kill 9\n'
    assert.deepEqual([kills.takeOne(), kills.takeOne(), kills.takeOne()], [true, true, false])
  })

  test('of long ago was someone else\'s', () => {
    const { files, kills } = createKills({ '/proc/self/cgroup': '0::/app\n', [EVENTS]: 'oom_kill 7\n' })
    files[EVENTS] = 'oom_kill 8\n'
    kills.look()
    assert.equal(kills.takeOne(), true, 'seen at the latest look')
    files[EVENTS] = 'oom_kill 9\n'
    kills.look()
    kills.look()
    assert.equal(kills.takeOne(), false)
  })

  test('is counted in the first version of control groups, and for the whole machine outside of any', () => {
    for (const path of ['/sys/fs/cgroup/memory/memory.oom_control', '/proc/vmstat']) {
      const { files, kills } = createKills({ '/proc/self/cgroup': '3:memory:/\n', [path]: 'oom_kill 0\n' })
      files[path] = 'oom_kill 1\n'
      assert.equal(kills.takeOne(), true, path)
    }
  })

  test('is never claimed where nothing is counted', () => {
    assert.equal(createKills({}).kills.takeOne(), false)
  })
})

test('a worker is offered to the kernel before the front', { skip: process.platform === 'linux' ? false : 'only Linux has scores' }, async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const score = (pid: number | string): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'))
  await once(child, 'spawn')
  offerToKernel(child.pid ?? 0)
  assert.equal(score(child.pid ?? 0), Math.min(1_000, score('self') + 500))
  child.kill('SIGKILL')
  await once(child, 'exit')
  offerToKernel(child.pid ?? 0)
})
