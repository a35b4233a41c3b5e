import { defineModel, number, textbox } from 'footlights'

import { token } from '../../work.ts'

/** Each token is an output of its own. The first also says when it was made, in ms since 1970. */
export default defineModel({
  inputs: { count: number({ minimum: 1, precision: 0 }) },
  outputs: { text: textbox(), madeAt: number() },
  async *predict({ count }) {
    const madeAt = performance.timeOrigin + performance.now()
    for (let index = 0; index < count; index++) yield { text: token(index), madeAt }
  },
})
