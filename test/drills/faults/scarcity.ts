import { execFileSync } from 'node:child_process'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'

import { statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import type { DrillHost } from '../host.ts'
import { descriptorsOf } from '../processes.ts'
import { pause, type Stage } from '../stage.ts'

/** Limits of a running process. Source: prlimit(1), a part of util-linux. */
function limit(host: DrillHost, resource: 'fsize' | 'nofile', soft: number): void {
  execFileSync('prlimit', ['--pid', String(host.pid), `--${resource}=${soft}:`])
}

async function upload(stage: Stage): Promise<string> {
  const form = new FormData()
  form.set('papers', new Blob(['x'.repeat(20_000)], { type: 'text/plain' }), 'paper.txt')
  const response = await fetch(`${stage.host.url}/http-files/predict`, { method: 'POST', body: form })
  const body = (await response.json()) as { code?: string }
  const outcome = response.status === 200 ? '200' : `${response.status} ${body.code ?? 'without a code'}`
  stage.answered(outcome)
  return outcome
}

export const stateFolderFull: Drill = {
  name: 'state-folder-full',
  fault: 'nothing can be written any more (a limit of 4 KiB per file), then it can again',
  criterion: 'an upload fails with a 5xx of our own; 0 of those that need no file failed, a killed worker is replaced; uploads work again afterwards',
  models: ['http-files', 'echo'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost()
    await stage.load({ model: 'echo' })
    await stage.inject(async () => {
      limit(host, 'fsize', 4_096)
      const outcome = await upload(stage)
      stage.expect(/^5\d\d [A-Z_]+$/.test(outcome) && !outcome.startsWith('502'), `the upload got ${outcome}`)
      await killWorker(stage, 'echo')
      await stage.restored('echo', 1)
    })
    limit(host, 'fsize', 1_000_000_000)
    stage.expect((await upload(stage)) === '200', 'uploads did not work again')
    await pause(300)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

export const stateFolderGone: Drill = {
  name: 'state-folder-unusable',
  fault: 'every folder in the state folder replaced by a file that nothing can be written into, then put back',
  criterion: 'as for a full one',
  models: ['http-files', 'echo'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost()
    await stage.load({ model: 'echo' })
    const aside = join(host.stateDir, '..', 'aside')
    await stage.inject(async () => {
      await mkdir(aside)
      const folders = (await readdir(host.stateDir, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name)
      for (const name of folders) {
        await rename(join(host.stateDir, name), join(aside, name))
        await writeFile(join(host.stateDir, name), '')
      }
      const outcome = await upload(stage)
      stage.expect(/^5\d\d [A-Z_]+$/.test(outcome) && !outcome.startsWith('502'), `the upload got ${outcome}`)
      await killWorker(stage, 'echo')
      await stage.restored('echo', 1)
      for (const name of folders) {
        await rm(join(host.stateDir, name), { force: true })
        await rename(join(aside, name), join(host.stateDir, name))
      }
    })
    stage.expect((await upload(stage)) === '200', 'uploads did not work again')
    await pause(300)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

export const descriptorsUsedUp: Drill = {
  name: 'descriptors-used-up',
  fault: 'the host has no file descriptor left: 300 connections where 20 find room, a worker dies meanwhile',
  criterion: '0 failed on a connection that is open; the worker is replaced once there is room, and whoever could not connect can',
  models: ['echo'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { echo: { replicas: 2 } } } })
    await stage.load({ model: 'echo', connections: 1 })
    const pid = (await statusOf(host.url, 'echo')).replicas[0]?.pid ?? 0
    await stage.inject(async () => {
      limit(host, 'nofile', descriptorsOf(host.pid) + 20)
      const greedy = await Promise.all(Array.from({ length: 300 }, () => idleConnection(host.port)))
      await pause(1_000)
      stage.note(`${descriptorsOf(host.pid)} descriptors were open`)
      process.kill(pid, 'SIGKILL')
      await pause(1_000)
      for (const socket of greedy) socket?.destroy()
      limit(host, 'nofile', 4_096)
    })
    await stage.restored('echo', 2)
    await pause(1_000)
    await stage.quiet()
    stage.expect((await stage.ask('echo', { text: 'after it' })).outcome === '200', 'it does not serve afterwards')
    stage.expectNoneFailed()
  },
}

function idleConnection(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', () => resolve(null))
  })
}

async function killWorker(stage: Stage, model: string): Promise<void> {
  process.kill((await statusOf(stage.host.url, model)).replicas[0]?.pid ?? 0, 'SIGKILL')
}
