import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

const FRONT_GROWTH_MB = 60

export const badOutput: Drill = {
  name: 'bad-output',
  fault: 'outputs that can not be serialised, of the wrong type, missing, of 200 MB',
  criterion: `each fails by name (500); 0 others failed; the front grows by at most ${FRONT_GROWTH_MB} MB`,
  models: ['oversize', 'throws', 'echo'],
  isQuick: true,
  async run(stage) {
    await stage.startHost()
    const load = await stage.load({ model: 'echo' })
    await stage.inject(async () => {
      const asked = [
        ...['wrong type', 'missing', 'function', 'nothing'].map((how) => ({ model: 'throws', inputs: { how } })),
        ...['function', 'cyclic', 'bigint', 'text', 'numbers'].map((what) => ({ model: 'oversize', inputs: { what } })),
      ]
      for (const { model, inputs } of asked) {
        const { outcome } = await stage.ask(model, inputs)
        stage.expect(/^500 (INVALID_OUTPUT|OUT_OF_MEMORY)$/.test(outcome), `${model} ${JSON.stringify(inputs)}: ${outcome}`)
      }
    })
    stage.expect((await stage.ask('oversize', { text: 'small' })).outcome === '200', 'the model did not go on')
    await pause(300)
    await stage.quiet()
    stage.expectNoneFailed()
    stage.within('the longest gap of the other model', load.longestGapMs(), 1_000)
    stage.expectFrontBelow(FRONT_GROWTH_MB)
  },
}
