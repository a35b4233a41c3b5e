import { defineModel, textbox } from 'footlights'

import { batchMs } from '../../work.ts'

export default defineModel({
  inputs: { text: textbox() },
  outputs: { text: textbox() },
  batch: { maxSize: 32, maxWaitMs: 5 },
  predictBatch: async (items) => {
    await new Promise((resolve) => setTimeout(resolve, batchMs(items.length)))
    return items.map(({ text }) => ({ text }))
  },
})
