/** Main of the process that makes the load: apart from the servers, so that neither waits for the other's turn of the event loop. */
import type { Measures } from '../figures.ts'
import type { FromLoad, Job } from './jobs.ts'
import { makeRequests } from './requests.ts'

async function run(job: Job): Promise<Measures> {
  switch (job.kind) {
    case 'requests':
      return makeRequests(job)
  }
}

process.on('message', (job: Job) => {
  void run(job)
    .then((measures): FromLoad => ({ measures }), (error: unknown): FromLoad => ({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
    .then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit(0))
