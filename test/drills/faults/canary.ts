import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { getJson, ready, statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { isChange, pause, type Stage } from '../stage.ts'

const MODEL = 'goes-bad'
/** Where the fixture looks whether its process shall go bad. */
const ORDERS = join(tmpdir(), 'footlights-goes-bad')
const MOST_FAILED = 5

export const canary: Drill = {
  name: 'canary',
  fault: 'one worker of two fails every prediction from now on, without ending; its model wants canaries',
  criterion: `suspect within 1 s and routed around, replaced after a second failure; at most ${MOST_FAILED} of 50 requests a second failed, none after it is suspect`,
  models: [MODEL],
  isQuick: true,
  async run(stage) {
    await stage.startHost()
    await ready(stage.host.url, MODEL)
    const load = await stage.load({ model: MODEL })
    const pid = await goBad(stage, 'fail')
    const suspect = await stage.host.logged((line) => isChange(line, MODEL, 'suspect'), stage.faultAt)
    stage.within('time until it was suspect', suspect.at - stage.faultAt, 1_000)
    await replaced(stage, pid)
    await stage.quiet()
    const failed = load.failed()
    stage.expect(failed.length <= MOST_FAILED, `${failed.length} requests failed`)
    // One may have been on its way there when the word came.
    const after = failed.filter(({ due }) => due > suspect.at + 100)
    stage.expect(after.length === 0, `${after.length} requests failed on a suspect`)
    stage.expect(failed.every(({ outcome }) => outcome === '500 MODEL_FAILED'), 'some failed otherwise than by the model')
  },
}

export const canaryIdle: Drill = {
  name: 'canary-idle',
  fault: 'one worker of two hangs in every prediction from now on, while nobody asks for any; then 50 requests a second',
  criterion: 'suspect before the first request, which goes to the other, as all do; replaced; 0 failed',
  models: [MODEL],
  isQuick: false,
  async run(stage) {
    await stage.startHost()
    await ready(stage.host.url, MODEL)
    // An operator need not wait for the next round; and once it is known how long one takes, it need not be waited for longer.
    stage.expect((await askCanaries(stage)).every(({ ok }) => ok === true), 'they failed before the fault')
    const pid = await goBad(stage, 'hang')
    const asked = askCanaries(stage)
    await stage.host.logged((line) => isChange(line, MODEL, 'suspect'), stage.faultAt)
    await stage.load({ model: MODEL })
    const told = await asked
    stage.expect(told.find((replica) => replica.pid === pid)?.ok === false, `the operator was told ${JSON.stringify(told)}`)
    await replaced(stage, pid)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

async function askCanaries({ host }: Stage): Promise<{ pid: number; ok: boolean | null }[]> {
  const answer = await fetch(`${host.url}/admin/${MODEL}/canary`, { method: 'POST' })
  const { replicas } = (await answer.json()) as { replicas: { pid: number; ok: boolean | null }[] }
  return replicas
}

/** Tells one worker to go bad. @returns its pid. */
async function goBad(stage: Stage, how: 'fail' | 'hang'): Promise<number> {
  const pid = (await statusOf(stage.host.url, MODEL)).replicas[0]?.pid ?? 0
  const order = join(ORDERS, String(pid))
  stage.afterwards(async () => {
    await rm(order, { force: true })
    // Another drill's orders may be there.
    await rmdir(ORDERS).catch(() => {})
  })
  await mkdir(ORDERS, { recursive: true })
  await stage.inject(() => writeFile(order, how))
  return pid
}

async function replaced(stage: Stage, pid: number): Promise<void> {
  const { host } = stage
  await host.logged(({ message, fields }) => message === 'a worker ended' && fields['workerPid'] === pid && fields['cause'] === 'canary', stage.faultAt)
  await stage.restored(MODEL, 2)
  const { models } = await getJson(host.url, '/status')
  stage.expect(!JSON.stringify(models).includes('"suspect":true'), 'a worker is suspect still')
  await pause(500)
}
