/** A model that talks: one conversation goes in and comes out longer. Its page is the conversation; all other inputs are settings beside it. */
import type { ChatMessage } from '../components/types.ts'
import type { ModelSpec } from './api-types.ts'

export interface Conversation {
  /** Names of the input and the output. */
  input: string
  output: string
}

/** Null for a model that does anything else. */
export function conversationOf({ inputs, outputs }: Pick<ModelSpec, 'inputs' | 'outputs'>): Conversation | null {
  const talks = Object.keys(inputs).filter((name) => inputs[name]?.kind === 'chatbot')
  const [output, ...others] = Object.keys(outputs)
  const [input] = talks
  if (input === undefined || output === undefined || talks.length > 1 || others.length > 0) return null
  return outputs[output]?.kind === 'chatbot' ? { input, output } : null
}

export function messagesOf(value: unknown): ChatMessage[] {
  return Array.isArray(value) ? value.filter(isMessage) : []
}

function isMessage(value: unknown): value is ChatMessage {
  return typeof value === 'object' && value !== null && 'role' in value && 'content' in value && typeof value.content === 'string'
}

/** The conversation up to the visitor's last message, for another answer; null when there is none. */
export function askedAgain(messages: readonly ChatMessage[]): ChatMessage[] | null {
  const at = messages.findLastIndex(({ role }) => role === 'user')
  return at < 0 ? null : messages.slice(0, at + 1)
}
