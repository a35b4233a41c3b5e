import type { Values } from './contract.ts'
import { freeBuffer } from './free-buffer.ts'
import { jsonBytes } from './large-json.ts'
import { charactersOf } from './value-size.ts'

/** From here on it pays to leave values as JSON. */
const LARGE_CHARACTERS = 8_192

/**
 * Large inputs or outputs as the JSON that came in, or that a thread made. The front passes them on as they are: texts made of them would fill its heap,
 * and be escaped and collected again. Whoever wants to look into them can.
 */
export class EncodedValues {
  /** UTF-8. Empty when freed. */
  readonly bytes: Buffer
  #holders = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** Made each time: hardly anyone asks. */
  get values(): Values {
    return decodeValues(this.bytes)
  }

  /** Whoever may still look into them or send them holds them. */
  hold(): void {
    this.#holders++
  }

  /** The last holder's frees them: waiting for V8 to do so makes it collect everything else as often. */
  release(): void {
    if (--this.#holders === 0) freeBuffer(this.bytes)
  }
}

/** Values in either form. */
export type AnyValues = Values | EncodedValues

export function valuesOf(values: AnyValues): Values {
  return values instanceof EncodedValues ? values.values : values
}

export function decodeValues(bytes: Buffer): Values {
  const values: Values = JSON.parse(bytes.toString())
  return values
}

/** The JSON of large values; undefined for small ones. */
export function encodeLarge(values: Values): Buffer | undefined {
  return charactersOf(values) > LARGE_CHARACTERS ? jsonBytes(values) : undefined
}

/** The JSON itself where the checks have changed nothing in it, else what they made of it. */
export function leftAsTheyCame(checked: Values, given: Readonly<Record<string, unknown>>, json: Buffer): AnyValues {
  const names = Object.keys(checked)
  const isSame = names.length === Object.keys(given).length && names.every((name) => checked[name] === given[name])
  return isSame ? new EncodedValues(json) : checked
}
