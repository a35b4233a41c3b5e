/** What clients post, read leniently: unknown fields are ignored, missing optional ones are as good as null. */
import { RequestError } from '../../workers/errors.ts'
import type { JsonObject } from '../body.ts'
import { FN_INDEX } from './app-config.ts'

const MAX_SESSION_HASH = 256

/** `data`: one value per input, in order. */
export function dataOf(body: JsonObject): unknown[] {
  const { data } = body
  if (!Array.isArray(data)) throw new RequestError('MALFORMED_BODY', 'The field data must be an array with one value per input.')
  return data
}

/** The session, which the client has chosen. */
export function sessionHashOf(body: JsonObject): string {
  const hash = optionalSessionHash(body)
  if (hash === undefined) throw new RequestError('MALFORMED_BODY', 'Session hash not found.')
  return hash
}

export function optionalSessionHash({ session_hash: hash }: JsonObject): string | undefined {
  if (hash === undefined || hash === null || hash === '') return undefined
  if (typeof hash !== 'string' || hash.length > MAX_SESSION_HASH) throw new RequestError('MALFORMED_BODY', 'The session hash is not valid.')
  return hash
}

/** @throws {RequestError} unless the body names the only function that a model has. */
export function requireFunction({ fn_index: index }: JsonObject): void {
  if (index === undefined || index === null) throw new RequestError('MALFORMED_BODY', 'No function index provided.')
  if (typeof index !== 'number' || !Number.isInteger(index)) throw new RequestError('MALFORMED_BODY', 'The function index must be a whole number.')
  if (index !== FN_INDEX) throw new RequestError('NOT_FOUND', `There is no function with the index ${index}.`)
}
