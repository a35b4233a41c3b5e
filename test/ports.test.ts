import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { commandOf, findPortHolder, findPortHolders, isPortFree, isSameProcess, parentOf, processStartTime } from '../workers/ports.ts'

const notHere = process.platform === 'linux' ? false : 'processes are found on Linux only'
const HOLD = `require('net').createServer().listen(Number(process.argv[1] ?? 0), '127.0.0.1', function () { process.stdout.write(String(this.address().port)) })`

const noIpv6 = (await hasIpv6()) ? false : 'there is no IPv6 here'

interface Held extends AsyncDisposable {
  port: number
  server: Server
}

async function holdPort(host: string): Promise<Held> {
  const server = createServer()
  server.listen(0, host)
  await once(server, 'listening')
  return {
    server,
    port: portOf(server.address()),
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

function portOf(address: AddressInfo | string | null): number {
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

interface Running extends AsyncDisposable {
  child: ChildProcess
  pid: number
  firstOutput: string
}

async function run(command: string, args: string[]): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await once(child.stdout, 'data')
  assert.ok(child.pid !== undefined)
  return { child, pid: child.pid, firstOutput: String(output), [Symbol.asyncDispose]: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('findPortHolder', { skip: notHere }, () => {
  it('names the process that listens', async () => {
    await using holder = await run(process.execPath, ['-e', HOLD])
    const found = await findPortHolder(Number(holder.firstOutput), '127.0.0.1')
    assert.equal(found?.pid, holder.pid)
    assert.match(found?.command ?? '', /^\S*node\S* -e require\('net'\)/)
  })

  it('finds a holder of any address that is in the way', async () => {
    for (const [held, wanted] of [['127.0.0.1', '0.0.0.0'], ['0.0.0.0', '127.0.0.1'], ['127.0.0.1', 'localhost'], ['127.0.0.1', '127.0.0.1']] as const) {
      await using holder = await holdPort(held)
      assert.equal((await findPortHolder(holder.port, wanted))?.pid, process.pid, `${held} held, ${wanted} wanted`)
    }
  })

  it('finds IPv6 holders, and those of both families', { skip: noIpv6 }, async () => {
    for (const [held, wanted] of [['::1', '::1'], ['::', '127.0.0.1'], ['::', '::1'], ['127.0.0.1', '::']] as const) {
      await using holder = await holdPort(held)
      assert.equal((await findPortHolder(holder.port, wanted))?.pid, process.pid, `${held} held, ${wanted} wanted`)
    }
  })

  it('finds nobody whose address is not in the way, and nobody when it is over', async () => {
    const holder = await holdPort('127.0.0.1')
    assert.equal(await findPortHolder(holder.port, '127.0.0.2'), null)
    await holder[Symbol.asyncDispose]()
    assert.equal(await findPortHolder(holder.port, '127.0.0.1'), null)
  })

  it('takes a connection for no holder', async () => {
    await using holder = await holdPort('127.0.0.1')
    await using client = await run(process.execPath, ['-e', `const s = require('net').connect(${holder.port}, '127.0.0.1', () => process.stdout.write(String(s.localPort)))`])
    assert.equal(await findPortHolder(Number(client.firstOutput), '127.0.0.1'), null)
  })

  it('names the one that runs longest first, and all who share the socket', async () => {
    const share = `const s = require('net').createServer().listen(0, '127.0.0.1', () => {
      const c = require('child_process').spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', s._handle.fd] })
      process.stdout.write(s.address().port + ' ' + c.pid)
    })`
    await using holder = await run(process.execPath, ['-e', share])
    const [port, childPid] = holder.firstOutput.split(' ').map(Number)
    assert.ok(port !== undefined && childPid !== undefined)
    try {
      assert.deepEqual((await findPortHolders(port, '127.0.0.1')).map(({ pid }) => pid), [holder.pid, childPid])
      await end(holder.child)
      assert.deepEqual(await findPortHolder(port, '127.0.0.1'), { pid: childPid, command: 'sleep 1000' })
    } finally {
      process.kill(childPid, 'SIGKILL')
    }
  })

  it('says that somebody holds the port when it may not see who', { skip: process.getuid?.() === 0 ? false : 'needs root to look with the eyes of somebody else' }, async () => {
    await using holder = await holdPort('127.0.0.1')
    assert.deepEqual(await lookAsNobody(holder.port), { pid: null, command: null })
  })
})

/** Imports as who we are and looks as somebody without rights. */
async function lookAsNobody(port: number): Promise<unknown> {
  const code = `const { findPortHolder } = await import(${JSON.stringify(new URL('../workers/ports.ts', import.meta.url).href)})
    process.setuid(65534)
    process.stdout.write(JSON.stringify(await findPortHolder(${port}, '127.0.0.1')))`
  await using looked = await run(process.execPath, ['--input-type=module', '-e', code])
  return JSON.parse(looked.firstOutput)
}

async function hasIpv6(): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(0, '::1', () => server.close(() => resolve(true)))
  })
}

describe('isPortFree', () => {
  it('says no while somebody listens, and yes after', async () => {
    const holder = await holdPort('127.0.0.1')
    assert.equal(await isPortFree(holder.port, '127.0.0.1'), false)
    await holder[Symbol.asyncDispose]()
    assert.equal(await isPortFree(holder.port, '127.0.0.1'), true)
  })
  it('leaves an address that is not ours to the one who listens', async () => {
    assert.equal(await isPortFree(7860, '192.0.2.1'), true)
  })
})

describe('a process', { skip: notHere }, () => {
  it('is the same for as long as it runs, and nobody else is', async () => {
    await using one = await run(process.execPath, ['-e', HOLD])
    await using other = await run(process.execPath, ['-e', HOLD])
    const startTime = processStartTime(one.pid)
    assert.match(startTime ?? '', /^[0-9a-f-]{36}:\d+$/)
    assert.ok(isSameProcess(one.pid, startTime))
    assert.ok(!isSameProcess(other.pid, startTime))
    assert.ok(!isSameProcess(one.pid, `${startTime}0`))
    assert.ok(!isSameProcess(one.pid, null))
    await end(one.child)
    assert.equal(processStartTime(one.pid), null)
    assert.ok(!isSameProcess(one.pid, startTime))
    assert.equal(commandOf(one.pid), null)
    assert.equal(parentOf(one.pid), null)
  })

  it('is gone when only its unburied rest is left', async () => {
    await using parent = await run('sh', ['-c', 'sleep 0 & echo $!; exec sleep 1000'])
    const rest = Number(parent.firstOutput)
    // Its end is an event for its parent only.
    while (processStartTime(rest) !== null) await sleep(5)
    process.kill(rest, 0)
    assert.equal(parentOf(rest), null)
  })

  it('is told from its name, whatever brackets that holds', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'footlights-ports-'))
    try {
      const name = join(folder, 'a) R 1 (b')
      await symlink(process.execPath, name)
      await using odd = await run(name, ['-e', HOLD])
      assert.equal(parentOf(odd.pid), process.pid)
      assert.match(processStartTime(odd.pid) ?? '', /:\d{3,}$/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('shows its command in one short line', async () => {
    await using long = await run(process.execPath, ['-e', HOLD, '0', 'a\nb\u001b[31mc', 'x'.repeat(1_000)])
    const command = commandOf(long.pid) ?? ''
    assert.ok(command.length <= 200)
    assert.ok(!/\p{C}/u.test(command), command)
  })

  it('does not exist under a number that is none', () => {
    for (const pid of [0, -1, 1.5, NaN, 2 ** 31]) assert.equal(processStartTime(pid), null)
  })
})
