import { RequestError } from '../../workers/errors.ts'
import type { Gateway } from '../gateway.ts'
import type { HostedModel } from '../hosted-model.ts'
import { RESERVED_NAMES } from '../registry.ts'

/**
 * The model of a path's first segment.
 *
 * @throws {RequestError} `NOT_FOUND` for what cannot be a model (`/favicon.ico`, `/static/`), `MODEL_NOT_FOUND` for what is none.
 */
export function namedModel(gateway: Gateway, name: string): HostedModel {
  if (RESERVED_NAMES.has(name) || name.includes('.')) throw new RequestError('NOT_FOUND', 'There is nothing at this address.')
  return gateway.model(name)
}
