import type { LookupAddress } from 'node:dns'
import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'

/** Metadata and control addresses of clouds that lie in public ranges. Source: Azure, "What is IP address 168.63.129.16?". */
const CLOUD_ADDRESSES: ReadonlySet<string> = new Set(['168.63.129.16'])

const NAT64_PREFIX = ipaddr.IPv6.parse('64:ff9b::')
const NAT64_BITS = 96
/** All that IANA has given out as global unicast. Source: IANA, "Internet Protocol Version 6 Address Space". */
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::')
const GLOBAL_UNICAST_BITS = 3

/** Where a caller may send this host to fetch something. */
export interface NetworkPolicy {
  allowsAddress(address: string): boolean
  /** @param port As in a URL: empty for the protocol's own. */
  allowsPort(port: string): boolean
  /** All addresses of a host name. Fails when it has none. */
  resolve(hostname: string, signal: AbortSignal): Promise<LookupAddress[]>
}

/** Only what everybody can reach. */
export const PUBLIC_NETWORK: NetworkPolicy = {
  allowsAddress: isPublicAddress,
  // The web's own ports and those that need no privilege: no mail, no shells, no old service that HTTP could talk into something.
  allowsPort: (port) => port === '' || port === '80' || port === '443' || Number(port) >= 1_024,
  resolve: resolveByDns,
}

/** Everything that this host can reach, itself included. */
export const ANY_NETWORK: NetworkPolicy = {
  allowsAddress: () => true,
  allowsPort: () => true,
  // Knows the names of the machine and its network, too.
  resolve: (hostname) => lookup(hostname, { all: true }),
}

/** Asks the DNS itself: the system's resolver would hold one of the few threads that all file access goes through, for as long as a caller's name server likes. */
async function resolveByDns(hostname: string, signal: AbortSignal): Promise<LookupAddress[]> {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 })
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  signal.removeEventListener('abort', cancel)
  return [
    ...(v4.status === 'fulfilled' ? v4.value : []).map((address) => ({ address, family: 4 })),
    ...(v6.status === 'fulfilled' ? v6.value : []).map((address) => ({ address, family: 6 })),
  ]
}

/**
 * Whether an address belongs to some other machine on the public Internet: not loopback, private, link-local, shared, multicast, reserved or documentation,
 * nor an IPv6 form that leads to such an IPv4 address, nor one of this machine's own. What is not an address at all is not public.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false
  // An IPv4-mapped address is judged as the IPv4 address that it is.
  const parsed = ipaddr.process(address)
  return isPublic(parsed) && !CLOUD_ADDRESSES.has(parsed.toString()) && !isOwn(parsed)
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast'
  // A translator to IPv4 stands behind this prefix, for networks without IPv4 of their own.
  if (address.match(NAT64_PREFIX, NAT64_BITS)) return isPublicAddress(address.toByteArray().slice(12).join('.'))
  return address.range() === 'unicast' && address.match(GLOBAL_UNICAST, GLOBAL_UNICAST_BITS)
}

/** A service may trust what comes to the machine's public address from the machine itself. */
function isOwn(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  const text = address.toNormalizedString()
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some((own) => ipaddr.process(own.address.split('%', 1)[0] ?? '').toNormalizedString() === text))
}
