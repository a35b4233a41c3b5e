import { defineModel, number, textbox } from 'footlights'

import { token } from '../../work.ts'

/** Each token makes one text longer. */
export default defineModel({
  inputs: { count: number({ minimum: 1, precision: 0 }) },
  outputs: { text: textbox(), madeAt: number() },
  async *predict({ count }) {
    const madeAt = performance.timeOrigin + performance.now()
    let text = ''
    for (let index = 0; index < count; index++) yield { text: (text += token(index)), madeAt }
  },
})
