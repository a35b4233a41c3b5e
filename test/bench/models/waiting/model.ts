import { defineModel, textbox } from 'footlights'

/** Works until it is told to stop, while others wait. */
export default defineModel({
  inputs: { text: textbox() },
  outputs: { text: textbox() },
  limits: { timeoutMs: 600_000, queueSize: 20_000 },
  predict: async ({ text }, { signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    return { text }
  },
})
