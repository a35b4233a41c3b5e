/** The parts of the API description that are the same for every model. */
import { HTTP_STATUS } from '../http-errors.ts'

type Json = Record<string, unknown>

const PROBLEM_CONTENT = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
const RETRY_AFTER = { 'retry-after': { description: 'Seconds', schema: { type: 'integer', minimum: 1 } } }

function problem(description: string): Json {
  return { description, content: PROBLEM_CONTENT }
}

/** Answers that predictions share, by the name they have under `components`: `S` and the status. */
export const PROBLEM_ANSWERS: Readonly<Record<string, Json>> = {
  [`S${HTTP_STATUS.INVALID_INPUT}`]: problem('The body cannot be parsed, or an input was refused'),
  [`S${HTTP_STATUS.TOO_LARGE}`]: problem('The body or a file is too large'),
  [`S${HTTP_STATUS.UNSUPPORTED_TYPE}`]: problem('The content type is not supported'),
  [`S${HTTP_STATUS.MODEL_SAID}`]: problem('The model refused the input, and says why'),
  [`S${HTTP_STATUS.QUEUE_FULL}`]: { ...problem('The queue is full'), headers: RETRY_AFTER },
  [`S${HTTP_STATUS.MODEL_FAILED}`]: problem('The model failed'),
  [`S${HTTP_STATUS.NOT_READY}`]: { ...problem('Not now: no worker is ready, or the deadline cannot be met'), headers: RETRY_AFTER },
  [`S${HTTP_STATUS.DEADLINE_EXCEEDED}`]: problem('The deadline has passed'),
  Other: problem('Any other error'),
}

const ANY_PROBLEM = { default: { $ref: '#/components/responses/Other' } }
const ID_PARAMETER = { name: 'id', in: 'path', required: true, description: 'From x-prediction-id of the first answer', schema: { type: 'string' } }
const STATES = ['queued', 'held', 'running', 'succeeded', 'failed', 'cancelled']

export function predictionPaths(model: string, outputs: Json): Json {
  const state = { type: 'string', enum: STATES }
  const view = {
    type: 'object',
    required: ['id', 'state'],
    properties: { id: { type: 'string' }, state, outputs, error: { $ref: '#/components/schemas/Problem' } },
  }
  const stateOnly = { type: 'object', properties: { id: { type: 'string' }, state } }
  return {
    [`/${model}/predictions/{id}`]: {
      parameters: [ID_PARAMETER],
      get: {
        tags: [model],
        operationId: `${model}-prediction`,
        summary: 'What became of a prediction',
        description: 'As JSON, or with accept: text/event-stream the latest output and all later events.',
        responses: { 200: jsonAnswer('The prediction', view, { 'text/event-stream': { schema: { type: 'string' } } }), ...ANY_PROBLEM },
      },
      delete: {
        tags: [model],
        operationId: `${model}-cancel`,
        summary: 'Cancel a prediction, queued or running',
        responses: { 202: jsonAnswer('It will stop', stateOnly), ...ANY_PROBLEM },
      },
    },
  }
}

function jsonAnswer(description: string, schema: Json, more: Json = {}): Json {
  return { description, content: { 'application/json': { schema }, ...more } }
}

/** The host's own routes. */
export function hostPaths(): Json {
  const anything = { type: 'object' }
  const get = (operationId: string, summary: string, responses: Json): Json => ({ get: { tags: ['host'], operationId, summary, responses } })
  return {
    '/models': get('models', 'The hosted models', { 200: jsonAnswer('Name, title, state and queue of each', anything), ...ANY_PROBLEM }),
    '/status': get('status', 'Workers, queues and recent events', { 200: jsonAnswer('The state of the host', anything), ...ANY_PROBLEM }),
    '/health': get('health', 'The process answers', { 200: jsonAnswer('It does', anything), ...ANY_PROBLEM }),
    '/health/ready': get('ready', 'Every model can take work', {
      200: jsonAnswer('They can', anything),
      503: jsonAnswer('They cannot; the body says why', anything),
      ...ANY_PROBLEM,
    }),
    '/metrics': get('metrics', 'Prometheus metrics', { 200: { description: 'Metrics as text', content: { 'text/plain': { schema: { type: 'string' } } } }, ...ANY_PROBLEM }),
  }
}
