import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const LAUNCHER = join(ROOT, 'bin', 'footlights.mjs')
const onWindows = process.platform === 'win32'
const NO_SIGNALS = onWindows ? 'Windows has no signals that a process could answer' : false

/** A model that runs until the file `release` lies beside it. */
const GATE = `import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineModel, textbox } from 'footlights'

export default defineModel({
  inputs: { text: textbox() },
  outputs: { text: textbox() },
  predict: async ({ text }, { signal }) => {
    while (!existsSync(join(import.meta.dirname, 'release'))) await sleep(10, undefined, { signal })
    return { text }
  },
})
`

interface Site {
  root: string
  env: NodeJS.ProcessEnv
  /** Lets the predictions of the model `gate` end. */
  release(): Promise<void>
  /** Hosts to end after the test, whatever happens. */
  hosts: { child: ChildProcess; exited: Promise<unknown>; hostPid: number | undefined }[]
}

/** A folder outside of the repository with one model, and nothing else in its temporary folder. */
async function makeSite(t: TestContext): Promise<Site> {
  const root = await mkdtemp(join(tmpdir(), 'footlights-launch-'))
  const hosts: Site['hosts'] = []
  t.after(async () => {
    for (const { child, exited, hostPid } of hosts) {
      if (hostPid !== undefined && isAlive(hostPid)) process.kill(hostPid, 'SIGKILL')
      child.kill('SIGKILL')
      await exited
    }
    await rm(root, { recursive: true, force: true, maxRetries: 5 })
  })
  const model = join(root, 'models', 'gate')
  await mkdir(model, { recursive: true })
  await mkdir(join(root, 'tmp'))
  await writeFile(join(model, 'model.ts'), GATE)
  const env: NodeJS.ProcessEnv = { ...process.env, PORT: '0', HOST: '127.0.0.1', FOOTLIGHTS_MODELS: join(root, 'models'), TMPDIR: join(root, 'tmp') }
  for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'FOOTLIGHTS_STATE', 'FOOTLIGHTS_CONFIG', 'LOG_LEVEL']) delete env[name]
  return { root, env, hosts, release: () => writeFile(join(model, 'release'), '') }
}

interface Started {
  child: ChildProcess
  url: string
  exited: Promise<unknown[]>
}

/** Runs the command until it prints an address. */
async function start({ env, hosts }: Site, command = process.execPath, args: readonly string[] = [LAUNCHER]): Promise<Started> {
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const running: Site['hosts'][number] = { child, exited, hostPid: undefined }
  hosts.push(running)
  const found = Promise.withResolvers<string>()
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk
    // Not npm's, which is the child's.
    running.hostPid ??= Number(/"pid":(\d+)/.exec(printed)?.[1]) || undefined
    const address = /http:\/\/127\.0\.0\.1:[1-9]\d*/.exec(printed)
    if (address) found.resolve(address[0])
  })
  child.on('close', (code) => found.reject(new Error(`ended with ${code} before it printed an address: ${printed}`)))
  return { child, url: await found.promise, exited }
}

