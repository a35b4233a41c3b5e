/**
 * `npm run soak`: several models under a paced load for 20 minutes, a fault every 10 s, in an order of chance.
 *
 * --minutes=20   --fault-seconds=10   --markdown (writes the outcome into docs/reliability.md)
 */
import { parseArgs } from 'node:util'

import { eventually, statusOf } from '../helpers/call.ts'
import { DrillHost } from './host.ts'
import { type LoadSettings, outcomeOf, PacedLoad, post } from './paced-load.ts'
import { descriptorsOf, rssBytesOf, zombiesBelow } from './processes.ts'
import { writeSection } from './reliability-page.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '20' }, 'fault-seconds': { type: 'string', default: '10' }, markdown: { type: 'boolean', default: false } },
})
const minutes = Number(values.minutes)
const faultEveryMs = Number(values['fault-seconds']) * 1000
const MEGABYTE = 1024 * 1024
/** What the first minutes fill (code, caches, the log of ended predictions) is not growth. */
const COMPARE_FROM = Math.min(2, minutes / 2)
const SAMPLE_EVERY_MS = 2_000
const MOST_GROWTH_MB = 20
const MOST_MORE_DESCRIPTORS = 20

const MODELS = ['echo', 'slow', 'exits', 'loop', 'leak', 'heap-hog', 'stream', 'sleepy', 'floods']
const LIMITS = {
  echo: { replicas: 2 }, slow: { replicas: 2, concurrency: 8 }, exits: { replicas: 2, concurrency: 4 }, loop: { replicas: 2, threads: 2 },
  leak: { rssMb: 384 }, 'heap-hog': { replicas: 2 },
}
const LOADS: readonly Omit<LoadSettings, 'url'>[] = [
  { model: 'echo', perSecond: 40 },
  { model: 'slow', perSecond: 20, inputs: (index) => ({ text: `request ${index}`, ms: 30 }) },
  { model: 'exits', perSecond: 10 },
  { model: 'loop', perSecond: 10 },
  { model: 'leak', perSecond: 4 },
  { model: 'heap-hog', perSecond: 5 },
  { model: 'floods', perSecond: 5 },
  { model: 'sleepy', perSecond: 0.4 },
  {
    model: 'stream', perSecond: 2, inputs: () => ({ count: 20, pauseMs: 5 }), headers: { accept: 'text/event-stream' },
    isRight: (outputs) => typeof outputs['stream'] === 'string' && outputs['stream'].includes('event: done'),
  },
]

interface Fault {
  name: string
  /** @returns What the fault's own request got, when it has one. */
  run(host: DrillHost): Promise<string>
}

let poisons = 0
const FAULTS: readonly Fault[] = [
  ...['echo', 'slow', 'loop'].map((model) => ({ name: `SIGKILL of a worker of ${model}`, run: (host: DrillHost) => signal(host, model, 'SIGKILL') })),
  { name: 'SIGSTOP of a worker of slow', run: (host) => signal(host, 'slow', 'SIGSTOP') },
  { name: 'poison', run: (host) => ask(host, 'exits', { text: `poison ${poisons++}`, how: ['kill', 'abort', 'exit', 'throw later'][poisons % 4] }) },
  { name: 'endless loop', run: (host) => ask(host, 'loop', { text: 'for ever', loop: true }) },
  { name: 'full heap', run: (host) => ask(host, 'heap-hog', { text: 'hog', hog: true }) },
  { name: '20 MB of log', run: (host) => ask(host, 'floods', { megabytes: 20 }) },
  { name: '50 clients leave', run: leave },
  { name: 'restart by the operator', run: restart },
]

async function signal(host: DrillHost, model: string, name: NodeJS.Signals): Promise<string> {
  const { replicas } = await statusOf(host.url, model)
  const pids = replicas.map(({ pid }) => pid).filter((pid) => pid !== null)
  const pid = pids[Math.floor(Math.random() * pids.length)]
  if (pid !== undefined) process.kill(pid, name)
  return ''
}

async function ask(host: DrillHost, model: string, inputs: unknown): Promise<string> {
  const answer = await post(`${host.url}/${model}/predict`, inputs)
  return answer.status === 200 ? '200' : outcomeOf(answer)
}

