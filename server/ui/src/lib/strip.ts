/** What the strip says at each moment of a run. */
import type { ModelEntry } from './api-types.ts'
import { percent, roughly } from './format.ts'
import { MOST_TRIES, type Run } from './run.svelte.ts'
import { text } from './text.ts'

export type StripIcon = 'alert' | 'cancelled' | 'clock' | 'done' | 'held' | 'line' | 'spinner' | 'timer' | 'unavailable' | 'unplugged'

export interface Strip {
  /** What happens, without its numbers: a change of it is read aloud. */
  key: string
  icon: StripIcon
  line: string
  more: string
  /** Name of the row of lamps; null: there is none. */
  lamps: string | null
  /** Lit from the left, 0 to 1; null: a light walks. */
  share: number | null
  /** The words change with the clock. */
  isTicking: boolean
}

/** Below this a wait or a start is not worth a word. */
const NOTABLE_SECONDS = 0.15

export function stripOf(run: Run, model: ModelEntry | null): Strip {
  switch (run.phase) {
    case 'rest':
      return atRest(model)
    case 'sending':
      return sending(run)
    case 'queued':
      return working(run, 'line', text.strip.queued(run.position, left(run)), text.strip.queuedMore(run.position - 1), text.strip.waitingName)
    case 'held':
      return working(run, 'held', text.strip.held(left(run)), text.strip.heldMore, text.strip.heldName)
    case 'running':
    case 'streaming':
      return running(run, model)
    case 'cut':
      return working(run, 'unplugged', text.strip.cut, run.isAccepted ? text.strip.cutMore : text.strip.cutUnsent, text.strip.progressName)
    case 'retrying':
      return retrying(run)
    case 'done':
      return still(run, 'done', text.strip.done(run.waitSeconds + run.runSeconds), doneMore(run))
    case 'cancelled':
      return still(run, 'cancelled', text.strip.cancelledAfter(run.elapsedSeconds), hasPart(run) ? text.strip.kept : '')
    case 'error':
      return failed(run)
  }
}

function atRest(model: ModelEntry | null): Strip {
  const quiet = { key: 'rest', line: text.strip.ready, more: '', lamps: null, share: null, isTicking: false }
  if (model === null) return { ...quiet, icon: 'done', line: '' }
  if (model.state === 'starting') return { ...quiet, key: 'starting', icon: 'spinner', line: text.strip.starting(model.startupEtaSeconds), lamps: text.strip.startingName }
  if (model.state === 'unavailable') return { ...quiet, key: 'unavailable', icon: 'unavailable', line: text.strip.unavailable }
  const more = model.cause?.startsWith('sleeping') ? text.strip.wakes : model.usualSeconds === null ? '' : text.strip.usually(roughly(model.usualSeconds))
  return { ...quiet, icon: 'done', more }
}

function sending(run: Run): Strip {
  const isUploading = run.sentShare > 0 && run.sentShare < 1
  const line = isUploading ? text.strip.sendingFiles(percent(run.sentShare)) : text.strip.sending
  const strip = working(run, 'spinner', line, '', text.strip.sendingName)
  return isUploading ? { ...strip, share: run.sentShare } : strip
}

function running(run: Run, model: ModelEntry | null): Strip {
  const { progress } = run
  const elapsed = Math.max(0, run.now - run.runningSince) / 1_000
  if (progress !== null) {
    const leftSeconds = progress.fraction > 0.05 ? (elapsed / progress.fraction) * (1 - progress.fraction) : null
    const more = leftSeconds === null || leftSeconds < NOTABLE_SECONDS ? text.strip.soFar(elapsed) : text.strip.soFarLeft(elapsed, leftSeconds)
    return { ...working(run, 'spinner', text.strip.progress(progress.text, percent(progress.fraction)), more, progress.text || text.strip.progressName), share: progress.fraction }
  }
  if (run.phase === 'streaming') {
    const words = wordsIn(run)
    return working(run, 'spinner', words === 0 ? text.strip.writing : text.strip.writingWords(words), text.strip.soFar(elapsed), text.strip.progressName)
  }
  if (run.isStale) return working(run, 'spinner', text.strip.runningAgain, text.strip.staleMore, text.strip.progressName)
  const usual = model?.usualSeconds ?? null
  const more = usual === null || elapsed < NOTABLE_SECONDS ? '' : usual > elapsed ? text.strip.soFarLeft(elapsed, usual - elapsed) : text.strip.soFar(elapsed)
  return working(run, 'spinner', text.strip.running, more, text.strip.progressName)
}

function retrying(run: Run): Strip {
  const whole = Math.max(1, run.retryAt - run.retryFrom)
  const rest = Math.max(0, run.retryAt - run.now)
  const strip = working(run, 'timer', text.strip.retryIn(Math.ceil(rest / 1_000)), text.strip.tries(run.attempt, MOST_TRIES), text.strip.timeToTry)
  return { ...strip, share: 1 - rest / whole }
}

function failed(run: Run): Strip {
  if (run.problem?.code === 'INVALID_INPUT') return still(run, 'alert', text.strip.inputRefused, text.strip.inputRefusedMore)
  if (hasPart(run)) {
    const words = wordsIn(run)
    return still(run, 'alert', words === 0 ? text.strip.incomplete : text.strip.incompleteWords(words), text.strip.kept)
  }
  const isLate = run.problem?.code === 'DEADLINE_EXCEEDED'
  return still(run, isLate ? 'clock' : 'alert', text.strip.stoppedAfter(run.elapsedSeconds), run.problem?.code === 'MODEL_FAILED' ? text.strip.others : '')
}

function doneMore(run: Run): string {
  if (run.isReplayed) return text.strip.replayed
  return run.waitSeconds > NOTABLE_SECONDS ? text.strip.waitedInLine(run.waitSeconds) : text.strip.startedAtOnce
}

/** Seconds to the end of the estimate, 0 when it ran out; null when there is none. */
function left(run: Run): number | null {
  return run.etaAt === null ? null : Math.max(0, run.etaAt - run.now) / 1_000
}

function working({ phase }: Run, icon: StripIcon, line: string, more: string, lamps: string): Strip {
  return { key: phase, icon, line, more, lamps, share: null, isTicking: true }
}

function still({ phase }: Run, icon: StripIcon, line: string, more: string): Strip {
  return { key: phase, icon, line, more, lamps: null, share: null, isTicking: false }
}

/** Did this run, not an earlier one, leave something? */
export function hasPart(run: Run): boolean {
  return run.outputs !== null && !run.isStale
}

/** Counting longer texts at every word that comes would cost more than it tells. */
const MOST_COUNTED = 50_000

/** Words of the texts among the outputs; 0 also when there are too many to count. */
function wordsIn(run: Run): number {
  const texts = Object.values(run.outputs ?? {}).filter((value) => typeof value === 'string')
  if (texts.reduce((sum, value) => sum + value.length, 0) > MOST_COUNTED) return 0
  return texts.reduce((sum, value) => sum + (value.match(/\S+/g)?.length ?? 0), 0)
}
