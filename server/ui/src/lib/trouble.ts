/** Each way in which a run can end without a result, in words. */
import type { ModelSpec, Problem } from './api-types.ts'
import { roughly } from './format.ts'
import { text } from './text.ts'
import { troubleText } from './text-trouble.ts'

export interface Trouble {
  /** Null: not a note but an empty result with words in it. */
  tone: 'wait' | 'danger' | 'info' | null
  icon: 'alert' | 'clock' | 'line' | 'message' | 'unavailable'
  title: string
  more: string
  /** The operator can look it up. */
  showsId: boolean
  /** A button beside the words tries at once. */
  canRetry: boolean
}

export function troubleOf(problem: Problem, { limits }: Pick<ModelSpec, 'limits'>): Trouble {
  const words = troubleText
  switch (problem.code) {
    case 'MODEL_SAID':
      return note('wait', 'message', problem.detail, words.modelSaid, false)
    case 'OUT_OF_MEMORY':
      return note('danger', 'alert', words.memory, words.memoryMore)
    case 'WORKER_LOST':
      return note('danger', 'alert', words.lost, words.lostMore)
    case 'UNREACHED':
      return note('danger', 'alert', words.unreached, words.unreachedMore, false)
    case 'POISONOUS_INPUT':
      return note('danger', 'alert', words.poison, words.poisonMore)
    case 'MODEL_FAILED':
    case 'INVALID_OUTPUT':
      return note('danger', 'alert', words.failed, words.failedMore)
    case 'DEADLINE_EXCEEDED':
      return empty('clock', words.deadline(roughly(limits.timeoutMs / 1_000)), words.deadlineMore, { showsId: true })
    case 'QUEUE_FULL':
      return empty('line', words.full, words.fullMore(limits.queueSize), { canRetry: true })
    case 'RATE_LIMITED':
    case 'OVERLOADED':
      return empty('line', words.overloaded, words.overloadedMore, { canRetry: true })
    case 'NOT_READY':
      return empty('clock', words.notReady, words.notReadyMore, { canRetry: true })
    case 'DRAINING':
      return empty('clock', words.draining, words.drainingMore, { canRetry: true })
    case 'QUARANTINED':
      return note('danger', 'unavailable', words.quarantined, text.model.restingMore, false)
    case 'TOO_LARGE':
      return note('wait', 'alert', problem.detail === '' ? words.tooLarge : problem.detail, words.tooLargeMore, false)
    case 'MODEL_NOT_FOUND':
      return note('danger', 'alert', words.gone, '', false)
    default:
      return note('danger', 'alert', problem.detail === '' ? words.other : problem.detail, words.otherMore)
  }
}

function note(tone: 'wait' | 'danger', icon: Trouble['icon'], title: string, more: string, showsId = true): Trouble {
  return { tone, icon, title, more, showsId, canRetry: false }
}

function empty(icon: Trouble['icon'], title: string, more: string, { showsId = false, canRetry = false }): Trouble {
  return { tone: null, icon, title, more, showsId, canRetry }
}