async function leave(host: DrillHost): Promise<string> {
  const left = new AbortController()
  const body = JSON.stringify({ text: 'leaves', ms: 10_000 })
  const calls = Array.from({ length: 50 }, () => fetch(`${host.url}/slow/predict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: left.signal }).catch(() => null))
  await new Promise((resolve) => setTimeout(resolve, 300))
  left.abort()
  await Promise.all(calls)
  return ''
}

async function restart(host: DrillHost): Promise<string> {
  return String((await fetch(`${host.url}/admin/echo/restart`, { method: 'POST' })).status)
}

/** A fault is never told twice in a row before all others had their turn. */
function* shuffled(): Generator<Fault> {
  for (;;) {
    const deck = FAULTS.map((fault) => ({ fault, key: Math.random() })).sort((a, b) => a.key - b.key)
    for (const { fault } of deck) yield fault
  }
}

interface Sample {
  minute: number
  rssMb: number
  descriptors: number
}

function sample(host: DrillHost, startedAt: number): Sample {
  return { minute: (performance.now() - startedAt) / 60_000, rssMb: Math.round(rssBytesOf(host.pid) / MEGABYTE), descriptors: descriptorsOf(host.pid) }
}

/** The middle of what was seen in the half minute before: a single look may fall before or after a collection of garbage. */
function around(samples: readonly Sample[], minute: number): Sample {
  const seen = samples.filter((one) => one.minute <= minute + 0.01 && one.minute > minute - 0.5)
  const middle = (of: (one: Sample) => number): number => seen.map(of).sort((a, b) => a - b)[Math.floor(seen.length / 2)] ?? 0
  return { minute, rssMb: middle(({ rssMb }) => rssMb), descriptors: middle(({ descriptors }) => descriptors) }
}

async function soak(host: DrillHost): Promise<{ lines: string[]; complaints: string[] }> {
  for (const model of MODELS) if (model !== 'sleepy') await eventually(() => statusOf(host.url, model), ({ state }) => state === 'ready')
  const startedAt = performance.now()
  const loads = LOADS.map((settings) => new PacedLoad({ ...settings, url: host.url }))
  const faults: Record<string, number> = {}
  const own: Record<string, number> = {}
  const asked: Promise<void>[] = []
  const samples: Sample[] = []
  const sampling = setInterval(() => samples.push(sample(host, startedAt)), SAMPLE_EVERY_MS)
  const deck = shuffled()
  for (let turn = 1; performance.now() - startedAt < minutes * 60_000; turn++) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, startedAt + turn * faultEveryMs - performance.now())))
    if (turn % 6 === 0) tell(startedAt, host, loads)
    const fault = deck.next().value as Fault
    faults[fault.name] = (faults[fault.name] ?? 0) + 1
    asked.push(fault.run(host).then((outcome) => {
      if (outcome !== '') own[`${fault.name}: ${outcome}`] = (own[`${fault.name}: ${outcome}`] ?? 0) + 1
    }))
  }
  clearInterval(sampling)
  await Promise.all([...loads.map((load) => load.stop()), ...asked])
  return judge({ host, loads, faults, own, early: around(samples, COMPARE_FROM), late: around(samples, minutes), memoryMb: samples.map(({ rssMb }) => rssMb) })
}

function tell(startedAt: number, host: DrillHost, loads: readonly PacedLoad[]): void {
  const shots = loads.reduce((sum, load) => sum + load.shots.length, 0)
  const failed = loads.flatMap((load) => load.failed()).map(({ outcome }) => outcome)
  const { minute, rssMb, descriptors } = sample(host, startedAt)
  console.log(`minute ${minute.toFixed(1)}: ${shots} answered, ${failed.length} failed ${failed.length === 0 ? '' : [...new Set(failed)].join(', ')}, front ${rssMb} MB, ${descriptors} descriptors`)
}

interface Findings {
  host: DrillHost
  loads: readonly PacedLoad[]
  faults: Record<string, number>
  own: Record<string, number>
  early: Sample
  late: Sample
  /** The front's, every two seconds. */
  memoryMb: readonly number[]
}

function judge({ host, loads, faults, own, early, late, memoryMb }: Findings): { lines: string[]; complaints: string[] } {
  const shots = loads.flatMap((load) => load.shots)
  const failed = loads.flatMap((load) => load.failed())
  const bare = failed.filter(({ outcome }) => outcome === 'reset' || outcome === 'cut' || outcome.startsWith('502'))
  const zombies = zombiesBelow(host.pid).length
  const lines = [
    `${minutes} minutes, ${shots.length} predictions, ${failed.length} failed, ${bare.length} bare 502, ${Object.values(faults).reduce((a, b) => a + b, 0)} faults.`,
    `Front: ${early.rssMb} MB and ${early.descriptors} descriptors in minute ${early.minute}, ${late.rssMb} MB and ${late.descriptors} at the end; between ${Math.min(...memoryMb)} and ${Math.max(...memoryMb)} MB meanwhile; ${zombies} zombies.`,
    `Faults: ${listed(faults)}.`,
    `What the faults' own requests got: ${listed(own)}.`,
    ...LOADS.map(({ model, perSecond }, index) => `- ${model}, ${perSecond} a second: p50 ${Math.round(loads[index]?.quantileMs(0.5) ?? 0)} ms, p99 ${Math.round(loads[index]?.quantileMs(0.99) ?? 0)} ms, longest gap ${Math.round(loads[index]?.longestGapMs() ?? 0)} ms`),
  ]
  const complaints = [
    failed.length > 0 && `${failed.length} good requests failed: ${[...new Set(failed.map(({ outcome }) => outcome))].join(', ')}`,
    bare.length > 0 && `${bare.length} bare 502`,
    late.rssMb - early.rssMb > MOST_GROWTH_MB && `the front grew by ${late.rssMb - early.rssMb} MB`,
    late.descriptors - early.descriptors > MOST_MORE_DESCRIPTORS && `${late.descriptors - early.descriptors} more descriptors`,
    zombies > 0 && `${zombies} zombies`,
  ].filter((complaint) => complaint !== false)
  return { lines, complaints }
}

function listed(counts: Record<string, number>): string {
  return Object.entries(counts).map(([what, count]) => `${count} × ${what}`).join(', ')
}

const host = await DrillHost.start({ models: MODELS, config: { limits: LIMITS } })
const { lines, complaints } = await soak(host).catch(async (error: unknown) => ({ lines: [], complaints: [`the soak broke off: ${String(error)}`] }))
const { code, left } = await host.stop()
if (code !== 0) complaints.push(`the host ended with ${String(code)}: ${host.errorText.slice(0, 500)}`)
if (left.length > 0) complaints.push(`${left.length} processes were left behind`)
const verdict = complaints.length === 0 ? 'PASS' : `FAIL: ${complaints.join('; ')}`
console.log([...lines, verdict].join('\n'))
if (values.markdown) await writeSection('soak', `    npm run soak -- --minutes=${minutes}\n\n${[...lines, `**${verdict}**`].join('\n\n')}`)
process.exitCode = complaints.length === 0 ? 0 : 1
