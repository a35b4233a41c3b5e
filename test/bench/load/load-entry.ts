/** Main of the process that makes the load: apart from the servers, so that neither waits for the other's turn of the event loop. */
import type { Measures } from '../figures.ts'
import { callByQueue, streamByQueue } from './gradio.ts'
import { sendImages } from './images.ts'
import type { FromLoad, Job, TogetherJob } from './jobs.ts'
import { burst, offer } from './offered.ts'
import { makeRequests } from './requests.ts'
import { readStreams } from './streams.ts'

async function run(job: Job): Promise<Measures> {
  switch (job.kind) {
    case 'requests':
      return makeRequests(job)
    case 'offered':
      return offer(job)
    case 'images':
      return sendImages(job)
    case 'burst':
      return burst(job)
    case 'streams':
      return readStreams(job)
    case 'gradio-streams':
      return streamByQueue(job)
    case 'gradio':
      return callByQueue(job)
    case 'together':
      return runTogether(job)
  }
}

async function runTogether({ jobs }: TogetherJob): Promise<Measures> {
  const all = await Promise.all(jobs.map(run))
  return Object.fromEntries(all.flatMap((measures, index) => Object.entries(measures).map(([name, value]) => [`${index}.${name}`, value])))
}

process.on('message', (job: Job) => {
  void run(job)
    .then((measures): FromLoad => ({ measures }), (error: unknown): FromLoad => ({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
    .then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit(0))
