/** What the doctor makes of memory, the machine, a proxy and pm2: each judge by itself. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Answer } from '../../doctor/ask.ts'
import { judgeMachine, type MachineFacts, metricIn } from '../../doctor/checks/machine.ts'
import { judgeMemory, type MemoryFacts } from '../../doctor/checks/memory.ts'
import { judgePm2, type Pm2App } from '../../doctor/checks/pm2.ts'
import { judgeProxy, type ProxyFacts } from '../../doctor/checks/proxy.ts'
import { type FolderFacts, lookAtFolder } from '../../doctor/checks/state-folder.ts'
import type { Finding } from '../../doctor/finding.ts'
import { type HostStatus, statusSchema } from '../../doctor/host-says.ts'

const MB = 1024 * 1024
const statusOf = (model: object): HostStatus => statusSchema.parse({ version: '1', uptimeSeconds: 1, models: [{ name: 'm', state: 'ready', ...model }] })
const levels = (findings: readonly Finding[]): string[] => findings.map(({ level }) => level)
const heard = (status: number, body: string, headers: Record<string, string> = {}, seconds = 0.01, firstSeconds = 0.01): Answer => (
  { kind: 'answer', status, body, headers: new Headers(headers), seconds, firstSeconds }
)

describe('memory', () => {
  const worker = (more: Partial<MemoryFacts>): MemoryFacts => ({ who: 'm, worker 0', isFront: false, rssBytes: 100 * MB, limitBytes: 1000 * MB, growth: null, hostBytesPerSecond: null, ...more })

  for (const [what, facts, level, text] of [
    ['steady', worker({ growth: { bytes: 0, seconds: 3 }, hostBytesPerSecond: -MB / 60 }), 'ok', /^m, worker 0: 100 MB of 1000 MB, \+0\.0 MB within 3 s, over the last minutes −1\.0 MB a minute$/],
    ['near its limit', worker({ rssBytes: 900 * MB }), 'warning', /900 MB/],
    ['by its slope soon at its limit', worker({ rssBytes: 600 * MB, hostBytesPerSecond: MB }), 'warning', /over the last minutes \+60 MB a minute: the limit is 7 min away/],
    ['grows slowly', worker({ hostBytesPerSecond: MB / 60 }), 'ok', /\+1\.0 MB a minute/],
    ['large and growing fast while looking', worker({ rssBytes: 600 * MB, growth: { bytes: 15 * MB, seconds: 3 } }), 'warning', /\+15 MB within 3 s/],
    ['a large front', worker({ isFront: true, limitBytes: 0, rssBytes: 2048 * MB }), 'warning', /2048 MB/],
    ['a front as usual', worker({ isFront: true, limitBytes: 0, rssBytes: 150 * MB, growth: { bytes: 30 * MB, seconds: 3 } }), 'ok', /150 MB/],
  ] as const) {
    test(what, () => {
      const [finding] = judgeMemory([facts])
      assert.equal(finding?.level, level)
      assert.match(finding?.text ?? '', text)
    })
  }
})

describe('machine', () => {
  const folder: FolderFacts = { path: '/s', isThere: true, unmakeable: null, isFolder: true, isWritable: true, isOurs: true, mode: 0o700, freeBytes: 10_000 * MB, freeInodes: 1e6, inodes: 2e6 }
  const facts = (more: Partial<MachineFacts>): MachineFacts => ({ descriptors: null, bounds: null, timeWait: null, told: null, loopSeconds: null, folder: null, ...more })
  const bounds = { memory: null, oomKills: 0, cpus: null }

  for (const [what, given, level, text] of [
    ['descriptors', { descriptors: { open: 50, limit: 20_000 } }, 'ok', /50 of 20000/],
    ['descriptors, nearly none left', { descriptors: { open: 980, limit: 1_024 } }, 'wrong', /980 of 1024/],
    ['descriptors, few allowed', { descriptors: { open: 50, limit: 1_024 } }, 'warning', /soon used up/],
    ['no memory', { bounds: { ...bounds, memory: { availableBytes: 50 * MB, limitBytes: 1000 * MB } } }, 'wrong', /50 MB of 1000 MB/],
    ['little memory', { bounds: { ...bounds, memory: { availableBytes: 200 * MB, limitBytes: 1000 * MB } } }, 'warning', /200 MB of 1000 MB/],
    ['memory that the host holds to be short', { told: { availableBytes: 22_000 * MB, limitBytes: 32_000 * MB, short: true } }, 'warning', /21\.5 GB of 31\.3 GB.*holds that to be short/],
    ['memory that the host holds to be enough', { told: { availableBytes: 900 * MB, limitBytes: 1000 * MB, short: false }, bounds: { ...bounds, memory: { availableBytes: MB, limitBytes: 1000 * MB } } }, 'ok', /900 MB/],
    ['ends by the kernel', { bounds: { ...bounds, oomKills: 2 } }, 'warning', /ended 2 processes/],
    ['half a core', { bounds: { ...bounds, cpus: 0.5 } }, 'warning', /0\.5 of a core/],
    ['ports used up', { timeWait: { waiting: 27_000, ports: 28_232 } }, 'warning', /27000 connections/],
    ['a busy loop', { loopSeconds: 0.7 }, 'warning', /late by at most 700 ms/],
    ['a folder as it should be', { folder }, 'ok', /10000 MB free/],
    ['a folder of another user', { folder: { ...folder, isOurs: false } }, 'wrong', /another user/],
    ['a folder that can not be written', { folder: { ...folder, isWritable: false } }, 'wrong', /can not be written/],
    ['a file in its place', { folder: { ...folder, isFolder: false } }, 'wrong', /a file or a symbolic link/],
    ['a folder that is to be made', { folder: { ...folder, isThere: false } }, 'ok', /a start makes it/],
    ['a folder that can not be made', { folder: { ...folder, isThere: false, unmakeable: 'nothing can be made in /proc' } }, 'wrong', /a start can not make it: nothing can be made in \/proc/],
    ['a full disk', { folder: { ...folder, freeBytes: MB } }, 'wrong', /1\.0 MB free/],
    ['no inodes', { folder: { ...folder, freeInodes: 0 } }, 'wrong', /state folder/],
    ['a file system without inodes', { folder: { ...folder, freeInodes: 0, inodes: 0 } }, 'ok', /state folder/],
    ['a folder open to others', { folder: { ...folder, mode: 0o755 } }, 'warning', /mode 755/],
  ] as const) {
    test(what, () => {
      const [finding, ...more] = judgeMachine(facts(given))
      assert.deepEqual([finding?.level, more], [level, []])
      assert.match(finding?.text ?? '', text)
    })
  }

  test('a folder that is not there is tried as the host makes it, and nothing is left behind', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'footlights-doctor-test-'))
    await writeFile(join(parent, 'file'), '')
    const [deep, below] = await Promise.all([lookAtFolder(join(parent, 'a', 'b')), lookAtFolder(join(parent, 'file', 'b'))])
    const left = await readdir(parent)
    await rm(parent, { recursive: true })
    assert.deepEqual([deep.isThere, deep.unmakeable, left], [false, null, ['file']])
    assert.match(below.unmakeable ?? '', /^nothing can be made in .*\/file/)
  })

  test('reads a metric by its whole name', () => {
    assert.equal(metricIn('# HELP a b\na_b 3\na 2.5e-3\n', 'a'), 0.0025)
    assert.equal(metricIn('a NaN\n', 'a'), null)
  })
})

describe('proxy', () => {
  const live = heard(200, '{"status":"live"}')
  const facts = (more: Partial<ProxyFacts>): ProxyFacts => ({ url: 'https://p', answers: [live], status: null, stream: null, body: null, longestMs: 75_000, ...more })

  for (const [what, answer, text] of [
    ['502', heard(502, '<h1>'), /does not find the host/],
    ['504', heard(504, ''), /nobody answers/],
    ['404', heard(404, ''), /not the host’s/],
    ['a redirect', heard(301, '', { location: 'https://q/' }), /with 301 to https:\/\/q\//],
    ['a login page', heard(200, '<form>'), /not what the host says/],
    ['silence', { kind: 'silence', code: 'ECONNRESET', why: 'reset the connection', seconds: 0.1 }, /the proxy reset the connection/],
  ] as const) {
    test(what, () => {
      const [finding] = judgeProxy(facts({ answers: [answer] }))
      assert.equal(finding?.level, 'wrong')
      assert.match(finding?.text ?? '', text)
    })
  }

  test('one failure of several is wrong, too, and the rest is looked at', () => {
    const [first, second] = judgeProxy(facts({ answers: [live, heard(502, ''), live] }))
    assert.match(first?.text ?? '', /1 of 3 times/)
    assert.equal(second?.level, 'ok')
  })

  test('another host behind it', () => {
    const status = { through: { ...statusOf({}), uptimeSeconds: 5_000 }, direct: statusOf({}) }
    assert.match(judgeProxy(facts({ status }))[1]?.text ?? '', /another host/)
  })

  test('a service that gives up before a prediction may end', () => {
    const answers = [heard(200, '{"status":"live"}', { server: 'cloudflare' })]
    assert.deepEqual(levels(judgeProxy(facts({ answers, longestMs: 120_000 }))), ['ok', 'warning'])
    assert.deepEqual(levels(judgeProxy(facts({ answers }))), ['ok'])
  })
})

describe('pm2', () => {
  const app = (more: Partial<Pm2App['pm2_env']>): Pm2App => ({
    name: 'footlights', pid: 3,
    pm2_env: { status: 'online', restart_time: 0, unstable_restarts: 0, kill_timeout: 40_000, treekill: false, exec_mode: 'cluster_mode', node_version: '24.1.0', wait_ready: true, ...more },
  })

  for (const [what, given, expected] of [
    ['as ecosystem.config.js has it', {}, ['ok']],
    ['its own defaults', { kill_timeout: 1_600, treekill: true, wait_ready: false }, ['ok', 'warning', 'warning', 'warning']],
    ['started again and again', { restart_time: 50 }, ['warning']],
    ['stopped for its configuration', { status: 'stopped', exit_code: 78 }, ['wrong']],
    ['an old daemon', { node_version: '20.1.0' }, ['ok', 'wrong']],
    ['an old daemon that runs it as a process of its own', { node_version: '20.1.0', exec_mode: 'fork_mode' }, ['ok']],
  ] as const) {
    test(what, () => assert.deepEqual(levels(judgePm2({ apps: [app(given)], drainMs: 30_000 })), expected))
  }

  test('without the host in it', () => assert.deepEqual(levels(judgePm2({ apps: [], drainMs: 1 })), ['ok']))
})
