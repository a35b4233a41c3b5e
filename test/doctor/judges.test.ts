/** What the doctor makes of what it saw: each judge by itself, on facts that no test could bring about for real. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Answer } from '../../doctor/ask.ts'
import { judgeExits } from '../../doctor/checks/exits.ts'
import { judgeHost } from '../../doctor/checks/host.ts'
import { frontPidOf, judgePort, type PortFacts } from '../../doctor/checks/port.ts'
import { judgePrediction, type PredictionFacts } from '../../doctor/checks/prediction.ts'
import { judgeQueues } from '../../doctor/checks/queue.ts'
import { judgeWorkers, namesToTry } from '../../doctor/checks/workers.ts'
import type { Finding } from '../../doctor/finding.ts'
import { type HostStatus, statusSchema } from '../../doctor/host-says.ts'
import { judgeInstallation, lookAtInstallation } from '../../doctor/installation.ts'
import { restartCommand } from '../../doctor/settings.ts'
import { placeIn, type Trial } from '../../doctor/trial.ts'
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
    ['nobody, while a host of ours is on another port', facts({ port: 81, fronts: [front(11)] }), 'wrong', /runs as pid 11 at http:\/\/127\.0\.0\.1:80/],
  ] as const) {
    test(`held by ${what}`, () => {
      const [finding] = judgePort(given)
      assert.equal(finding?.level, level)
      assert.match(finding?.text ?? '', text)
    })
  }

  test('a host of ours that is elsewhere is to be looked at there', () => {
    const [finding] = judgePort(facts({ port: 81, fronts: [front(11)] }))
    assert.equal(finding?.cause, 'host elsewhere')
    assert.match(finding?.advice ?? '', /^look there: `npx footlights doctor --url=http:\/\/127\.0\.0\.1:80`/)
    assert.equal(judgePort(facts({ fronts: [front(11, { isAlive: false })] }))[0]?.cause, 'host down')
  })

  test('of two fronts under pm2 the later one is meant', () => {
    assert.equal(frontPidOf(facts({ holders: [{ pid: 5, command: 'PM2' }], fronts: [front(11), front(12)] })), 12)
  })
})

describe('host', () => {
  test('each reason for not being ready is a line', () => {
    const findings = judgeHost({
      live: heard(200, '{"status":"live"}', {}, 1.5), elsewhere: null, frontPid: null, frontState: null, version: '2', status: statusOf({}),
      ready: heard(503, JSON.stringify({ status: 'not ready', reasons: [{ state: 'draining', cause: 'the host is stopping' }, { model: 'm', state: 'starting' }, { model: 'n', state: 'unavailable', cause: 'why' }] })),
    })
    assert.deepEqual(levels(findings), ['warning', 'wrong', 'warning', 'wrong', 'warning'])
    assert.deepEqual(findings.map(({ cause }) => cause), ['host hung', 'draining', undefined, 'model broken', undefined])
    assert.match(findings[4]?.text ?? '', /version 1.*the files here are 2/)
  })

  test('a refused name leads to allowedHosts', () => {
    const [finding] = judgeHost({ live: heard(421, '{}'), ready: null, status: null, elsewhere: null, frontPid: null, frontState: null, version: '1' })
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

  test('a start that failed for what is on disk leads to the line about the update', () => {
    const exits = [exit({ reason: 'setup', cause: 'setup' })]
    const update = { state: 'failed', cause: 'Error: y', at: '2026-01-01T11:58:00Z' }
    assert.match(judgeExits(statusOf({ exits, update }), NOW)[0]?.advice ?? '', /the line above about the update of m$/)
    assert.match(judgeExits(statusOf({ exits, update: { ...update, state: 'done' } }), NOW)[0]?.advice ?? '', /the lines about workers$/)
  })

  test('one that the host ended for the machine is not said to be too large', () => {
    const [finding] = judgeExits(statusOf({ exits: [exit({ reason: 'rss', cause: 'machine' })] }), NOW)
    assert.equal(finding?.cause, 'memory of the machine')
    assert.match(finding?.advice ?? '', /the machine was short of memory.*fewer models.*more memory.*minFreeMb/)
    assert.doesNotMatch(finding?.advice ?? '', /rssMb/)
  })

  for (const thread of [true, 3, { id: 3 }]) {
    test(`a thread that died (${JSON.stringify(thread)}) is told from a process`, () => {
      const exits = [exit({ cause: 'oom', thread: false }), exit({ cause: 'oom', at: '2026-01-01T11:59:50Z', signal: null, thread })]
      const [finding] = judgeExits(statusOf({ exits }), NOW)
      assert.equal(finding?.text, 'm: 2 exits within the last hour (1 × oom, 1 × oom of a thread); the last 10 s ago: oom of a thread, its process lives on after 90 s with 120 MB')
      assert.match(finding?.advice ?? '', /of one thread.*heapMb/)
    })
  }

  test('a thread that was ended for a caller who left ran no native code that could not be ended alone', () => {
    const advice = (more: object): string => judgeExits(statusOf({ exits: [exit({ cause: 'cancelled', ...more })] }), NOW)[0]?.advice ?? ''
    assert.match(advice({}), /native code/)
    assert.match(advice({ thread: true }), /did not heed its signal: make it stop$/)
  })

  test('planned ones are no news', () => {
    assert.deepEqual(levels(judgeExits(statusOf({ exits: [exit({ planned: true, cause: 'reload' })] }), NOW)), ['ok'])
  })
})

describe('workers', () => {
  const judge = (model: object, { trial, undescribed = [] }: { trial?: Trial; undescribed?: string[] } = {}): Finding[] => judgeWorkers({
    status: statusOf({ replicas: [{ worker: 0, state: 'ready' }], ...model }), found: null, trials: new Map(trial === undefined ? [] : [['m', trial]]),
    undescribed: new Set(undescribed), restart: (name) => `restart ${name}`, now: NOW,
  })
  const update = { state: 'failed', cause: 'SyntaxError: y', at: '2026-01-01T11:58:00Z' }

  test('an update that failed is a warning beside workers that are well: what follows, and what to do', () => {
    const [well, failed] = judge({ update })
    assert.equal(well?.level, 'ok')
    assert.deepEqual([failed?.level, failed?.cause], ['warning', 'update failed'])
    assert.equal(failed?.text, 'm: the version on disk does not start (SyntaxError: y; tried 2 min ago); the old one serves on, and the next end of its worker takes the model down')
    assert.match(failed?.advice ?? '', /^mend models\/m, or put its earlier version back; then have it tried: restart m$/)
    assert.deepEqual(levels(judge({ update: { ...update, state: 'done' } })), ['ok'])
    assert.deepEqual(judge({ update, state: 'unavailable' }).map(({ cause }) => cause), ['model broken'])
    assert.match(judge({ update, cause: 'sleeping', replicas: [] })[1]?.text ?? '', /the next request can not wake the model$/)
  })

  test('an update that failed is tried here, and its place told', () => {
    assert.deepEqual(namesToTry(statusOf({ update }), ['m', 'n']), ['m'])
    const trial: Trial = { outcome: 'failed', step: 'setup', error: 'Error: y\n    at setup', place: 'model.ts:4:5', lastLines: [] }
    const failed = judge({ update }, { trial })[1]
    assert.match(failed?.text ?? '', /tried here: m does not set up: Error: y at m\/model\.ts:4:5$/)
    assert.match(failed?.advice ?? '', /^mend m\/model\.ts:4:5/)
    assert.match(judge({ update }, { trial: { outcome: 'well', setupSeconds: 1, exampleSeconds: null } })[1]?.advice ?? '', /^have it tried again: restart m$/)
  })

  test('a model that sleeps is said to be described only when it is', () => {
    const asleep = { cause: 'sleeping', replicas: [] }
    assert.match(judge(asleep)[0]?.text ?? '', /the next request wakes it$/)
    assert.match(judge(asleep, { undescribed: ['m'] })[0]?.text ?? '', /no worker has told its inputs yet/)
  })

  test('the command to replace workers is whole', () => {
    const place = { url: 'http://127.0.0.1:7860', headers: {}, token: undefined }
    assert.equal(restartCommand(place, 'm'), '`curl -X POST http://127.0.0.1:7860/admin/m/restart`')
    assert.equal(restartCommand({ ...place, headers: { host: 'd.example.org' }, token: 'secret' }, 'm'),
      '`curl -X POST -H \'host: d.example.org\' -H "authorization: Bearer $FOOTLIGHTS_ADMIN_TOKEN" http://127.0.0.1:7860/admin/m/restart`')
  })
})

describe('queue', () => {
  const judge = (model: object, usual: number[] = []): Finding[] => judgeQueues({
    status: statusOf(model), timeoutMs: new Map([['m', 60_000]]), usualSeconds: new Map(usual.map((seconds) => ['m', seconds])), restart: () => 'x', now: NOW,
  })
  const queue = { depth: 0, running: 1, limit: 100, held: 0 }

  for (const [what, given, level, cause] of [
    ['no work that comes out', { serving: false, lastFinishedAt: '2026-01-01T11:59:00Z' }, 'wrong', 'worker hung'],
    ['an empty line', { queue }, 'ok', undefined],
    ['a full line', { queue: { ...queue, depth: 100 } }, 'wrong', 'queue full'],
    ['a line that is half full', { queue: { ...queue, depth: 60 } }, 'warning', 'queue full'],
    ['held requests', { queue: { ...queue, held: 2 } }, 'warning', 'queue full'],
    ['callers who wait nearly as long as a proxy does', { latency: { p50: 10, p95: 55 } }, 'warning', 'slow'],
    ['quick answers', { latency: { p50: 0.1, p95: 0.5 } }, 'ok', undefined],
    ['many failures', { outcomes: { succeeded: 80, failed: 20 } }, 'warning', 'model fails'],
    ['many refusals', { outcomes: { succeeded: 80, rejected: 20 } }, 'warning', 'queue full'],
    ['some lost', { outcomes: { succeeded: 80, lost: 2 } }, 'warning', 'crashes'],
    ['few failures', { outcomes: { succeeded: 99, failed: 1 } }, 'ok', undefined],
  ] as const) {
    test(what, () => assert.deepEqual(judge(given).map((finding) => [finding.level, finding.cause]), [[level, cause]]))
  }

  test('a run is held against its time-out, without the waiting', () => {
    assert.deepEqual(judge({}, [50]).map((finding) => [finding.level, finding.cause]), [['warning', 'slow']])
    assert.match(judge({}, [50])[0]?.text ?? '', /usually runs for 50 s, at most 60 s are allowed/)
    assert.deepEqual(levels(judge({ latency: { p50: 30, p95: 45 } }, [2])), ['ok', 'ok'])
  })

  test('answers that are late for waiting are not said to be slow runs', () => {
    const late = judge({ latency: { p50: 30, p95: 100 } }, [2])
    assert.deepEqual(late.map((finding) => [finding.level, finding.cause]), [['ok', undefined], ['warning', 'queue full']])
    assert.doesNotMatch(late[1]?.advice ?? '', /timeoutMs/)
  })

  test('too few predictions are no statistics', () => assert.deepEqual(judge({ outcomes: { failed: 3 } }), []))
})

describe('a prediction both ways', () => {
  const facts = (status: number, code: string | null, workers: (boolean | null)[] | null): PredictionFacts => ({
    model: 'm', restart: '`curl -X POST http://h/admin/m/restart`', front: { requestId: 'r', status, code, why: 'why', seconds: 0.1 },
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
