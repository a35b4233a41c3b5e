/** A hosted model whose workers are fakes: everything of ours from the gateway down to the seam is real. */
import type { BackendSnapshot, Limits, ModelSpec, Values } from '../../workers/contract.ts'
import type { HostError } from '../../workers/errors.ts'
import { ProcessBackend } from '../../workers/process-backend.ts'
import { HostedModel } from '../../server/hosted-model.ts'
import { Metrics } from '../../server/metrics.ts'
import { Prediction } from '../../server/prediction.ts'
import type { PredictionRun } from '../../server/prediction-run.ts'
import { FakeClock, type FakeWorker, FakeWorkers, LIMITS, specOf } from './fake-worker.ts'

export interface FakeModelOptions {
  limits?: Partial<Limits>
  spec?: Partial<ModelSpec>
  clock?: FakeClock
  onEnd?: (run: PredictionRun, error: HostError | undefined) => void
}

export interface Submitted {
  prediction: Prediction
  run: PredictionRun
}

export interface FakeModel {
  model: HostedModel
  backend: ProcessBackend
  clock: FakeClock
  workers: FakeWorkers
  metrics: Metrics
  spec: ModelSpec
  /** All workers described and ready. */
  start(): FakeModel
  submit(options?: { text?: string; timeoutMs?: number; events?: boolean }): Submitted
  /** The worker says that the prediction is done, after `runMs`. */
  finish(submitted: Submitted, options?: { worker?: FakeWorker; runMs?: number; outputs?: Values }): void
  snapshot(): BackendSnapshot
}

export function createFakeModel({ limits = {}, spec: changes = {}, clock = new FakeClock(), onEnd = () => {} }: FakeModelOptions = {}): FakeModel {
  const workers = new FakeWorkers()
  const effective: Limits = { ...LIMITS, ...limits }
  const spec = specOf(changes)
  const metrics: Metrics = new Metrics({ models: () => [model.view()], portsReclaimed: () => 0, memory: () => null })
  const model: HostedModel = new HostedModel('fake', {
    clock, metrics, initialLimits: effective, effectiveLimits: () => effective, logEnd: (run, _outcome, error) => onEnd(run, error),
  })
  const backend = new ProcessBackend(
    {
      described: (described) => model.described(described),
      inForce: (described) => model.inForce(described),
      changed: (worker, what, why) => model.changed({ at: '', model: 'fake', worker, what, why }),
      capacity: () => model.capacityChanged(),
      exited: () => {},
      log: () => {},
    },
    {
      settings: { model: 'fake', modelFile: '/nowhere/fake/model.ts', stateDir: '/nowhere', limits: effective },
      spawn: workers.spawn, clock, random: () => 0.5, wallClock: () => new Date(), drainMs: 30_000,
      usage: { watch: () => {}, forget: () => {} }, memory: { isShort: () => false, waking: () => {} }, filesAreWatched: true,
      meanRunMs: () => model.pace.meanMs,
    },
  )
  model.use(backend)
  const fake: FakeModel = {
    model, backend, clock, workers, metrics, spec,
    start() {
      backend.start()
      workers.last.becomeReady(spec)
      for (const worker of workers.all.slice(1)) worker.becomeReady(spec)
      return fake
    },
    submit({ text = 'x', timeoutMs, events = true } = {}) {
      const prediction = new Prediction('fake', 'request')
      const run = model.admit(prediction, { text }, { requestId: 'request', timeoutMs, events, given: { text } }, () => {})
      return { prediction, run }
    },
    finish({ run }, { worker = workers.last, runMs = 1_000, outputs = { text: 'done' } } = {}) {
      worker.say({ type: 'done', id: run.item.id, outputs, runMs })
    },
    snapshot: () => backend.snapshot(),
  }
  return fake
}

/** The types of all events so far; reads only what is there, and leaves again. */
export async function eventTypes(prediction: Prediction): Promise<string[]> {
  return (await eventsSoFar(prediction)).map(({ type }) => type)
}

export async function eventsSoFar(prediction: Prediction, options: { after?: number; appends?: boolean } = { after: 0, appends: true }) {
  const reader = prediction.events(options)
  const seen = []
  for (;;) {
    const next = reader.next()
    const result = await Promise.race([next, new Promise<null>((resolve) => setImmediate(() => resolve(null)))])
    if (result === null || result.done === true) break
    seen.push(result.value)
  }
  await reader.return?.()
  return seen
}
