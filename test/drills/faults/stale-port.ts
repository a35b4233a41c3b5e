import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { isSameProcess, processStartTime } from '../../../workers/ports.ts'
import { metric } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { DrillHost, hostEnvironment, makeSite } from '../host.ts'
import { freePort } from '../pm2-host.ts'
import { descendants } from '../processes.ts'
import { pause, type Stage } from '../stage.ts'

const MAIN = fileURLToPath(new URL('../../../bin/footlights.mjs', import.meta.url))

/** A folder for the state of several hosts, gone when they are. */
async function sharedState(stage: Stage): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'footlights-drill-state-'))
  stage.afterwards(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return join(folder, 'state')
}

/** The new host holds the port and serves. */
async function serves(stage: Stage): Promise<void> {
  await stage.load({ model: 'echo' })
  await pause(500)
  await stage.quiet()
  stage.expectNoneFailed()
}

export const portOfOrphan: Drill = {
  name: 'port-of-orphan',
  fault: 'the port is held by a host of ours that is frozen and whose parent is gone',
  criterion: 'it is ended with its workers, counted in `ports_reclaimed_total`, and the new host serves on the port',
  models: ['echo'],
  isQuick: false,
  async run(stage) {
    const stateDir = await sharedState(stage)
    const port = await freePort()
    const orphan = await abandonedHost(stage, { port, stateDir })
    const workers = descendants(orphan).map((pid) => ({ pid, startTime: processStartTime(pid) }))
    const startTime = processStartTime(orphan)
    try {
      process.kill(orphan, 'SIGSTOP')
      await stage.inject(() => stage.startHost({ port, stateDir }))
      stage.recoveredAt(performance.now())
      stage.expect(!isSameProcess(orphan, startTime), 'the orphan is still there')
      const alive = workers.filter((worker) => isSameProcess(worker.pid, worker.startTime))
      stage.expect(workers.length === 1 && alive.length === 0, `${alive.length} of its ${workers.length} workers are still there`)
      stage.expect((await metric(stage.host.url, 'footlights_ports_reclaimed_total')) === 1, 'it was not counted')
      await serves(stage)
    } finally {
      if (isSameProcess(orphan, startTime)) process.kill(orphan, 'SIGKILL')
    }
  },
}

/** A host whose parent has ended. @returns its pid. */
async function abandonedHost(stage: Stage, { port, stateDir }: { port: number; stateDir: string }): Promise<number> {
  const { folder, modelsDir } = await makeSite(stage.models)
  stage.afterwards(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const env = hostEnvironment({ PORT: String(port), FOOTLIGHTS_MODELS: modelsDir, FOOTLIGHTS_STATE: stateDir })
  const shell = spawn('sh', ['-c', '"$0" "$1" >"$2/out" 2>&1 </dev/null & echo $!; read _', process.execPath, MAIN, folder], { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'] })
  let told = ''
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 600; tries++) {
    const isUp = await fetch(`${url}/health/ready`).then(({ ok }) => ok, () => false)
    if (isUp) break
    await pause(50)
  }
  // Only now: a host whose parent goes while it starts has had none that it knows of.
  shell.stdin.end()
  await once(shell, 'exit')
  if (await fetch(`${url}/health/ready`).then(({ ok }) => ok, () => false)) return Number(told.trim())
  throw new Error('the host to be abandoned did not come up')
}

export const portOfStranger: Drill = {
  name: 'port-of-stranger',
  fault: 'the port is held by a process that is none of ours',
  criterion: 'the host names it (pid, command), leaves it alone, exit 98',
  models: ['echo'],
  isQuick: true,
  async run(stage) {
    const stranger = spawn(process.execPath, ['-e', `require('node:http').createServer((q, r) => r.end('stranger')).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [line] = (await once(stranger.stdout, 'data')) as [Buffer]
      const port = Number(line.toString())
      await stage.inject(async () => {
        const host = await DrillHost.spawn({ models: stage.models, port })
        const { code } = await host.ended()
        stage.detectedAt(performance.now())
        stage.expect(code === 98, `exit ${code}`)
        stage.expect(host.errorText.includes(String(stranger.pid)) && host.errorText.includes('node'), `it did not name the stranger: ${host.errorText}`)
        stage.note('said which process holds the port, by pid and command')
        await stage.end(host)
      })
      const answer = await (await fetch(`http://127.0.0.1:${port}/`)).text()
      stage.expect(answer === 'stranger', 'the stranger does not answer any more')
    } finally {
      stranger.kill('SIGKILL')
    }
  },
}

export const portInTimeWait: Drill = {
  name: 'port-in-time-wait',
  fault: 'a host is stopped and started again on its port, with 100 connections that it closed itself in TIME_WAIT',
  criterion: 'it listens at once',
  models: ['echo'],
  isQuick: true,
  async run(stage) {
    const stateDir = await sharedState(stage)
    const port = await freePort()
    const first = await stage.startHost({ port, stateDir })
    await Promise.all(Array.from({ length: 100 }, () => getAndBeClosed(first.url)))
    await stage.inject(async () => {
      await stage.end(first)
      await stage.startHost({ port, stateDir })
    })
    stage.recoveredAt(performance.now())
    await serves(stage)
  },
}

/** The server closes first, and its side of the connection stays in TIME_WAIT. */
function getAndBeClosed(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request(`${url}/health`, { agent: false, headers: { connection: 'close' } }, (response) => response.resume().on('close', () => resolve())).on('error', reject).end()
  })
}

export const staleRunState: Drill = {
  name: 'stale-run-state',
  fault: 'a run-state file of a dead host, whose pid and whose worker\'s pid now belong to someone else',
  criterion: 'no wrong process is signalled; the host serves, and removes the file',
  models: ['echo'],
  isQuick: true,
  async run(stage) {
    const stateDir = await sharedState(stage)
    const strangers = [spawn('sleep', ['1000'], { stdio: 'ignore' }), spawn('sleep', ['1000'], { stdio: 'ignore' })]
    try {
      const [front, worker] = strangers.map(({ pid }) => pid ?? 0)
      const record = {
        pid: front, startTime: 'another-boot:1', port: 7860, host: '127.0.0.1', parentPid: 1,
        workers: [{ pid: worker, startTime: 'another-boot:2', model: 'echo' }], startedAt: '2020-01-01T00:00:00.000Z',
      }
      await mkdir(join(stateDir, 'run'), { recursive: true, mode: 0o700 })
      await writeFile(join(stateDir, 'run', `${front}.json`), JSON.stringify(record))
      await stage.inject(() => stage.startHost({ stateDir }))
      await serves(stage)
      stage.expect(strangers.every(({ exitCode, signalCode }) => exitCode === null && signalCode === null), 'a stranger was signalled')
    } finally {
      for (const stranger of strangers) stranger.kill('SIGKILL')
    }
  },
}
