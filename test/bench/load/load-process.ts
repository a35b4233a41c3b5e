import { type ChildProcess, fork } from 'node:child_process'

import type { Measures } from '../figures.ts'
import type { FromLoad, Job } from './jobs.ts'

const ENTRY = new URL('load-entry.ts', import.meta.url)

/** The process that makes the load. One for the whole run, so that its code is compiled when it counts. */
export class LoadProcess implements Disposable {
  readonly #child: ChildProcess = fork(ENTRY, [], { execArgv: ['--max-semi-space-size=64'] })

  /** One job at a time. @throws {Error} what made it fail, or that the process has ended. */
  async run(job: Job): Promise<Measures> {
    const answer = await new Promise<FromLoad>((resolve, reject) => {
      if (!this.#child.connected) return reject(new Error('the process that makes the load has ended'))
      const onExit = (): void => reject(new Error('the process that makes the load has ended'))
      this.#child.once('exit', onExit)
      this.#child.once('message', (message: FromLoad) => {
        this.#child.off('exit', onExit)
        resolve(message)
      })
      this.#child.send(job)
    })
    if ('failure' in answer) throw new Error(answer.failure)
    return answer.measures
  }

  /** The job under way, and any that comes after, fails. */
  [Symbol.dispose](): void {
    if (this.#child.connected) this.#child.disconnect()
  }
}
