import { parseArgs } from 'node:util'

export interface DoctorOptions {
  json: boolean
  /** A host other than the one that the settings describe; without a final slash. */
  url: string | undefined
  /** The public address of the same host, behind its proxy; without a final slash. */
  proxy: string | undefined
  /** Let models that sleep be woken by a prediction. */
  wake: boolean
  /** How long memory is watched. */
  seconds: number
  help: boolean
}

/** The command line is wrong; the message says how, in one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const MOST_SECONDS = 600

export const USAGE = `Usage: footlights doctor [options]

Looks at the host that the settings describe (PORT, HOST, FOOTLIGHTS_STATE, FOOTLIGHTS_CONFIG, FOOTLIGHTS_ADMIN_TOKEN), the way one would after a 502.

  --url=URL      look at the host at this address
  --proxy=URL    its public address: the proxy in front is looked at, too
  --wake         also ask models that are asleep
  --seconds=N    watch its memory for so long (default 3)
  --json         for machines
  --help         this text

Exit code 0: nothing is wrong; 1: something is; 2: nothing wrong was seen, but it could not look everywhere; 64: a wrong option.
`

/** @throws {UsageError} for an option that is not there, or a value that is none. */
export function parseOptions(args: readonly string[]): DoctorOptions {
  const { json = false, url, proxy, wake = false, seconds = '3', help = false } = valuesOf(args)
  const watched = Number(seconds)
  if (!(watched >= 0 && watched <= MOST_SECONDS)) throw new UsageError(`--seconds takes a number from 0 to ${MOST_SECONDS}, not ${JSON.stringify(seconds)}`)
  return { json, url: address('--url', url), proxy: address('--proxy', proxy), wake, seconds: watched, help }
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean' }, url: { type: 'string' }, proxy: { type: 'string' }, wake: { type: 'boolean' }, seconds: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function address(option: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new UsageError(`${option} takes an address such as http://127.0.0.1:7860, not ${JSON.stringify(value)}`)
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}
