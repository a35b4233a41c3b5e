import { defineModel, textbox } from 'footlights'

export default defineModel({
  inputs: { text: textbox({ maxLength: 200_000 }) },
  outputs: { text: textbox() },
  examples: [{ text: 'hello world' }],
  // 1,000 connections are no overload.
  limits: { queueSize: 2_000 },
  predict: ({ text }) => ({ text }),
})
