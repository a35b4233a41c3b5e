import { defineModel, textbox } from 'footlights'

import { burn, CPU_MS } from '../../work.ts'

export default defineModel({
  inputs: { text: textbox() },
  outputs: { text: textbox() },
  examples: [{ text: 'hello world' }],
  predict: ({ text }) => {
    burn(CPU_MS)
    return { text }
  },
})
