/** How the gallery sorts and finds models. */
import type { ModelEntry } from './api-types.ts'
import { text } from './text.ts'

export const GROUPS = ['all', 'text', 'image', 'audio', 'data'] as const
export type Group = (typeof GROUPS)[number]

const GROUP_OF: Readonly<Record<string, Group>> = {
  textbox: 'text', markdown: 'text', highlightedText: 'text', code: 'text', chatbot: 'text', html: 'text', image: 'image', gallery: 'image', video: 'image', audio: 'audio',
  dataframe: 'data', json: 'data', file: 'data', number: 'data',
}

/** The groups that a model belongs to: what it is chiefly about, by its first input and first output. */
export function groupsOf({ inputs, outputs }: ModelEntry): ReadonlySet<Group> {
  const groups = new Set<Group>(['all'])
  for (const kind of [inputs[0], outputs[0]]) {
    const group = GROUP_OF[kind ?? '']
    if (group !== undefined) groups.add(group)
  }
  return groups
}

/** Every word that was typed is somewhere in name, title, description or kinds. */
export function matches({ name, title, description, inputs, outputs }: ModelEntry, words: string): boolean {
  const kinds = [...inputs, ...outputs].flatMap((kind) => [kind, text.kind(kind)])
  const haystack = [name, title, description, ...kinds].join(' ').toLowerCase()
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => haystack.includes(word))
}
