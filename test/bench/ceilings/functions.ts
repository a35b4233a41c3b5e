/** What the models do, as plain functions for the servers that have nothing else. */
import type { IncomingMessage } from 'node:http'

import { burn, CPU_MS, sleepBatch, TOKEN_PAUSE_MS, tokens } from '../work.ts'

/** @throws {Error} for what no workload sends. */
export function answerOf(model: string, inputs: unknown): { text: string } {
  if (typeof inputs !== 'object' || inputs === null || !('text' in inputs) || typeof inputs.text !== 'string') throw new Error('text is missing')
  if (model.startsWith('cpu')) burn(CPU_MS)
  if (model === 'batch') sleepBatch(1)
  return { text: inputs.text }
}

/** Server-sent events, or null for a model that does not stream. */
export function streamOf(model: string, inputs: unknown): AsyncGenerator<string> | null {
  if (typeof inputs !== 'object' || inputs === null || !('count' in inputs) || typeof inputs.count !== 'number') return null
  return events(inputs.count, model === 'paced' ? TOKEN_PAUSE_MS : 0)
}

async function* events(count: number, pauseMs: number): AsyncGenerator<string> {
  for await (const text of tokens(count, pauseMs)) yield `data: ${text}\n\n`
}

export function bytesOf(req: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => resolve(Buffer.concat(chunks)))
    req.on('error', reject)
  })
}
