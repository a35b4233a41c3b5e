import type { ModelSpec } from '../../../workers/contract.ts'

export const HEARTBEAT_MS = 500

/** What the bench's echo announces, for those who do not load it. */
export const SPEC: ModelSpec = {
  title: 'Echo', description: '', article: '', inputs: { text: { kind: 'textbox', maxLength: 200_000 } }, outputs: { text: { kind: 'textbox' } }, examples: [],
  limits: { queueSize: 2_000 }, batch: null, replay: true, streams: false, apiName: 'predict', load: 'eager', idleSeconds: 0, canary: false,
}
