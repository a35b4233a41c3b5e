import { lookup } from 'node:dns/promises'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { endianness } from 'node:os'
import ipaddr from 'ipaddr.js'

/** Processes and holders of ports are found through /proc; elsewhere every question here is answered with null or none. */
export const CAN_FIND_PROCESSES = process.platform === 'linux'

const TCP_LISTEN = '0A'
const MAX_COMMAND_LENGTH = 200

/** Who listens on a port. Both null when the process belongs to someone whose processes we may not see. */
export interface PortHolder {
  pid: number | null
  command: string | null
}

/** Whether a port can be listened on now. An error other than "in use" is left to the one who listens in earnest. */
export async function isPortFree(port: number, host: string): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/**
 * Who listens on a TCP port so that `host` cannot; the one that runs longest when several share the socket. Null: nobody, or the platform does not tell.
 *
 * @param host As given to `listen`: an address or a name.
 */
export async function findPortHolder(port: number, host: string): Promise<PortHolder | null> {
  return (await findPortHolders(port, host))[0] ?? null
}

/** Everyone who holds the port's socket, the one that runs longest first: a child can inherit its parent's. Sockets whose processes we may not see come last, as one. */
export async function findPortHolders(port: number, host: string): Promise<PortHolder[]> {
  if (!CAN_FIND_PROCESSES) return []
  const wanted = (await lookup(host, { all: true })).map(({ address }) => addressBytes(ipaddr.process(address).toByteArray()))
  const inodes = new Set(listeningSockets(port).filter(({ address }) => wanted.some((one) => isConflict(one, address))).map(({ inode }) => inode))
  if (inodes.size === 0) return []
  const { pids, unseen } = ownersOf(inodes)
  const holders: PortHolder[] = pids.map((pid) => ({ pid, command: commandOf(pid) }))
  return unseen ? [...holders, { pid: null, command: null }] : holders
}

/**
 * When a process was started, as a text that no other process of any boot shares. Null when there is none of this pid, or only its unburied rest, or the platform does not tell.
 * Source: proc_pid_stat(5), field 22, in clock ticks since boot.
 */
export function processStartTime(pid: number): string | null {
  const stat = readStat(pid)
  return stat === null ? null : `${bootId()}:${stat.startTicks}`
}

/** Whether `pid` still is the process that was started then. Never true without proof. */
export function isSameProcess(pid: number, startTime: string | null): boolean {
  return startTime !== null && processStartTime(pid) === startTime
}

/** Its parent's pid; it changes only when the parent dies. Null when the process is gone or the platform does not tell. */
export function parentOf(pid: number): number | null {
  return readStat(pid)?.parentPid ?? null
}

/** The command line of a process, in one line of at most 200 characters; null when it is gone or not ours to see. */
export function commandOf(pid: number): string | null {
  const text = readProc(`${pid}/cmdline`)
  if (text === null) return null
  // A process without a command line (its rest, or a thread of the kernel) has a name at least.
  const command = text === '' ? readProc(`${pid}/comm`) ?? '' : text
  return command.replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, MAX_COMMAND_LENGTH) || null
}

interface ProcessStat {
  parentPid: number
  startTicks: string
}

function readStat(pid: number): ProcessStat | null {
  if (!Number.isInteger(pid) || pid <= 0) return null
  const text = readProc(`${pid}/stat`)
  if (text === null) return null
  // The name in brackets may hold spaces and brackets: fields are counted from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, parentPid, startTicks] = [fields[0], fields[1], fields[19]]
  if (state === 'Z' || state === 'X' || parentPid === undefined || startTicks === undefined) return null
  return { parentPid: Number(parentPid), startTicks }
}

let cachedBootId: string | undefined

function bootId(): string {
  cachedBootId ??= readProc('sys/kernel/random/boot_id')?.trim() ?? ''
  return cachedBootId
}

function readProc(path: string): string | null {
  if (!CAN_FIND_PROCESSES) return null
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    // Gone, or not ours to see: the same to every caller.
    return null
  }
}

interface ListeningSocket {
  /** 4 or 16 bytes in hexadecimal. */
  address: string
  inode: string
}

/** Source: proc_net_tcp, Documentation/networking/proc_net_tcp.rst in the Linux kernel. */
function listeningSockets(port: number): ListeningSocket[] {
  const found: ListeningSocket[] = []
  for (const line of `${readProc('net/tcp') ?? ''}\n${readProc('net/tcp6') ?? ''}`.split('\n')) {
    const fields = line.trim().split(/\s+/)
    const [local, state, inode] = [fields[1], fields[3], fields[9]]
    if (local === undefined || inode === undefined || state !== TCP_LISTEN) continue
    const [words = '', portHex = ''] = local.split(':')
    if (Number.parseInt(portHex, 16) === port) found.push({ address: socketAddress(words), inode })
  }
  return found
}

/** The kernel prints the address as 32-bit words in the byte order of the machine. */
function socketAddress(words: string): string {
  const bytes = Buffer.from(words, 'hex')
  if (endianness() === 'LE') bytes.swap32()
  return addressBytes([...bytes])
}

function addressBytes(bytes: readonly number[]): string {
  const hex = Buffer.from(bytes).toString('hex')
  const mapped = /^0{20}ffff(.{8})$/.exec(hex)
  return mapped?.[1] ?? hex
}

const ANY_IPV4 = '0'.repeat(8)
const ANY_IPV6 = '0'.repeat(32)

/** An IPv6 wildcard also takes IPv4, unless a socket option forbids it that cannot be seen from here. */
function isConflict(wanted: string, held: string): boolean {
  if (wanted === held || wanted === ANY_IPV6 || held === ANY_IPV6) return true
  return (wanted === ANY_IPV4 || held === ANY_IPV4) && wanted.length === held.length
}

function ownersOf(inodes: ReadonlySet<string>): { pids: number[]; unseen: boolean } {
  const unowned = new Set(inodes)
  const owners: { pid: number; startTicks: number }[] = []
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid)) continue
    const held = socketsOf(pid).filter((inode) => inodes.has(inode))
    for (const inode of held) unowned.delete(inode)
    if (held.length > 0) owners.push({ pid, startTicks: Number(readStat(pid)?.startTicks ?? Infinity) })
  }
  owners.sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)
  return { pids: owners.map(({ pid }) => pid), unseen: unowned.size > 0 }
}

function socketsOf(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/fd`
    return readdirSync(folder).flatMap((fd) => socketInode(`${folder}/${fd}`))
  } catch {
    // Gone, or not ours to see.
    return []
  }
}

function socketInode(path: string): string[] {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1]
    return inode === undefined ? [] : [inode]
  } catch {
    // Closed meanwhile.
    return []
  }
}
