import type { Stage } from './stage.ts'

/** One fault, what is done, and what must hold. One file per drill, under `faults/`. */
export interface Drill {
  name: string
  /** What is done to the host, in words. */
  fault: string
  /** What must hold, in words; `run` checks it. */
  criterion: string
  /** Fixture models that the host serves: folders under `test/fixtures/models/`, `<name>:<folder>` to serve one under another name, or absolute paths. */
  models: readonly string[]
  /** Quick ones are a part of `npm test`. */
  isQuick: boolean
  run(stage: Stage): Promise<void>
}
