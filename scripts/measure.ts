/**
 * Prints what the host costs at rest and how fast it starts: memory of the front and of one idle echo worker (proportional set size, Linux),
 * and the time from `npm start` to the first answer. `npm run measure`
 */
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const RUNS = 5
const AIM_MB = 130
const AIM_SECONDS = 1.2
/** Long enough for the start's garbage to be gone. */
const SETTLE_MS = 3_000
const GIVE_UP_MS = 30_000

interface Run {
  seconds: number
  frontMb: number
  workersMb: number
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'footlights-measure-'))
  await cp(join(ROOT, 'test/fixtures/models/echo'), join(folder, 'models/echo'), { recursive: true })
  // The first start compiles, and keeps what it compiled; a folder of our own, so that it is the first.
  const cold = await measureOnce(folder)
  const runs: Run[] = []
  for (let run = 0; run < RUNS; run++) runs.push(await measureOnce(folder))
  await rm(folder, { recursive: true, force: true })
  const seconds = median(runs.map((run) => run.seconds))
  const frontMb = median(runs.map((run) => run.frontMb))
  const workersMb = median(runs.map((run) => run.workersMb))
  console.log(`npm start to the first answer: ${seconds.toFixed(2)} s (median of ${RUNS}; ${cold.seconds.toFixed(2)} s the very first time; aim below ${AIM_SECONDS} s)`)
  console.log(`memory, PSS: front ${frontMb.toFixed(0)} MB + one idle echo worker ${workersMb.toFixed(0)} MB = ${(frontMb + workersMb).toFixed(0)} MB (aim below ${AIM_MB} MB)`)
}

async function measureOnce(folder: string): Promise<Run> {
  const port = await freePort()
  const startedAt = performance.now()
  const npm = spawn('npm', ['start', '--silent'], {
    cwd: ROOT, stdio: 'ignore', detached: true,
    env: { ...process.env, PORT: String(port), FOOTLIGHTS_MODELS: join(folder, 'models'), FOOTLIGHTS_STATE: join(folder, 'state'), NODE_COMPILE_CACHE: join(folder, 'compiled') },
  })
  const ended = new Promise((resolve) => npm.once('exit', resolve))
  try {
    await firstAnswer(`http://127.0.0.1:${port}/echo/predict`)
    const seconds = (performance.now() - startedAt) / 1000
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    return { seconds, ...(await memoryBelow(npm.pid ?? 0)) }
  } finally {
    npm.kill('SIGTERM')
    await ended
  }
}

async function firstAnswer(url: string): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS
  while (performance.now() < deadline) {
    try {
      const { ok } = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":"hello"}' })
      if (ok) return
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`no answer from ${url} within ${GIVE_UP_MS / 1000} s`)
}

/** Of the Node processes at and below a pid: the host is the one that has children of its own, or npm when there is no shell between. */
async function memoryBelow(pid: number): Promise<{ frontMb: number; workersMb: number }> {
  let frontMb = 0
  let workersMb = 0
  for (const below of await descendants(pid)) {
    const command = (await readFile(`/proc/${below}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    const pss = /^Pss:\s+(\d+) kB/m.exec(await readFile(`/proc/${below}/smaps_rollup`, 'utf8'))?.[1]
    if (command.includes('process-entry')) workersMb += Number(pss) / 1024
    else if (command.includes('footlights.mjs') && !command.startsWith('sh ')) frontMb += Number(pss) / 1024
  }
  return { frontMb, workersMb }
}

async function descendants(pid: number): Promise<number[]> {
  const parents = new Map<number, number>()
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const found = [pid]
  for (const candidate of found) for (const [child, parent] of parents) if (parent === candidate) found.push(child)
  return found
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

await main()
