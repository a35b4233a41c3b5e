import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'node:test'
import { DEFAULT_LIMITS } from '../server/config.ts'
import type { Clock, Limits } from '../workers/contract.ts'
import { ProcessBackend } from '../workers/process-backend.ts'
import { LaneListener } from '../workers/lane-listener.ts'
import { OomKills } from '../workers/oom.ts'
import { createSpawnWorker } from '../workers/spawn-worker.ts'
import { backendContract, type BackendOptions, type BackendUnderTest } from './backend-contract.ts'
import { itemOf, RecordingSink } from './helpers/fake-worker.ts'

const PAGE_BYTES = 4_096
const clock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

interface Watching {
  condition: () => boolean
  resolve: () => void
}

/** The real thing: forked processes, piscina threads. Nothing waits for `ready`. */
async function startProcessBackend({ model, limits: changes = {}, prefetch = false }: BackendOptions): Promise<BackendUnderTest & { loseWorkerToKernel(): void }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'footlights-backend-'))
  const pids = new Set<number>()
  const watching = new Set<Watching>()
  const changed = (): void => {
    for (const watch of watching) {
      if (!watch.condition()) continue
      watching.delete(watch)
      watch.resolve()
    }
  }
  const { NODE_TEST_CONTEXT: _runner, NODE_OPTIONS: _options, ...env } = process.env
  const limits = (spec: Partial<Limits> = {}): Limits => ({ ...DEFAULT_LIMITS, ...spec, ...changes })
  const lanes = await LaneListener.open()
  let killedByKernel = 0
  const oomKills = new OomKills((path) => (path === '/proc/vmstat' ? `oom_kill ${killedByKernel}\n` : null))
  const backend = new ProcessBackend(
    { described: (spec) => limits(spec.limits), inForce: () => {}, changed: () => queueMicrotask(changed), capacity: () => queueMicrotask(changed), exited: () => {}, log: () => {} },
    {
      settings: { model, modelFile: fileURLToPath(new URL(`fixtures/models/${model}/model.ts`, import.meta.url)), stateDir, limits: limits() },
      spawn: createSpawnWorker({ lanes, onLine: () => {}, onSpawned: (_model, pid) => pids.add(pid), onExited: (pid) => pids.delete(pid), oomKills, now: () => clock.now(), env }),
      clock, random: () => 0.5, wallClock: () => new Date(), drainMs: 5_000, usage: { watch: () => {}, forget: () => {} }, memory: { isShort: () => false, waking: () => {} }, filesAreWatched: true,
      meanRunMs: () => (prefetch ? 1 : null),
    },
  )
  backend.start()
  const only = (): number => {
    const [pid] = pids
    assert.ok(pid !== undefined && pids.size === 1, `there are ${pids.size} workers`)
    return pid
  }
  return {
    backend,
    until: (condition) => (condition() ? Promise.resolve() : new Promise((resolve) => watching.add({ condition, resolve }))),
    loseWorker: () => process.kill(only(), 'SIGKILL'),
    loseWorkerToKernel: () => {
      killedByKernel++
      process.kill(only(), 'SIGKILL')
    },
    rssBytes: async () => Number((await readFile(`/proc/${only()}/statm`, 'utf8')).split(' ')[1]) * PAGE_BYTES,
    living: () => pids.size,
    async [Symbol.asyncDispose]() {
      await backend.close(0)
      lanes.close()
      assert.equal(pids.size, 0)
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

backendContract('ProcessBackend', async (options) => {
  const setting = await startProcessBackend(options)
  await setting.until(() => setting.backend.isReady())
  return setting
})

describe('ProcessBackend', () => {
  test('gives nothing to a worker that is not ready', async () => {
    await using setting = await startProcessBackend({ model: 'echo' })
    assert.deepEqual([setting.backend.isReady(), setting.backend.isServing(), setting.backend.reserve('shared')], [false, true, null])
    assert.ok(setting.backend.readyInSeconds() > 0)
    await setting.until(() => setting.backend.isReady())
    assert.equal(setting.backend.readyInSeconds(), 0)
  })

  test('runs as many at once as it has threads, in each as many as their concurrency', async () => {
    await using setting = await startProcessBackend({ model: 'slow', limits: { threads: 2, concurrency: 2 } })
    await setting.until(() => setting.backend.isReady())
    assert.equal(setting.backend.parallelism(), 4)
    const sinks = Array.from({ length: 4 }, () => new RecordingSink())
    for (const [index, sink] of sinks.entries()) setting.backend.reserve('shared')?.run([itemOf(index + 1, { inputs: { text: 'x', ms: 60_000 } })], [sink])
    await Promise.all(sinks.map((sink) => sink.until(() => sink.facts.length > 0)))
    assert.equal(setting.backend.reserve('shared'), null)
    for (const index of sinks.keys()) setting.backend.cancel(index + 1, 'CANCELLED')
    await Promise.all(sinks.map((sink) => sink.ended()))
    assert.deepEqual(sinks.map(({ error }) => error?.code), sinks.map(() => 'CANCELLED'))
  })

  test('gives back what would wait behind something slow', async () => {
    await using setting = await startProcessBackend({ model: 'slow', prefetch: true })
    await setting.until(() => setting.backend.isReady())
    const [slow, waiting] = [new RecordingSink(), new RecordingSink()]
    setting.backend.reserve('shared')?.run([itemOf(1, { inputs: { text: 'a', ms: 60_000 } })], [slow])
    setting.backend.reserve('shared')?.run([itemOf(2, { inputs: { text: 'b', ms: 0 } })], [waiting])
    await waiting.ended()
    assert.deepEqual([waiting.heard, waiting.facts, slow.heard], [['returned', 'released'], [], []])
    setting.backend.cancel(1, 'CANCELLED')
    await slow.ended()
  })

  test('a thread that is ended takes its neighbours along, who are to blame for nothing; the other thread goes on', async () => {
    await using setting = await startProcessBackend({ model: 'never', limits: { threads: 2, concurrency: 2, timeoutMs: 60_000 } })
    await setting.until(() => setting.backend.isReady())
    const sinks = Array.from({ length: 4 }, () => new RecordingSink())
    for (const [index, sink] of sinks.entries()) setting.backend.reserve('shared')?.run([itemOf(index + 1, { inputs: { text: 'x', never: true } })], [sink])
    await Promise.all(sinks.map((sink) => sink.until(() => sink.facts.length > 0)))
    setting.backend.cancel(1, 'CANCELLED')
    await sinks[0]?.ended()
    await Promise.race(sinks.slice(1).map((sink) => sink.ended()))
    const lost = sinks.filter(({ loss }) => loss !== undefined)
    assert.deepEqual(lost.map(({ loss }) => loss), [{ suspect: false, death: 'cancel' }])
    assert.equal(sinks.filter(({ heard }) => heard.length === 0).length, 2)
    await setting.until(() => setting.backend.reserve('shared') !== null)
    assert.equal(setting.backend.snapshot().restarts.timeout, 1)
  })

  test('names the cause of a model that does not start, and gives up on it', async () => {
    await using setting = await startProcessBackend({ model: '../broken/throwing-setup' })
    await setting.until(() => !setting.backend.isServing())
    const { quarantined, cause, retryAt, replicas } = setting.backend.snapshot()
    assert.deepEqual([quarantined, replicas[0]?.state], [true, 'quarantined'])
    assert.ok(cause !== null && cause !== '' && !cause.includes('\n'))
    assert.ok(Date.parse(retryAt ?? '') > Date.now())
  })

  test('a worker that the kernel ended for want of memory says so; any other SIGKILL is a crash', async () => {
    await using setting = await startProcessBackend({ model: 'echo' })
    for (const [lose, reason, cause] of [[setting.loseWorker, 'crash', 'signal'], [setting.loseWorkerToKernel, 'oom', 'oom']] as const) {
      await setting.until(() => setting.backend.isReady())
      lose()
      await setting.until(() => setting.backend.snapshot().exits.at(-1)?.reason === reason)
      assert.equal(setting.backend.snapshot().exits.at(-1)?.cause, cause)
    }
  })

  test('a worker is offered to the kernel before us', { skip: process.platform === 'linux' ? false : 'only Linux has scores' }, async () => {
    await using setting = await startProcessBackend({ model: 'echo' })
    const score = async (pid: number | string): Promise<number> => Number(await readFile(`/proc/${pid}/oom_score_adj`, 'utf8'))
    const worker = setting.backend.snapshot().replicas[0]?.pid
    assert.ok(worker)
    assert.equal(await score(worker), Math.min(1_000, (await score('self')) + 500))
  })

  test('a worker that stands still is ended, and the next one serves', async () => {
    await using setting = await startProcessBackend({ model: 'echo' })
    await setting.until(() => setting.backend.isReady())
    const before = setting.backend.snapshot().replicas[0]?.pid
    assert.ok(before)
    process.kill(before, 'SIGSTOP')
    await setting.until(() => setting.backend.isReady() && setting.backend.snapshot().replicas[0]?.pid !== before)
    assert.equal(setting.backend.snapshot().replicas[0]?.lastExit?.reason, 'hang')
  })
})
