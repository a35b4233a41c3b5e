/** Gradio's queue: join, then hear on the session's stream. */
import type { Measures } from '../figures.ts'
import { GradioSession, indexOf } from './gradio-session.ts'
import type { GradioJob, GradioStreamsJob } from './jobs.ts'
import { measuresOf, type Reading, readStream } from './streams.ts'
import { Tally } from './tally.ts'

const MARKS = { first: 'process_generating', token: 'process_generating', end: 'process_completed' }

export async function callByQueue({ data, clients, seconds, ...endpoint }: GradioJob): Promise<Measures> {
  const index = await indexOf(endpoint)
  const tally = new Tally()
  const startedAt = performance.now()
  const until = startedAt + seconds * 1000
  const callAll = async (): Promise<void> => {
    const session = new GradioSession(endpoint, index, data)
    while (performance.now() < until) {
      const sentAt = performance.now()
      tally.add((await session.call()) ? 200 : 0, performance.now() - sentAt)
    }
    await session.close()
  }
  await Promise.all(Array.from({ length: clients }, callAll))
  return tally.measures((performance.now() - startedAt) / 1000)
}

export async function streamByQueue({ data, clients, giveUpSeconds, ...endpoint }: GradioStreamsJob): Promise<Measures> {
  const index = await indexOf(endpoint)
  const startedAt = performance.now()
  const readOne = async (): Promise<Reading> => {
    const session = new GradioSession(endpoint, index, data)
    await session.join()
    const reading = await readStream(new URL(endpoint.url), { head: `GET ${session.streamPath}`, headers: '', text: '', marks: MARKS, giveUpSeconds, startedAt })
    await session.close()
    return reading
  }
  return measuresOf(await Promise.all(Array.from({ length: clients }, readOne)))
}
