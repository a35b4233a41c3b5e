import type { Values } from './contract.ts'
import { charactersOf } from './value-size.ts'

/** From here on it pays that only the thread makes the JSON. */
const LARGE_CHARACTERS = 8_192

/**
 * Large outputs as JSON, made by the thread: where they are the answer they go out as they came in, and the front neither makes texts of them
 * nor escapes those again. Whoever wants to look into them can.
 */
export class EncodedOutputs {
  /** UTF-8. */
  readonly bytes: Buffer
  #values: Values | null = null

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** Made when first asked for. */
  get values(): Values {
    if (this.#values === null) {
      const values: Values = JSON.parse(this.bytes.toString())
      this.#values = values
    }
    return this.#values
  }
}

/** What a prediction gave, in either form. */
export type Outputs = Values | EncodedOutputs

export function valuesOf(outputs: Outputs): Values {
  return outputs instanceof EncodedOutputs ? outputs.values : outputs
}

/** The JSON of large outputs; undefined for small ones. */
export function encodeLarge(outputs: Values): Buffer | undefined {
  return charactersOf(outputs) > LARGE_CHARACTERS ? Buffer.from(JSON.stringify(outputs)) : undefined
}
