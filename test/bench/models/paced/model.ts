import { defineModel, number, textbox } from 'footlights'

import { TOKEN_PAUSE_MS, tokens } from '../../work.ts'

/** A text that grows by a token every 10 ms, for as many readers as may come. */
export default defineModel({
  inputs: { count: number({ minimum: 1, precision: 0 }) },
  outputs: { text: textbox() },
  limits: { concurrency: 1_000, queueSize: 1_000 },
  async *predict({ count }) {
    let text = ''
    for await (const token of tokens(count, TOKEN_PAUSE_MS)) yield { text: (text += token) }
  },
})
