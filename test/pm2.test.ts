import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { goOnInJavaScript, reloadAcross } from './drills/across-reload.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const PM2 = join(ROOT, 'node_modules', 'pm2', 'bin', 'pm2')
const MODELS = fileURLToPath(new URL('./fixtures/models/', import.meta.url))
const CALLERS = 8

interface Pm2Process {
  pid: number
  pm2_env: { status: string; restart_time: number; exit_code?: number }
}

interface Pm2 {
  home: string
  url: string
  run(...args: string[]): Promise<string>
  /** The host as pm2 sees it. */
  host(): Promise<Pm2Process>
}

/** A pm2 daemon of its own, with some models; both end after the test whatever happens. */
async function startPm2(t: TestContext, env: NodeJS.ProcessEnv = {}, models: readonly string[] = ['echo']): Promise<Pm2> {
  const home = await mkdtemp(join(tmpdir(), 'footlights-pm2-'))
  await mkdir(join(home, 'models'))
  for (const model of models) await cp(join(MODELS, model), join(home, 'models', model), { recursive: true })
  const port = await freePort()
  const inherited = { ...process.env }
  for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'FOOTLIGHTS_CONFIG', 'LOG_LEVEL']) delete inherited[name]
  const childEnv = {
    ...inherited, PM2_HOME: home, PORT: String(port), HOST: '127.0.0.1',
    FOOTLIGHTS_MODELS: join(home, 'models'), FOOTLIGHTS_STATE: join(home, 'state'), ...env,
  }
  const run = async (...args: string[]): Promise<string> => {
    const child = spawn(process.execPath, [PM2, ...args], { cwd: ROOT, env: childEnv, stdio: ['ignore', 'pipe', 'pipe'] })
    const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
    assert.equal(code, 0, `pm2 ${args.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }
  t.after(async () => {
    await run('kill')
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  })
  const host = async (): Promise<Pm2Process> => {
    // The daemon's first words may stand above the list.
    const list: Pm2Process[] = JSON.parse((await run('jlist')).trim().split('\n').at(-1) ?? '')
    assert.equal(list.length, 1)
    return list[0]!
  }
  return { home, url: `http://127.0.0.1:${port}`, run, host }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

async function predict(url: string): Promise<string> {
  const response = await fetch(`${url}/echo/predict`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text: 'hello' }),
  })
  const body = await response.text()
  return response.status === 200 ? body : `${response.status} ${body}`
}

/** Calls from several callers at once until `stop` settles; what was answered, and by how many. */
async function callUntil(url: string, stop: Promise<unknown>): Promise<Map<string, number>> {
  const answers = new Map<string, number>()
  let stopped = false
  const caller = async (): Promise<void> => {
    while (!stopped) {
      const answer = await predict(url).catch((error: Error) => String(error.cause ?? error))
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
  }
  const callers = Array.from({ length: CALLERS }, caller)
  await stop.finally(() => { stopped = true })
  await Promise.all(callers)
  return answers
}

async function hostLog(home: string): Promise<string> {
  const names = (await readdir(join(home, 'logs'))).filter((name) => name.startsWith('footlights-out'))
  return (await Promise.all(names.map((name) => readFile(join(home, 'logs', name), 'utf8')))).join('')
}

describe('pm2 with ecosystem.config.js', () => {
  it('starts the host, replaces it without a failed request, and stops it cleanly', async (t) => {
    const pm2 = await startPm2(t)
    await pm2.run('start', 'ecosystem.config.js')
    assert.equal(await predict(pm2.url), '{"text":"hello"}')
    const before = await pm2.host()
    assert.equal(before.pm2_env.status, 'online')

    const answers = await callUntil(pm2.url, pm2.run('reload', 'footlights'))
    assert.deepEqual([...answers.keys()], ['{"text":"hello"}'])
    const after = await pm2.host()
    assert.notEqual(after.pid, before.pid)
    assert.equal(await predict(pm2.url), '{"text":"hello"}')

    await pm2.run('stop', 'footlights')
    const stopped = await pm2.host()
    assert.deepEqual([stopped.pm2_env.status, stopped.pm2_env.exit_code], ['stopped', 0])
    await assert.rejects(fetch(pm2.url))
    assert.match(await hostLog(pm2.home), new RegExp(`^{"timestamp":.*${pm2.url}`, 'm'))
  })

  it('loses nothing that callers have open, or come back for, while it is replaced', async (t) => {
    const pm2 = await startPm2(t, {}, ['long-stream'])
    await pm2.run('start', 'ecosystem.config.js')
    const app = `${pm2.url}/long-stream`
    const client = await goOnInJavaScript(app, 2)
    assert.deepEqual(await reloadAcross(app, () => pm2.run('reload', 'footlights')), [])
    const { right, wrong } = await client.stop()
    assert.ok(right > 0)
    assert.deepEqual(wrong, [])
    assert.deepEqual((await readdir(join(pm2.home, 'state', 'run'))).length, 2, 'the files of the new host and no others')
  })

  it('keeps the port open for a stop until what was accepted has ended, and refuses new work meanwhile', async (t) => {
    const pm2 = await startPm2(t, {}, ['echo', 'long-stream'])
    await pm2.run('start', 'ecosystem.config.js')
    const headers = { 'content-type': 'application/json' }
    const under = await fetch(`${pm2.url}/long-stream/predict`, { method: 'POST', headers: { ...headers, prefer: 'respond-async' }, body: JSON.stringify({ count: 150, pauseMs: 30 }) })
    assert.equal(under.status, 202)
    const stopped = pm2.run('stop', 'footlights')
    let answer = await predict(pm2.url)
    while (answer === '{"text":"hello"}') answer = await predict(pm2.url)
    assert.match(answer, /^503 .*DRAINING/)
    await stopped
    await assert.rejects(fetch(pm2.url))
  })

  it('does not start a host again whose configuration is bad', async (t) => {
    const pm2 = await startPm2(t, { LOG_LEVEL: 'loud' })
    await pm2.run('start', 'ecosystem.config.js')
    const { pm2_env: env } = await pm2.host()
    assert.deepEqual([env.status, env.exit_code, env.restart_time], ['stopped', 78, 0])
  })
})
