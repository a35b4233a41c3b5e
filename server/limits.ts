import type { Limits } from '../workers/contract.ts'
import { DEFAULT_LIMITS } from './config.ts'

/** The limits that hold: the operator's over the author's over the defaults. */
export function effectiveLimits(author: Partial<Limits>, operator: Partial<Limits> = {}): Limits {
  return { ...DEFAULT_LIMITS, ...author, ...operator }
}