/** A prediction that has begun to run; `end` is the rest of its events. */
async function startPrediction(url: string): Promise<{ end: Promise<string> }> {
  const response = await fetch(`${url}/gate/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ text: 'hello' }),
  })
  assert.equal(response.status, 200)
  const events = response.body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]()
  let seen = ''
  while (!seen.includes('event: started')) {
    const { value, done } = await events.next()
    assert.ok(!done, `ended before it started: ${seen}`)
    seen += value
  }
  return { end: rest(events, seen) }
}

async function rest(events: AsyncIterator<string>, seen: string): Promise<string> {
  let all = seen
  for (let next = await events.next(); !next.done; next = await events.next()) all += next.value
  return all
}

async function pidsOf(url: string): Promise<number[]> {
  const status = await (await fetch(`${url}/status`)).json()
  assert.ok(typeof status === 'object' && status !== null && 'models' in status && Array.isArray(status.models))
  return status.models.flatMap((model) => model.replicas.map((replica: { pid: number }) => replica.pid))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

describe('npm start', () => {
  it('prints the address; a SIGTERM to npm lets what was accepted finish, exits 0 and leaves nothing behind', { skip: NO_SIGNALS }, async (t) => {
    const site = await makeSite(t)
    const { child, url, exited } = await start(site, 'npm', ['start'])
    const { end } = await startPrediction(url)
    const workers = await pidsOf(url)
    assert.ok(workers.length > 0 && workers.every(isAlive))
    child.kill('SIGTERM')
    await untilRefused(url)
    await site.release()
    assert.match(await end, /event: output\n(?:id: \d+\n)?data: \{"text":"hello"\}\n[^]*event: done/)
    assert.deepEqual(await exited, [0, null])
    assert.deepEqual(workers.filter(isAlive), [])
    assert.deepEqual((await readdir(join(site.root, 'tmp'))).filter((name) => name.startsWith('footlights')), [])
  })
})

/** Returns when the host takes no new predictions any more. */
async function untilRefused(url: string): Promise<void> {
  for (;;) {
    const status = await fetch(`${url}/health/ready`, { headers: { connection: 'close' } }).then((response) => response.status, () => 503)
    if (status === 503) return
    await sleep(10)
  }
}

describe('signals', { skip: NO_SIGNALS }, () => {
  it('takes a Ctrl-C that arrives twice at once for one', async (t) => {
    const site = await makeSite(t)
    const { child, url, exited } = await start(site)
    const { end } = await startPrediction(url)
    child.kill('SIGINT')
    child.kill('SIGINT')
    await untilRefused(url)
    child.kill('SIGINT')
    await site.release()
    assert.match(await end, /event: done/)
    assert.deepEqual(await exited, [0, null])
  })

  it('stops at once on a second signal a second later, and exits 1', async (t) => {
    const site = await makeSite(t)
    const { child, url, exited } = await start(site)
    const { end } = await startPrediction(url)
    const workers = await pidsOf(url)
    child.kill('SIGTERM')
    // What the contract says, and a little for the way of the signal.
    await sleep(1_100)
    child.kill('SIGTERM')
    await assert.rejects(end)
    assert.deepEqual(await exited, [1, null])
    while (workers.some(isAlive)) await sleep(10)
  })
})

describe('a start that cannot be', () => {
  it('names the bad setting in one line and exits 78', async (t) => {
    const { env } = await makeSite(t)
    const { code, stdout, stderr } = await run(process.execPath, [LAUNCHER], { ...env, PORT: 'http' })
    assert.equal(code, 78)
    assert.match(stderr, /^[^\n]*\bPORT\b[^\n]*\n$/)
    assert.equal(stdout, '')
  })

  it('exits 78 for a bad configuration file too', async (t) => {
    const { env, root } = await makeSite(t)
    const file = join(root, 'footlights.config.ts')
    await writeFile(file, 'export default { prot: 7860 }')
    const { code, stderr } = await run(process.execPath, [LAUNCHER], { ...env, FOOTLIGHTS_CONFIG: file })
    assert.equal(code, 78)
    assert.match(stderr, /^[^\n]*\bprot\b[^\n]*\n$/)
  })

  it('exits 98 when a stranger holds the port, names it and leaves it alone', async (t) => {
    const { env } = await makeSite(t)
    const stranger = createServer((_request, response) => response.end('still here'))
    t.after(() => stranger.close())
    await once(stranger.listen(0, '127.0.0.1'), 'listening')
    const address = stranger.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { code, stdout, stderr } = await run(process.execPath, [LAUNCHER], { ...env, PORT: String(port) })
    assert.equal(code, 98)
    assert.match(stdout + stderr, new RegExp(`\\b${port}\\b`))
    if (process.platform === 'linux') assert.match(stdout + stderr, new RegExp(`\\b${process.pid}\\b`))
    assert.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), 'still here')
  })

  it('says in one line that Node is too old, and exits 78', async (t) => {
    const { env } = await makeSite(t)
    const old = await oldNode()
    const { code, stdout, stderr } = await run(old.command, [...old.args, LAUNCHER], env)
    assert.equal(code, 78)
    assert.match(stderr, /^Footlights needs Node 24[^\n]*\n$/)
    assert.equal(stdout, '')
  })
})

/** The machine's own Node where that is older than 24, else this one under an older number. */
async function oldNode(): Promise<{ command: string; args: string[] }> {
  const name = onWindows ? 'node.exe' : 'node'
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules') && folder !== dirname(process.execPath))
  for (const command of folders.map((folder) => join(folder, name)).filter(isExecutable)) {
    const { stdout } = await run(command, ['--version'], process.env)
    if (Number(/^v(\d+)/.exec(stdout)?.[1]) < 24) return { command, args: [] }
  }
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.1.0' } })`
  return { command: process.execPath, args: ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`] }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
