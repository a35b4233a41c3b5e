import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { UsageSampler, type UsageSample } from '../workers/usage.ts'

interface Child extends AsyncDisposable {
  pid: number
  process: ChildProcess
}

async function startChild(code: string): Promise<Child> {
  const child = spawn(process.execPath, ['-e', `${code}; process.stdout.write('up'); setInterval(() => {}, 1000)`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  assert.ok(child.pid !== undefined)
  return { pid: child.pid, process: child, [Symbol.asyncDispose]: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('UsageSampler', () => {
  it('sees the memory that a process takes', async () => {
    await using small = await startChild('')
    await using large = await startChild('globalThis.kept = Buffer.alloc(150 * 1024 * 1024, 1)')
    const sampler = new UsageSampler({ intervalMs: 1_000 })
    for (const { pid } of [small, large]) sampler.add(pid)
    await sampler.sample()
    const samples = sampler.snapshot()
    const [smallRss, largeRss] = [samples.get(small.pid)?.rssBytes ?? 0, samples.get(large.pid)?.rssBytes ?? 0]
    assert.ok(smallRss > 20 * 1024 * 1024, `${smallRss}`)
    assert.ok(largeRss - smallRss > 100 * 1024 * 1024, `${largeRss} - ${smallRss}`)
    sampler.close()
  })

  it('sees the work of a process, and none of an idle one', async () => {
    await using idle = await startChild('')
    await using busy = await startChild('setInterval(() => { for (const end = Date.now() + 100; Date.now() < end;); }, 1)')
    const seen = Promise.withResolvers<UsageSample>()
    const sampler = new UsageSampler({
      intervalMs: 200,
      onSample: (pid, sample) => {
        if (pid === busy.pid && sample.cpuRatio > 0.1) seen.resolve(sample)
      },
    })
    for (const { pid } of [idle, busy]) sampler.add(pid)
    sampler.start()
    await using _alive = keepAlive()
    const sample = await seen.promise
    assert.ok(sample.cpuRatio < 8, `${sample.cpuRatio}`)
    assert.ok((sampler.snapshot().get(idle.pid)?.cpuRatio ?? 1) < sample.cpuRatio)
    sampler.close()
  })

  it('goes on with the others when a process vanishes', async () => {
    await using gone = await startChild('')
    await using here = await startChild('')
    const sampler = new UsageSampler({ intervalMs: 1_000 })
    for (const { pid } of [gone, here]) sampler.add(pid)
    await sampler.sample()
    const before = sampler.snapshot().get(gone.pid)
    await end(gone.process)
    await sampler.sample()
    assert.deepEqual(sampler.snapshot().get(gone.pid), before)
    assert.ok((sampler.snapshot().get(here.pid)?.at ?? 0) > (before?.at ?? Infinity))
    sampler.close()
  })

  it('takes it when all have vanished, or none was ever there', async () => {
    await using gone = await startChild('')
    await end(gone.process)
    const sampler = new UsageSampler({ intervalMs: 1_000 })
    await sampler.sample()
    sampler.add(gone.pid)
    await sampler.sample()
    assert.equal(sampler.snapshot().size, 0)
    sampler.close()
  })

  it('forgets a removed process, also one removed in the middle of a sample', async () => {
    const heard: number[] = []
    const sampler = new UsageSampler({ intervalMs: 1_000, onSample: (pid) => heard.push(pid) })
    sampler.add(process.pid)
    const sampling = sampler.sample()
    sampler.remove(process.pid)
    await sampling
    assert.equal(sampler.snapshot().size, 0)
    assert.deepEqual(heard, [])
    sampler.close()
  })

  it('joins the sample under way instead of starting a second', async () => {
    let heard = 0
    const sampler = new UsageSampler({ intervalMs: 1_000, onSample: () => (heard += 1) })
    sampler.add(process.pid)
    await Promise.all([sampler.sample(), sampler.sample(), sampler.sample()])
    assert.equal(heard, 1)
    sampler.close()
  })

  it('does not keep a process alive', async () => {
    const code = `import { UsageSampler } from ${JSON.stringify(new URL('../workers/usage.ts', import.meta.url).href)}
      const sampler = new UsageSampler({ intervalMs: 60_000 })
      sampler.add(process.pid)
      sampler.start()
      await sampler.sample()`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'inherit', 'inherit'] })
    const [exitCode] = await once(child, 'exit')
    assert.equal(exitCode, 0)
  })
})

function keepAlive(): AsyncDisposable {
  const timer = setInterval(() => {}, 1_000)
  return { [Symbol.asyncDispose]: async () => clearInterval(timer) }
}
