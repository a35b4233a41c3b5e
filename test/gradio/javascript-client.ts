/** What a job of `@gradio/client` tells, gathered to its end. */
import assert from 'node:assert/strict'

import type { Client } from '@gradio/client'

export interface Told {
  data: unknown[][]
  stages: string[]
  logs: [text: string, level: string][]
  progress: unknown[]
  error: string | null
}

export async function collect(job: ReturnType<Client['submit']>): Promise<Told> {
  const told: Told = { data: [], stages: [], logs: [], progress: [], error: null }
  for await (const event of job) {
    // The client goes on changing values in place.
    if (event.type === 'data' && Array.isArray(event.data)) told.data.push(structuredClone(event.data))
    if (event.type === 'log') told.logs.push([event.log, event.level])
    if (event.type !== 'status') continue
    told.stages.push(event.stage)
    if (event.progress_data !== undefined) told.progress.push(event.progress_data[0]?.progress)
    if (event.stage === 'error') told.error = String(event.message)
  }
  return told
}

export function fileData(data: unknown, index: number): { path: string; url: string } {
  assert.ok(Array.isArray(data))
  const file: unknown = data[index]
  assert.ok(typeof file === 'object' && file !== null && 'path' in file && 'url' in file && typeof file.path === 'string' && typeof file.url === 'string')
  return { ...file, path: file.path, url: file.url }
}
