import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { UsageSampler } from '../workers/usage.ts'

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
    const sampler = new UsageSampler(1_000)
    for (const { pid } of [small, large]) sampler.watch(pid)
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
    const seen = Promise.withResolvers<number>()
    const sampler = new UsageSampler(200)
    sampler.watch(idle.pid)
    sampler.watch(busy.pid, (_rssBytes, cpuRatio) => {
      if (cpuRatio > 0.1) seen.resolve(cpuRatio)
    })
    await using _alive = keepAlive()
    const cpuRatio = await seen.promise
    assert.ok(cpuRatio < 8, `${cpuRatio}`)
    assert.ok((sampler.snapshot().get(idle.pid)?.cpuRatio ?? 1) < cpuRatio)
    sampler.close()
  })

  it('goes on with the others when a process vanishes', async () => {
    await using gone = await startChild('')
    await using here = await startChild('')
    const sampler = new UsageSampler(1_000)
    for (const { pid } of [gone, here]) sampler.watch(pid)
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
    const sampler = new UsageSampler(1_000)
    await sampler.sample()
    sampler.watch(gone.pid)
    await sampler.sample()
    assert.equal(sampler.snapshot().size, 0)
    sampler.close()
  })

  it('forgets a removed process, also one removed in the middle of a sample', async () => {
    const heard: number[] = []
    const sampler = new UsageSampler(1_000)
    sampler.watch(process.pid, (rssBytes) => heard.push(rssBytes))
    const sampling = sampler.sample()
    sampler.forget(process.pid)
    await sampling
    assert.equal(sampler.snapshot().size, 0)
    assert.deepEqual(heard, [])
    sampler.close()
  })

  it('tells the new listener of a pid only about the new process', async () => {
    const heard: string[] = []
    const sampler = new UsageSampler(1_000)
    sampler.watch(process.pid, () => heard.push('old'))
    const sampling = sampler.sample()
    sampler.watch(process.pid, () => heard.push('new'))
    await sampling
    await sampler.sample()
    assert.deepEqual(heard, ['new'])
    sampler.close()
  })

  it('joins the sample under way instead of starting a second', async () => {
    let heard = 0
    const sampler = new UsageSampler(1_000)
    sampler.watch(process.pid, () => (heard += 1))
    await Promise.all([sampler.sample(), sampler.sample(), sampler.sample()])
    assert.equal(heard, 1)
    sampler.close()
  })

  it('does not keep a process alive', async () => {
    const code = `import { UsageSampler } from ${JSON.stringify(new URL('../workers/usage.ts', import.meta.url).href)}
      const sampler = new UsageSampler(60_000)
      sampler.watch(process.pid)
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
