/** Predictions as fronts tell each other of them. */
import { z } from 'zod'

import type { ComponentSpec } from '../../workers/components.ts'
import type { Values } from '../../workers/contract.ts'
import { createHostError, isErrorCode } from '../../workers/errors.ts'
import type { ErrorCode, HostError } from '../../workers/errors.ts'
import type { EndedPrediction, Gateway } from '../gateway.ts'
import { Prediction } from '../prediction.ts'
import type { Keeper } from './keeper.ts'
import { KNOWN, UNKNOWN } from './keeper.ts'

/** An error without what is for the operator only, who has it in the log of the front where it happened. */
export const errorSchema = z.object({ code: z.custom<ErrorCode>(isErrorCode), message: z.string(), retryAfterSeconds: z.number().exactOptional() })

const endedSchema = z.object({
  id: z.string(),
  model: z.string(),
  requestId: z.string(),
  agoMs: z.number(),
  isAnswer: z.boolean(),
  outputs: z.custom<Values>((value) => typeof value === 'object' && value !== null).exactOptional(),
  outputSpecs: z.custom<Readonly<Record<string, ComponentSpec>>>((value) => typeof value === 'object' && value !== null),
  error: errorSchema.exactOptional(),
  waitSeconds: z.number(),
  runSeconds: z.number(),
  outputId: z.int(),
  lastId: z.int(),
})

export function createPredictionKeeper(gateway: Gateway): Keeper {
  return {
    claim: ({ model, id }) => (gateway.prediction(model, id) === undefined ? UNKNOWN : KNOWN),
    *bequeath() {
      for (const ended of gateway.endedPredictions()) yield toData(ended)
    },
    inherit(item) {
      const { success, data } = endedSchema.safeParse(item)
      if (!success || gateway.prediction(data.model, data.id) !== undefined) return
      gateway.adopt(fromData(data))
    },
  }
}

function toData({ prediction, agoMs, isAnswer }: EndedPrediction): z.output<typeof endedSchema> {
  const { id, model, requestId, outputs, outputSpecs, error, waitSeconds, runSeconds, lastId } = prediction
  return {
    id, model, requestId, outputSpecs, agoMs, isAnswer, waitSeconds, runSeconds, lastId, outputId: prediction.latest()?.id ?? 0,
    ...(outputs === undefined ? {} : { outputs }),
    ...(error === undefined ? {} : { error: errorData(error) }),
  }
}

export function errorData({ code, message, retryAfterSeconds }: HostError): z.output<typeof errorSchema> {
  return { code, message, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) }
}

export function errorFrom({ code, message, retryAfterSeconds }: z.output<typeof errorSchema>): HostError {
  return createHostError(code, message, retryAfterSeconds === undefined ? {} : { retryAfterSeconds })
}

function fromData({ id, model, requestId, agoMs, isAnswer, outputs, error, ...end }: z.output<typeof endedSchema>): EndedPrediction {
  const prediction = Prediction.ended(id, model, requestId, { ...end, outputs, error: error === undefined ? undefined : errorFrom(error) })
  return { prediction, agoMs, isAnswer }
}
