/** Sessions and events as fronts tell each other of them: where a client's calls belong, and what it has yet to hear when a front ends. */
import { z } from 'zod'

import type { Keeper } from '../siblings/keeper.ts'
import { KNOWN, UNKNOWN } from '../siblings/keeper.ts'
import { errorData, errorFrom, errorSchema } from '../siblings/prediction-keeper.ts'
import { GradioEvent } from './gradio-event.ts'
import type { Work } from './gradio-event.ts'
import type { GradioHost } from './gradio-host.ts'

const eventSchema = z.object({
  model: z.string(),
  inSession: z.boolean(),
  event: z.object({ id: z.string(), sessionHash: z.string(), requestId: z.string(), audience: z.enum(['page', 'library', 'plain']) }),
  /** A prediction by its id, which was left to the same front before; or why there is none. */
  work: z.union([z.object({ predictionId: z.string() }), z.object({ error: errorSchema })]),
})
type EventData = z.output<typeof eventSchema>

export function keepForSiblings(host: GradioHost): void {
  host.deps.siblings.keep('session', sessionKeeper(host))
  host.deps.siblings.keep('event', eventKeeper(host))
}

function sessionKeeper(host: GradioHost): Keeper {
  return {
    claim({ model, id }, ask) {
      if (ask === 'offer') {
        host.sessions(host.deps.gateway.model(model)).open(id).promise()
        return KNOWN
      }
      const session = host.allSessions.get(model)?.session(id)
      if (session?.isHeld === true) return KNOWN
      return session === undefined ? UNKNOWN : { has: false, waitMs: session.crossingMs() }
    },
    // A session is nothing without its events.
    bequeath: () => [],
    inherit: () => {},
  }
}

function eventKeeper(host: GradioHost): Keeper {
  return {
    claim: ({ model, id }) => (host.allSessions.get(model)?.event(id) === undefined ? UNKNOWN : KNOWN),
    *bequeath() {
      for (const [model, sessions] of host.allSessions) {
        for (const { event, inSession } of sessions.untold()) {
          const { outcome } = event
          if (outcome !== null) yield { model, inSession, event: outcome.event, work: workData(outcome.work) } satisfies EventData
        }
      }
    },
    inherit(item) {
      const { success, data } = eventSchema.safeParse(item)
      if (success) adopt(host, data)
    },
  }
}

function workData(work: Work): EventData['work'] {
  return 'error' in work ? { error: errorData(work.error) } : { predictionId: work.prediction.id }
}

function adopt(host: GradioHost, { model: name, inSession, event, work: data }: EventData): void {
  const { gateway, log } = host.deps
  const model = gateway.models().find((hosted) => hosted.name === name)
  const work = workFrom(host, name, data)
  if (model?.spec == null || work === null) return
  const sessions = host.sessions(model)
  const pace = (): ReturnType<GradioHost['pace']> => host.pace(model)
  const adopted = new GradioEvent({ ...event, spec: model.spec, pace, work, abandon: () => {}, reattachMs: model.limits.reattachMs, gateway, log })
  sessions.add(adopted, inSession ? sessions.open(event.sessionHash) : null)
}

function workFrom(host: GradioHost, model: string, data: EventData['work']): Work | null {
  if ('error' in data) return { error: errorFrom(data.error) }
  const prediction = host.deps.gateway.prediction(model, data.predictionId)
  return prediction === undefined ? null : { prediction }
}
