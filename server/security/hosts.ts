/** Which `Host` headers are served: a page on a name that someone points at this machine must not reach it (DNS rebinding). */
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

import { RequestError } from '../../workers/errors.ts'
import type { Config } from '../config.ts'

const MAX_KNOWN_HOSTS = 1_000

/**
 * Checks the `Host` header itself, never a forwarded one: whoever can rebind a name can also send `X-Forwarded-Host`.
 *
 * @returns A check that throws `MALFORMED_BODY` without a `Host`, `WRONG_HOST` for one that is not served.
 */
export function createHostCheck(allowedHosts: Config['allowedHosts']): (req: IncomingMessage) => void {
  const isServed = createHostRule(allowedHosts)
  return (req) => {
    if (isServed(req)) return
    if (hostOf(req) === '') throw new RequestError('MALFORMED_BODY', 'The request has no Host header.')
    throw new RequestError('WRONG_HOST', 'This host name is not served here. The setting allowedHosts lists those that are.')
  }
}

/** Whether the request may come in by its `Host` header. */
export function createHostRule(allowedHosts: Config['allowedHosts']): (req: IncomingMessage) => boolean {
  const isAllowed = hostRule(allowedHosts)
  // Names repeat; parsing them for every request would be waste. Bounded, since callers choose them.
  const known = new Map<string, boolean>()
  return (req) => {
    const host = hostOf(req)
    // HTTP/1.0 has no Host header; nothing but a tool speaks it, and no browser.
    if (host === '') return req.httpVersion === '1.0'
    const remembered = known.get(host)
    const allowed = remembered ?? isAllowed(hostName(host))
    if (remembered === undefined && known.size < MAX_KNOWN_HOSTS) known.set(host, allowed)
    return allowed
  }
}

function hostOf({ headers: { host = '' } }: IncomingMessage): string {
  return host
}

function hostRule(allowedHosts: Config['allowedHosts']): (name: string) => boolean {
  if (allowedHosts === 'any') return () => true
  if (allowedHosts === 'loopback') return isLoopbackName
  const names = new Set(allowedHosts.map(hostName))
  return (name) => names.has(name)
}

/** `localhost` and names below it, 127.0.0.0/8 and ::1. Without port and brackets. */
function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isLoopbackAddress(name)
}

export function isLoopbackAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  return ipaddr.process(address).range() === 'loopback'
}

/** A host without port, brackets, final dot and capitals. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host)
  if (bracketed?.[1] !== undefined) return bracketed[1].toLowerCase()
  const colon = host.indexOf(':')
  const name = colon === -1 ? host : host.slice(0, colon)
  return name.toLowerCase().replace(/\.$/, '')
}
