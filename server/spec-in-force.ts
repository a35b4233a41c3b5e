import { hasFiles, type InputsResult, inputsSchema, NOT_RESOLVED, unresolvedFiles } from '../workers/components.ts'
import type { ComponentSpec } from '../workers/components.ts'
import type { ModelSpec, Values } from '../workers/contract.ts'
import { EncodedValues } from '../workers/encoded-values.ts'
import { createHostError, type HostError } from '../workers/errors.ts'
import { sameTakings } from '../workers/rollout.ts'
import { isJsonObject } from './body.ts'
import type { PredictionRun } from './prediction-run.ts'

/** What the callers of a model are held to: the spec that its workers serve, the check made from it, and those who wait for the first one. */
export class SpecInForce {
  readonly #waiters = new Set<() => void>()
  #spec: ModelSpec | null = null
  #check: ((raw: unknown) => InputsResult) | null = null
  #revision = 0
  #isPlain = false

  get spec(): ModelSpec | null {
    return this.#spec
  }

  /** There is a spec, and none of its values is a file: requests need nothing but their JSON, and answers nothing of their requests. */
  get isPlain(): boolean {
    return this.#isPlain
  }

  get outputs(): Readonly<Record<string, ComponentSpec>> {
    return this.#spec?.outputs ?? {}
  }

  /** Another number for each spec that takes or gives something else than the one before. */
  get revision(): number {
    return this.#revision
  }

  /** Someone waits for the first spec. */
  get isAwaited(): boolean {
    return this.#waiters.size > 0
  }

  set(spec: ModelSpec): void {
    if (this.#spec === null || !sameTakings(this.#spec, spec)) {
      this.#revision++
      this.#check = createCheck(spec.inputs)
    }
    this.#spec = spec
    this.#isPlain = !hasFiles(spec.inputs) && !hasFiles(spec.outputs)
    this.wakeWaiters()
  }

  /** The inputs with what is left out filled in; null before there is a spec. @throws {HostError} `INVALID_INPUT`, each refused input named. */
  check(inputs: unknown): Values | null {
    const result = this.#check?.(inputs)
    if (result === undefined) return null
    if (!result.ok) throw invalidInput(result.errors)
    return result.value
  }

  /** Checks one anew that was checked by an earlier spec, and gives it inputs as the model takes them now. @returns Why it can't take it any more, or null. */
  refit(run: Pick<PredictionRun, 'given' | 'item' | 'revision'>): HostError | null {
    const result = run.revision === this.#revision ? undefined : this.#check?.(run.given instanceof EncodedValues ? run.given.values : run.given)
    if (result === undefined) return null
    if (!result.ok) return invalidInput(result.errors, 'The model was changed while this waited, and takes other inputs now. ')
    run.item.inputs = result.value
    run.revision = this.#revision
    return null
  }

  /** Resolves when there is a spec, when `wakeWaiters` says that none is to be waited for, or when the signal aborts. */
  async first(signal: AbortSignal | undefined, giveUpAfter: (giveUp: () => void) => () => void): Promise<void> {
    if (this.#spec !== null) return
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake)
        stopTimer()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const stopTimer = giveUpAfter(wake)
      this.#waiters.add(wake)
      signal?.addEventListener('abort', wake)
    })
  }

  wakeWaiters(): void {
    for (const wake of this.#waiters) wake()
  }
}

/** The schema's check; and no file is believed that did not come through the host, however much it looks like one. */
function createCheck(inputs: ModelSpec['inputs']): (raw: unknown) => InputsResult {
  const check = inputsSchema(inputs)
  if (!hasFiles(inputs)) return check
  return (raw) => {
    const result = check(raw)
    if (!result.ok || !isJsonObject(raw)) return result
    const forged = Object.entries(inputs).flatMap(([name, spec]) => unresolvedFiles(spec, raw[name], name))
    return forged.length === 0 ? result : { ok: false, errors: forged.map((path) => ({ path, message: NOT_RESOLVED })) }
  }
}

/** @param because Said before the first refused input. */
function invalidInput(problems: Extract<InputsResult, { ok: false }>['errors'], because = ''): HostError {
  const first = problems[0]
  return createHostError('INVALID_INPUT', because + (first === undefined ? 'The inputs were refused.' : `${first.path}: ${first.message}`), { problems })
}
