import { defineModel, textbox } from 'footlights'

import { sleepBatch } from '../../work.ts'

export default defineModel({
  inputs: { text: textbox() },
  outputs: { text: textbox() },
  batch: { maxSize: 32, maxWaitMs: 5 },
  predictBatch: (items) => {
    sleepBatch(items.length)
    return items.map(({ text }) => ({ text }))
  },
})
