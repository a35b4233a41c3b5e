/** The benchmark's own parts. It asserts no time: `npm run bench` measures. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'

import { drawings } from './bench/charts.ts'
import { CRITERIA, judge } from './bench/criteria.ts'
import { Figures, median, quantile } from './bench/figures.ts'
import { echoAt } from './bench/groups/echo.ts'
import { hostWithout } from './bench/groups/layers.ts'
import type { Job } from './bench/load/jobs.ts'
import { LoadProcess } from './bench/load/load-process.ts'
import { StreamReader } from './bench/load/stream-reader.ts'
import { PEER_REQUIREMENTS } from './bench/report.ts'
import { GROUPS, parseSettings } from './bench/settings.ts'
import { drawChart, ticksOf } from './bench/svg-chart.ts'
import { statusOf } from './helpers/call.ts'
import { withSection } from './helpers/page-section.ts'

describe('medians', () => {
  test('are the middle, or the mean of both middle ones', () => {
    assert.equal(median([3, 100, 1]), 3)
    assert.equal(median([4, 1, 2, 100]), 3)
    assert.ok(Number.isNaN(median([])))
  })

  test('a quantile is a value that was measured', () => {
    assert.equal(quantile([5, 1, 4, 2, 3], 0.5), 3)
    assert.equal(quantile([5, 1, 4, 2, 3], 0.99), 5)
  })

  test('are taken of each measure over the rounds, also of one that a round lacks', () => {
    const figures = new Figures()
    for (const perSecond of [10, 30, 20]) figures.add('echo', 'a', 'mosec', { perSecond })
    figures.add('echo', 'a', 'mosec', { p99Ms: 7 })
    assert.deepEqual(figures.all().map(({ medians, rounds }) => [medians, rounds.length]), [[{ perSecond: 20, p99Ms: 7 }, 4]])
    assert.equal(figures.median('echo', 'a', 'express', 'perSecond'), undefined)
  })
})

describe('what must come out', () => {
  const verdicts = (ours: number, withPeers = true): Record<string, string> => {
    const figures = new Figures()
    for (const connections of [1, 100]) {
      figures.add('echo', echoAt(connections), 'footlights', { perSecond: ours, p99Ms: 10 })
      figures.add('echo', echoAt(connections), 'mosec', { perSecond: 100, p99Ms: 10 })
    }
    return Object.fromEntries(judge(figures, ['echo'], withPeers).map(({ title, required, verdict }) => [`${title} ${required}`, verdict]))
  }
  const row = `${echoAt(100)} ≥ 1.6 × mosec`
  const aim = `${echoAt(1)}, the aim ≥ 1.0 × mosec`

  test('passes at the bound and fails below it', () => {
    assert.equal(verdicts(160)[row], 'PASS')
    assert.equal(verdicts(159)[row], 'FAIL')
  })

  test('an aim never counts as failed', () => assert.equal(verdicts(50)[aim], 'not yet'))

  test('says what a peer is needed for, and what was not measured', () => {
    assert.equal(verdicts(160, false)[row], 'needs --peers')
    assert.equal(verdicts(160)[`${echoAt(10)} ≥ 1.2 × mosec`], 'not measured')
  })

  test('has no two rows that say the same', () => {
    const rows = CRITERIA.map(({ title, required }) => `${title}: ${required}`)
    assert.equal(new Set(rows).size, rows.length)
  })
})

describe('drawings', () => {
  const axis = { title: 'x & y', scale: 'logarithmic', show: String } as const

  test('every series has its line and its name, moved apart where they end alike', () => {
    const points = [[1, 10], [100, 1_000]] as const
    const svg = drawChart({ title: 'a < b', x: axis, y: axis, series: [{ name: 'one', colour: '#111111', points }, { name: 'two', colour: '#222222', points }] })
    assert.match(svg, /<title>a &lt; b<\/title>/)
    assert.equal(svg.match(/<path d="M[\d. ]+L/g)?.length, 2)
    const [first, second] = ['one', 'two'].map((name) => Number(new RegExp(` y="([\\d.]+)" [^>]*>${name}</text>`).exec(svg)?.[1]))
    assert.ok(Math.abs((first ?? 0) - (second ?? 0)) >= 12, `${first} and ${second}`)
    assert.doesNotMatch(svg, /NaN|undefined/)
  })

  test('ticks enclose all values, from nothing on where the scale is linear', () => {
    assert.deepEqual(ticksOf('logarithmic', [3, 2_000]), [1, 10, 100, 1_000, 10_000])
    assert.deepEqual(ticksOf('linear', [90, 870]), [0, 200, 400, 600, 800, 1_000])
    assert.deepEqual(ticksOf('logarithmic', [1, 1]), [1, 10])
  })

  test('are made of the groups that were measured', () => {
    const figures = new Figures()
    figures.add('echo', echoAt(1), 'footlights', { perSecond: 5, p99Ms: 2, connections: 1 })
    assert.deepEqual(drawings(figures).map(({ file }) => file), ['throughput.svg', 'latency.svg'])
  })
})

describe('a stream that is only counted', () => {
  test('marks are found wherever the chunks are cut', () => {
    const wire = 'event: queued\n\nevent: output\n\nevent: append\n\nevent: append\n\nevent: done\n\n'
    for (let size = 1; size <= wire.length; size++) {
      const reader = new StreamReader({ first: 'event: output', token: 'event: append', end: 'event: done' })
      let firstAt = -1
      for (let at = 0; at < wire.length; at += size) {
        reader.push(Buffer.from(wire.slice(at, at + size)), at)
        if (firstAt < 0 && reader.firstAt !== null) firstAt = at
      }
      assert.deepEqual([reader.tokens, reader.ended, reader.bytes, reader.firstAt], [3, true, wire.length, firstAt], `in chunks of ${size}`)
    }
  })

  test('the longest pause is between two tokens, not before the first', () => {
    const reader = new StreamReader({ first: 'x', token: 'x' })
    for (const at of [100, 110, 150, 155]) reader.push(Buffer.from('x'), at)
    assert.deepEqual([reader.firstAt, reader.gapMs, reader.tokens], [100, 40, 4])
  })
})

describe('the process that makes the load', () => {
  test('counts answers, errors and tokens of a real server', async () => {
    const server = createServer((req, res) => {
      req.resume()
      if (req.url === '/bad') res.writeHead(500).end()
      else if (req.url === '/stream') res.end('data: a\n\ndata: b\n\n')
      else res.end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    using load = new LoadProcess()
    const plain = { connections: 2, seconds: 0.2, body: { text: 'x' } }
    try {
      const good = await load.run({ kind: 'requests', url: `${base}/good`, ...plain })
      assert.ok((good['perSecond'] ?? 0) > 0 && good['errors'] === 0, JSON.stringify(good))
      const jobs: Exclude<Job, { kind: 'together' }>[] = [
        { kind: 'offered', url: `${base}/bad`, perSecond: 50, seconds: 0.2, body: {} },
        { kind: 'streams', url: `${base}/stream`, clients: 3, body: {}, marks: { first: 'data: ', token: 'data: ' }, giveUpSeconds: 5 },
        { kind: 'burst', url: `${base}/good`, count: 7, connections: 2, headers: {}, body: {} },
      ]
      const together = await load.run({ kind: 'together', jobs })
      assert.deepEqual([together['0.errors'], together['1.tokens'], together['1.unfinished'], together['2.good']], [10, 6, 0, 7])
      await assert.rejects(load.run({ kind: 'gradio', url: base, apiName: 'none', data: [], clients: 1, seconds: 0.1 }))
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

describe('a host with layers left out', () => {
  test('without processes has none, and counts nothing without metrics', async () => {
    await using host = await hostWithout(['metrics', 'threads', 'processes'])
    assert.equal((await statusOf(host.url, 'echo')).replicas[0]?.pid, host.pid)
    assert.match(await (await fetch(`${host.url}/metrics`)).text(), /^footlights_predictions_total\{model="echo",outcome="succeeded"\} 0$/m)
  })

  test('without threads runs no code of its models: one that never ends has ended', async () => {
    await using host = await hostWithout(['threads'], ['waiting'])
    assert.notEqual((await statusOf(host.url, 'waiting')).replicas[0]?.pid, host.pid)
    assert.doesNotMatch(await (await fetch(`${host.url}/metrics`)).text(), /^footlights_predictions_total\{model="waiting",outcome="succeeded"\} 0$/m)
  })
})

describe('the command', () => {
  test('refuses what it does not know', () => {
    assert.throws(() => parseSettings(['--only=echo,speed']), /no group speed/)
    assert.throws(() => parseSettings(['--rounds=0']), /--rounds/)
    assert.deepEqual(parseSettings(['--only=memory,echo']).groups, ['echo', 'memory'])
  })

  test('has a place on the page for every group', async () => {
    const page = await readFile(new URL('../docs/performance.md', import.meta.url), 'utf8')
    for (const section of [...GROUPS, 'circumstances', 'criteria']) assert.match(withSection(page, section, 'a table'), /a table/)
    assert.throws(() => withSection(page, 'speed', ''), /no section speed/)
  })

  test('installs exact versions of the peers', async () => {
    const lines = (await readFile(PEER_REQUIREMENTS, 'utf8')).trim().split('\n')
    for (const line of lines) assert.match(line, /^[\w.-]+==[\w.]+$/)
  })
})
