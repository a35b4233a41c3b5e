/** What the doctor makes of what it saw: each judge by itself, on facts that no test could bring about for real. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Answer } from '../../doctor/ask.ts'
import { judgeExits } from '../../doctor/checks/exits.ts'
import { judgeHost } from '../../doctor/checks/host.ts'
import { type FolderFacts, judgeMachine, type MachineFacts, metricIn } from '../../doctor/checks/machine.ts'
import { judgeMemory, type MemoryFacts } from '../../doctor/checks/memory.ts'
import { judgePm2, type Pm2App } from '../../doctor/checks/pm2.ts'
import { frontPidOf, judgePort, type PortFacts } from '../../doctor/checks/port.ts'
import { judgePrediction, type PredictionFacts } from '../../doctor/checks/prediction.ts'
import { judgeProxy, type ProxyFacts } from '../../doctor/checks/proxy.ts'
import { judgeQueues } from '../../doctor/checks/queue.ts'
import type { Finding } from '../../doctor/finding.ts'
import { type HostStatus, statusSchema } from '../../doctor/host-says.ts'
import { judgeInstallation, lookAtInstallation } from '../../doctor/installation.ts'
import { placeIn } from '../../doctor/trial.ts'
import type { KnownFront } from '../../server/run-state.ts'

const MB = 1024 * 1024
const NOW = new Date('2026-01-01T12:00:00Z')
const LINUX_ONLY = process.platform === 'linux' ? false : 'holders of ports are found on Linux only'

const statusOf = (model: object): HostStatus => statusSchema.parse({ version: '1', uptimeSeconds: 1, models: [{ name: 'm', state: 'ready', ...model }] })
const levels = (findings: readonly Finding[]): string[] => findings.map(({ level }) => level)
const heard = (status: number, body: string, headers: Record<string, string> = {}, seconds = 0.01, firstSeconds = 0.01): Answer => (
  { kind: 'answer', status, body, headers: new Headers(headers), seconds, firstSeconds }
)

describe('installation', () => {
  test('packages that are missing or of another version are named', async () => {
    const root = await mkdtemp(join(tmpdir(), 'footlights-doctor-test-'))
    await mkdir(join(root, 'node_modules', 'old'), { recursive: true })
    await writeFile(join(root, 'package.json'), JSON.stringify({ version: '1.2.3', dependencies: { old: '2.0.0', gone: '1.0.0' } }))
    await writeFile(join(root, 'node_modules', 'old', 'package.json'), JSON.stringify({ version: '1.9.9' }))
    const installation = await lookAtInstallation(root)
    await rm(root, { recursive: true })
    assert.deepEqual(installation.missing, ['old 2.0.0 (1.9.9 is there)', 'gone 1.0.0'])
    const [first, second] = judgeInstallation(installation)
    assert.equal(first?.cause, 'packages')
    assert.match(first?.advice ?? '', /npm ci/)
    assert.match(second?.text ?? '', /pages are not built/)
  })

  test('an old Node is named', () => {
    assert.match(judgeInstallation({ nodeVersion: '22.1.0', version: '1', missing: [], hasPages: true })[0]?.text ?? '', /Node 22\.1\.0 is too old/)
  })
})

describe('port', { skip: LINUX_ONLY }, () => {
  const front = (pid: number, more: Partial<KnownFront> = {}): KnownFront => ({
    record: { pid, startTime: 's', port: 80, host: '127.0.0.1', parentPid: 7, workers: [], startedAt: `2026-01-01T00:00:0${pid % 10}Z` },
    isAlive: true, isParentGone: false, workers: [], ...more,
  })
  const facts = (more: Partial<PortFacts>): PortFacts => ({ port: 80, holders: [], fronts: [], stateDir: '/s', ...more })

  for (const [what, given, level, text] of [
    ['ours', facts({ holders: [{ pid: 11, command: 'node' }], fronts: [front(11)] }), 'ok', /held by the host, pid 11/],
    ['an orphan of ours', facts({ holders: [{ pid: 11, command: 'node' }], fronts: [front(11, { isParentGone: true })] }), 'warning', /nobody looks after it/],
    ['a worker that outlived its host', facts({ holders: [{ pid: 12, command: 'node' }], fronts: [front(11, { isAlive: false, workers: [{ pid: 12, startTime: 's', model: 'm' }] })] }), 'wrong', /outlived its host/],
    ['pm2 for ours', facts({ holders: [{ pid: 5, command: 'PM2 v7.0.4: God Daemon (/root/.pm2)' }], fronts: [front(11)] }), 'ok', /held by pm2 for the host, pid 11/],
    ['pm2 for another', facts({ holders: [{ pid: 5, command: 'PM2 v7.0.4: God Daemon (/root/.pm2)' }] }), 'wrong', /stranger: pid 5/],
    ['a host with another state folder', facts({ holders: [{ pid: 5, command: 'node bin/footlights.mjs' }] }), 'warning', /whose state folder is not \/s/],
    ['another user', facts({ holders: [{ pid: null, command: null }] }), 'warning', /may not see/],
    ['nobody, while a host of ours is on another port', facts({ port: 81, fronts: [front(11)] }), 'wrong', /runs as pid 11 on port 80/],
  ] as const) {
    test(`held by ${what}`, () => {
      const [finding] = judgePort(given)
      assert.equal(finding?.level, level)
      assert.match(finding?.text ?? '', text)
    })
  }

  test('of two fronts under pm2 the later one is meant', () => {
    assert.equal(frontPidOf(facts({ holders: [{ pid: 5, command: 'PM2' }], fronts: [front(11), front(12)] })), 12)
  })
})

describe('host', () => {
  test('each reason for not being ready is a line', () => {
    const findings = judgeHost({
      live: heard(200, '{"status":"live"}', {}, 1.5), frontPid: null, frontState: null, version: '2', status: statusOf({}),
      ready: heard(503, JSON.stringify({ status: 'not ready', reasons: [{ state: 'draining', cause: 'the host is stopping' }, { model: 'm', state: 'starting' }, { model: 'n', state: 'unavailable', cause: 'why' }] })),
    })
    assert.deepEqual(levels(findings), ['warning', 'wrong', 'warning', 'wrong', 'warning'])
    assert.deepEqual(findings.map(({ cause }) => cause), ['host hung', 'draining', undefined, 'model broken', undefined])
    assert.match(findings[4]?.text ?? '', /version 1.*the files here are 2/)
  })

  test('a refused name leads to allowedHosts', () => {
    const [finding] = judgeHost({ live: heard(421, '{}'), ready: null, status: null, frontPid: null, frontState: null, version: '1' })
    assert.match(finding?.advice ?? '', /allowedHosts/)
  })
})

describe('exits', () => {
  const exit = (more: object): object => ({ reason: 'crash', signal: 'SIGKILL', code: null, at: '2026-01-01T11:59:30Z', uptimeSeconds: 90, rssBytes: 120 * MB, ...more })

  test('the unplanned ones of the last hour are counted by cause, with the last lines', () => {
    const exits = [exit({ at: '2026-01-01T09:00:00Z' }), exit({ reason: 'recycle' }), exit({ cause: 'oom', reason: 'oom' }), exit({ cause: 'code', signal: null, code: 3, at: '2026-01-01T11:59:50Z', lastLines: ['a', 'b'] })]
    const [finding] = judgeExits(statusOf({ exits }), NOW)
    assert.equal(finding?.text, 'm: 2 exits within the last hour (1 × oom, 1 × code); the last 10 s ago: code, exit code 3 after 90 s with 120 MB')
    assert.deepEqual(finding?.details, ['a', 'b'])
  })

  test('an older host tells its last exit only', () => {
    const [finding] = judgeExits(statusOf({ replicas: [{ worker: 0, state: 'ready', lastExit: exit({}) }] }), NOW)
    assert.match(finding?.text ?? '', /1 exit within the last hour \(1 × crash\)/)
  })

  test('planned ones are no news', () => {
    assert.deepEqual(levels(judgeExits(statusOf({ exits: [exit({ planned: true, cause: 'reload' })] }), NOW)), ['ok'])
  })
})

describe('queue', () => {
  const judge = (model: object, timeoutMs = 60_000): Finding[] => judgeQueues({ status: statusOf(model), timeoutMs: new Map([['m', timeoutMs]]), now: NOW })
  const queue = { depth: 0, running: 1, limit: 100, held: 0 }

  for (const [what, given, level, cause] of [
    ['no work that comes out', { serving: false, lastFinishedAt: '2026-01-01T11:59:00Z' }, 'wrong', 'worker hung'],
    ['an empty line', { queue }, 'ok', undefined],
    ['a full line', { queue: { ...queue, depth: 100 } }, 'wrong', 'queue full'],
    ['a line that is half full', { queue: { ...queue, depth: 60 } }, 'warning', 'queue full'],
    ['held requests', { queue: { ...queue, held: 2 } }, 'warning', 'queue full'],
    ['predictions near their time-out', { latency: { p50: 10, p95: 55 } }, 'warning', 'slow'],
    ['quick predictions', { latency: { p50: 0.1, p95: 0.5 } }, 'ok', undefined],
    ['many failures', { outcomes: { succeeded: 80, failed: 20 } }, 'warning', 'model fails'],
    ['many refusals', { outcomes: { succeeded: 80, rejected: 20 } }, 'warning', 'queue full'],
    ['some lost', { outcomes: { succeeded: 80, lost: 2 } }, 'warning', 'crashes'],
    ['few failures', { outcomes: { succeeded: 99, failed: 1 } }, 'ok', undefined],
  ] as const) {
    test(what, () => assert.deepEqual(judge(given).map((finding) => [finding.level, finding.cause]), [[level, cause]]))
  }

  test('too few predictions are no statistics', () => assert.deepEqual(judge({ outcomes: { failed: 3 } }), []))
})

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
  const folder: FolderFacts = { path: '/s', isThere: true, isWritable: true, isOurs: true, mode: 0o700, freeBytes: 10_000 * MB, freeInodes: 1e6, inodes: 2e6 }
  const facts = (more: Partial<MachineFacts>): MachineFacts => ({ descriptors: null, bounds: null, timeWait: null, loopSeconds: null, folder: null, ...more })
  const bounds = { memory: null, oomKills: 0, cpus: null }

  for (const [what, given, level, text] of [
    ['descriptors', { descriptors: { open: 50, limit: 20_000 } }, 'ok', /50 of 20000/],
    ['descriptors, nearly none left', { descriptors: { open: 980, limit: 1_024 } }, 'wrong', /980 of 1024/],
    ['descriptors, few allowed', { descriptors: { open: 50, limit: 1_024 } }, 'warning', /soon used up/],
    ['no memory', { bounds: { ...bounds, memory: { availableBytes: 50 * MB, limitBytes: 1000 * MB } } }, 'wrong', /50 MB of 1000 MB/],
    ['little memory', { bounds: { ...bounds, memory: { availableBytes: 200 * MB, limitBytes: 1000 * MB } } }, 'warning', /200 MB of 1000 MB/],
    ['ends by the kernel', { bounds: { ...bounds, oomKills: 2 } }, 'warning', /ended 2 processes/],
    ['half a core', { bounds: { ...bounds, cpus: 0.5 } }, 'warning', /0\.5 of a core/],
    ['ports used up', { timeWait: { waiting: 27_000, ports: 28_232 } }, 'warning', /27000 connections/],
    ['a busy loop', { loopSeconds: 0.7 }, 'warning', /late by at most 700 ms/],
    ['a folder as it should be', { folder }, 'ok', /10000 MB free/],
    ['a folder of another user', { folder: { ...folder, isOurs: false } }, 'wrong', /another user/],
    ['a folder that can not be written', { folder: { ...folder, isWritable: false } }, 'wrong', /can not be written/],
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

  test('reads a metric by its whole name', () => {
    assert.equal(metricIn('# HELP a b\na_b 3\na 2.5e-3\n', 'a'), 0.0025)
    assert.equal(metricIn('a NaN\n', 'a'), null)
  })
})

describe('a prediction both ways', () => {
  const facts = (status: number, code: string | null, workers: (boolean | null)[] | null): PredictionFacts => ({
    model: 'm', front: { requestId: 'r', status, code, why: 'why', seconds: 0.1 },
    workers: workers === null ? { unseen: 'that wants the admin token', advice: 'set it' } : workers.map((ok, worker) => ({ worker, pid: 1, ok, seconds: 0.05, error: ok === false ? 'bad' : null })),
  })

  for (const [what, given, expected, text] of [
    ['both well', facts(200, null, [true, true]), [['ok', undefined]], /through the front in 100 ms, straight to the worker in 50 ms/],
    ['front fails, worker well', facts(500, 'INTERNAL', [true]), [['wrong', 'front']], /straight to the worker it works/],
    ['queue full, worker well', facts(429, 'QUEUE_FULL', [true]), [['wrong', 'queue full']], /it is the queue or the front/],
    ['both fail', facts(500, 'MODEL_FAILED', [false]), [['wrong', 'model fails']], /it fails, too: it is the model/],
    ['one of two workers fails', facts(200, null, [true, false]), [['wrong', 'worker hung']], /1 of 2 of its workers fail/],
    ['front fails, worker not asked', facts(503, 'QUARANTINED', null), [['wrong', 'model broken'], ['unknown', undefined]], /503 QUARANTINED/],
    ['front well, worker not asked', facts(200, null, null), [['ok', undefined], ['unknown', undefined]], /^m answers/],
    ['no answer at all', facts(0, null, [true]), [['wrong', 'front']], /through the front: why/],
    ['nothing to ask', { ...facts(200, null, [null]), front: null }, [['ok', undefined]], /no example/],
  ] as const) {
    test(what, () => {
      const findings = judgePrediction(given)
      assert.deepEqual(findings.map(({ level, cause }) => [level, cause]), expected)
      assert.match(findings[0]?.text ?? '', text)
    })
  }
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

describe('the place of an error', () => {
  for (const [stack, place] of [
    ['Error: x\n    at f (file:///m/node_modules/p/i.js:1:1)\n    at predict (file:///m/lib/a.ts:12:5)', 'lib/a.ts:12:5'],
    ['file:///m/model.ts:3\nexport {{\n\nSyntaxError: y', 'model.ts:3'],
    ['/m/model.ts:3\nexport {{', 'model.ts:3'],
    ['Error: x\n    at f (file:///other/a.ts:12:5)', null],
    ['it did not end within 500 ms', null],
  ] as const) {
    test(JSON.stringify(stack.slice(0, 50)), () => assert.equal(placeIn(stack, '/m'), place))
  }
})
