/** What fronts of one state folder tell each other of, and the form in which they do. */
import { z } from 'zod'

/** Something that callers know by an id, within a model. */
export const topicSchema = z.object({ kind: z.enum(['prediction', 'session', 'event']), model: z.string(), id: z.string() })
export type Topic = z.output<typeof topicSchema>

export const questionSchema = z.object({
  topic: topicSchema,
  /**
   * - find: who has it?
   * - offer: nobody has it; who says yes has it from then on.
   */
  ask: z.enum(['find', 'offer']),
  /** By when it was started; the smallest is the oldest. */
  asker: z.object({ rank: z.string(), isDraining: z.boolean() }),
})
export type Question = z.output<typeof questionSchema>

export const claimSchema = z.object({
  has: z.boolean(),
  /** How long whoever takes it instead should wait before it answers, in ms. */
  waitMs: z.number().min(0),
})
export type Claim = z.output<typeof claimSchema>

/** One line of what a front leaves to another at its end. */
export const bequestSchema = z.object({ kind: topicSchema.shape.kind, item: z.unknown() })
export type Bequest = z.output<typeof bequestSchema>

/** Knows one kind of topic in this front. */
export interface Keeper {
  claim(topic: Topic, ask: Question['ask']): Claim
  /** What callers may still ask for when this front has ended, as JSON values; the newest first. */
  bequeath(): Iterable<unknown>
  /** Takes over one such value of another front. What it cannot read it ignores. */
  inherit(item: unknown): void
}

export const UNKNOWN: Claim = { has: false, waitMs: 0 }
export const KNOWN: Claim = { has: true, waitMs: 0 }
