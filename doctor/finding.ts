/** Every check, in the order in which it is made: the way a person would go after a 502. */
export const CHECKS = [
  'installation', 'configuration', 'models', 'port', 'host', 'workers', 'exits', 'queue', 'memory', 'machine', 'prediction', 'proxy', 'nginx', 'pm2',
] as const
export type Check = (typeof CHECKS)[number]

/** `unknown`: it could not look. */
export type Level = 'ok' | 'warning' | 'wrong' | 'unknown'

/** What a finding can be the cause of, for the summary; the most fundamental first, since one explains all below it. */
export const CAUSES = [
  'packages', 'configuration', 'stranger on the port', 'host stopped', 'host hung', 'host elsewhere', 'disk', 'host down', 'descriptors', 'memory of the machine', 'draining', 'model broken',
  'update failed', 'worker hung', 'front', 'model fails', 'queue full', 'memory of a worker', 'crashes', 'slow', 'proxy', 'pm2',
] as const
export type Cause = (typeof CAUSES)[number]

/** One line of the report. */
export interface Finding {
  check: Check
  level: Level
  /** What is so, in plain words. */
  text: string
  /** What to do about it. */
  advice?: string
  /** What a caller's 502 (or 503) could come from. */
  cause?: Cause
  /** For people only: lines that a model wrote, or a stack. */
  details?: string[]
}

/** 0: nothing is wrong; 1: something is; 2: nothing wrong was seen, but it could not look everywhere. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ level }) => level === 'wrong')) return 1
  return findings.some(({ level }) => level === 'unknown') ? 2 : 0
}
