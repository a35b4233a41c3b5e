/** In place of the spawning of workers: answers with the inputs in the front itself, as soon as its turn of the event loop is over. */
import type { SpawnWorker, ToWorker, WorkerEvents, WorkerHandle } from '../../../workers/contract.ts'
import { HEARTBEAT_MS, SPEC } from './echo-spec.ts'

export function createSpawnWorker(): SpawnWorker {
  return (_model, _worker, events) => new WorkerInFront(events)
}

class WorkerInFront implements WorkerHandle {
  readonly pid = process.pid
  readonly #events: WorkerEvents
  readonly #heart: NodeJS.Timeout

  constructor(events: WorkerEvents) {
    this.#events = events
    this.#heart = setInterval(() => events.message({ type: 'heartbeat' }), HEARTBEAT_MS)
  }

  send(message: ToWorker): void {
    setImmediate(() => this.#obey(message))
  }

  unsentBytes(): number {
    return 0
  }

  isStalled(): boolean {
    return false
  }

  kill(): void {
    clearInterval(this.#heart)
    setImmediate(() => this.#events.exit({ code: null, signal: 'SIGKILL' }))
  }

  lastLines(): string[] {
    return []
  }

  droppedBytes(): number {
    return 0
  }

  #obey(message: ToWorker): void {
    switch (message.type) {
      case 'load':
        return this.#events.message({ type: 'described', spec: SPEC })
      case 'setup':
        return this.#events.message({ type: 'ready', setupMs: 0 })
      case 'predict':
        for (const { id, inputs } of message.items) this.#events.message({ type: 'done', id, outputs: inputs, runMs: 0 })
        return
      case 'stop':
        return this.kill()
    }
  }
}
