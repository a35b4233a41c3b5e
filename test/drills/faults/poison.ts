import { metric } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import { pause, type Stage } from '../stage.ts'

const RESTARTS = 'footlights_worker_restarts_total{model="exits",reason="crash"}'

/** Sends an input that kills its worker, twice; under a good load on the same model. */
async function sendPoison(stage: Stage, concurrency: number): Promise<void> {
  const host = await stage.startHost({ config: { limits: { exits: { replicas: 2, concurrency } } } })
  await stage.load({ model: 'exits' })
  await stage.inject(async () => {
    const poison = await stage.ask('exits', { text: 'poison', how: 'kill' })
    stage.expect(poison.outcome === '503 POISONOUS_INPUT', `the poison got ${poison.outcome}`)
    stage.expect(Number(poison.retryAfter) > 0, 'its answer had no Retry-After')
  })
  await stage.restored('exits', 2)
  const restarts = await metric(host.url, RESTARTS)
  stage.expect(restarts <= 2, `${restarts} restarts`)
  const again = await stage.ask('exits', { text: 'poison', how: 'kill' })
  stage.expect(again.outcome === '503 POISONOUS_INPUT', `sent again it got ${again.outcome}`)
  stage.within('the refusal of what is remembered', again.tookMs, 200)
  await pause(500)
  await stage.quiet()
  stage.expect((await metric(host.url, RESTARTS)) === restarts, 'sent again it cost a worker')
  stage.expectNoneFailed()
}

const MUST_HOLD = 'tried at most twice, 503 with its own code, refused at once while remembered; at most 2 restarts; 0 good ones failed'

export const poison: Drill = {
  name: 'poison',
  fault: 'an input that kills its worker each time, among good ones',
  criterion: MUST_HOLD,
  models: ['exits'],
  isQuick: true,
  run: (stage) => sendPoison(stage, 1),
}

export const poisonAmongFour: Drill = {
  name: 'poison-among-four',
  fault: 'the same with `concurrency: 4`: its neighbours are suspects until they ran alone',
  criterion: MUST_HOLD,
  models: ['exits'],
  isQuick: false,
  run: (stage) => sendPoison(stage, 4),
}
