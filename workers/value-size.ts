/** The rough size of a value in characters: exact for text, a guess for numbers and keys. Bounds what waits for a slow reader. */
export function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  let characters = 0
  for (const inner of Object.values(value)) characters += 8 + charactersOf(inner)
  return characters
}
