/** Choices as the page draws them. */
import type { Choice } from './types.ts'

export interface NamedChoice {
  label: string
  value: string
}

export function named(choices: readonly Choice[]): NamedChoice[] {
  return choices.map((choice) => (typeof choice === 'string' ? { label: choice, value: choice } : { label: choice[0], value: choice[1] }))
}

/** What the reader sees for a value; the value itself when it is none of the choices. */
export function labelOf(choices: readonly Choice[], value: string): string {
  return named(choices).find((choice) => choice.value === value)?.label ?? value
}
