/** The proxy in front, asked from outside: does it find the host, and does it let through what the host can do? */
import { type Answer, ask, bodyOf, type Place } from '../ask.ts'
import type { Finding } from '../finding.ts'
import { type HostStatus, liveSchema, problemSchema, statusSchema } from '../host-says.ts'
import { inMemory, inTime } from '../words.ts'
import type { Asked } from './prediction.ts'

const TRIES = 5
const MEBIBYTE = 1024 * 1024
/** Bodies larger than this are not worth the time on a public line. */
const MOST_BODY_BYTES = 16 * MEBIBYTE
const BODY_WITHIN_MS = 30_000
const STREAM_WITHIN_MS = 60_000
/** A stream that lasts shorter than this tells nothing about buffering. */
const TELLING_SECONDS = 0.3
/** Two looks at one host differ by this much at most, in its uptime. */
const SAME_HOST_SECONDS = 15

/** Read time-outs of services that one can not set there, or whose default is known. */
const KNOWN_LIMITS: readonly { header: string; value: RegExp; name: string; seconds: number }[] = [
  { header: 'cf-ray', value: /./, name: 'Cloudflare', seconds: 100 },
  { header: 'server', value: /cloudflare/i, name: 'Cloudflare', seconds: 100 },
  { header: 'server', value: /^(?:vegur|Heroku)/i, name: 'Heroku', seconds: 30 },
  { header: 'via', value: /vegur/i, name: 'Heroku', seconds: 30 },
  { header: 'server', value: /nginx|openresty/i, name: 'nginx (unless its proxy_read_timeout says otherwise)', seconds: 60 },
]

export interface ProxyFacts {
  url: string
  /** The same question several times. */
  answers: Answer[]
  /** Through the proxy, and straight at about the same time; null when one could not be read. */
  status: { through: HostStatus; direct: HostStatus } | null
  stream: { through: Answer; direct: Answer } | null
  body: { bytes: number; answer: Answer } | null
  /** The longest that a prediction may take. */
  longestMs: number
}

export interface ProxySettings {
  host: Place
  proxy: Place
  /** A model that can be asked, for a stream; null when there is none. */
  asked: Asked | null
  maxBodyMb: number
  longestMs: number
}

export async function lookAtProxy({ host, proxy, asked, maxBodyMb, longestMs }: ProxySettings): Promise<ProxyFacts> {
  const answers: Answer[] = []
  for (let tried = 0; tried < TRIES; tried++) answers.push(await ask(proxy, '/health/live'))
  const facts: ProxyFacts = { url: proxy.url, answers, status: null, stream: null, body: null, longestMs }
  if (!answers.some(isLive)) return facts
  const [through, direct] = (await Promise.all([proxy, host].map((place) => ask(place, '/status')))).map((answer) => bodyOf(answer, statusSchema))
  if (through != null && direct != null) facts.status = { through, direct }
  if (asked?.inputs != null) facts.stream = { direct: await askStream(host, asked), through: await askStream(proxy, asked) }
  if (asked !== null) {
    const bytes = Math.min(Math.floor(maxBodyMb * MEBIBYTE * 0.9), MOST_BODY_BYTES)
    facts.body = { bytes, answer: await askWithBody(proxy, asked.model, bytes) }
  }
  return facts
}

function askStream(place: Place, { model, inputs }: Asked): Promise<Answer> {
  return ask(place, `/${model}/predict`, { method: 'POST', body: JSON.stringify(inputs), withinMs: STREAM_WITHIN_MS, headers: { accept: 'text/event-stream', 'content-type': 'application/json' } })
}

/** No JSON, so that the host refuses it and no model runs. */
function askWithBody(place: Place, model: string, bytes: number): Promise<Answer> {
  return ask(place, `/${model}/predict`, { method: 'POST', body: ' '.repeat(bytes - 1) + '!', withinMs: BODY_WITHIN_MS, headers: { 'content-type': 'application/json' } })
}

function isLive(answer: Answer): boolean {
  return answer.kind === 'answer' && answer.status === 200 && bodyOf(answer, liveSchema) !== null
}

export function judgeProxy(facts: ProxyFacts): Finding[] {
  const { answers, url } = facts
  const failed = answers.filter((answer) => !isLive(answer))
  const first = failed[0]
  if (first !== undefined) {
    const often = failed.length === answers.length ? '' : `${failed.length} of ${answers.length} times `
    const reach = reachFinding(first, `${url}/health/live ${often}`)
    if (failed.length === answers.length) return [reach]
    return [reach, ...judgePassed(facts)]
  }
  const slowest = Math.max(...answers.map(({ seconds }) => seconds))
  return [{ check: 'proxy', level: 'ok', text: `${url} lets through to the host, at most ${inTime(slowest)} for an answer` }, ...judgePassed(facts)]
}

function judgePassed(facts: ProxyFacts): Finding[] {
  return [...judgeSameHost(facts), ...judgeStream(facts), ...judgeBody(facts), ...judgeTime(facts)]
}

function reachFinding(answer: Answer, what: string): Finding {
  const wrong = (text: string, advice: string): Finding => ({ check: 'proxy', level: 'wrong', cause: 'proxy', text, advice })
  if (answer.kind === 'silence') return wrong(`asked for ${what}the proxy ${answer.why}`, 'look whether it runs, and at its log')
  const { status, headers } = answer
  const server = headers.get('server') ?? 'its server header is missing'
  const said = `the proxy (${server}) answers ${what}with ${status}`
  if (status === 502 || status === 503) {
    if (bodyOf(answer, problemSchema) !== null) return wrong(said, 'this is the host’s own answer: see above')
    return wrong(`${said}: it does not find the host, though that answers here`, 'compare the address and port in its configuration with the host’s; it must be able to reach HOST (127.0.0.1 is for its own machine or container only)')
  }
  if (status === 504) return wrong(`${said}: it waits at a place where nobody answers`, 'compare the address in its configuration with the host’s; look at a firewall between')
  if (status === 421) return wrong(`${said}: the host refuses the public name`, 'add it to allowedHosts in footlights.config.ts')
  if (status === 404) return wrong(`${said}: the path is not the host’s`, 'a prefix must be taken off by the proxy, and named as rootPath in footlights.config.ts')
  if (status >= 300 && status < 400) return wrong(`${said} to ${headers.get('location') ?? 'nowhere'}`, 'give --proxy the address that it ends at')
  return wrong(`${said}, and not what the host says`, 'the proxy leads elsewhere, or wants a login: look at its configuration')
}

function judgeSameHost({ status }: ProxyFacts): Finding[] {
  if (status === null) return []
  const { through, direct } = status
  if (through.version === direct.version && Math.abs(through.uptimeSeconds - direct.uptimeSeconds) < SAME_HOST_SECONDS) return []
  return [{
    check: 'proxy', level: 'wrong', cause: 'proxy', text: `behind it is another host: up for ${inTime(through.uptimeSeconds)}, this one for ${inTime(direct.uptimeSeconds)}`,
    advice: 'an old host still runs, or the proxy has another address: compare the two',
  }]
}

function judgeStream({ stream }: ProxyFacts): Finding[] {
  if (stream === null) return []
  const { through, direct } = stream
  if (direct.kind !== 'answer' || direct.status !== 200) return []
  if (through.kind === 'silence' || through.status !== 200) {
    const how = through.kind === 'silence' ? `it ${through.why}` : `it answers ${through.status}`
    return [{ check: 'proxy', level: 'wrong', cause: 'proxy', text: `a stream of events does not pass through it: ${how}`, advice: 'let text/event-stream pass, and POST' }]
  }
  const spread = direct.seconds - direct.firstSeconds
  if (spread < TELLING_SECONDS) return [{ check: 'proxy', level: 'ok', text: `streams pass; whether it holds them back can not be told from one that takes ${inTime(direct.seconds)}` }]
  if (through.seconds - through.firstSeconds > spread / 2) return [{ check: 'proxy', level: 'ok', text: `streams pass as they come: the first event after ${inTime(through.firstSeconds)} of ${inTime(through.seconds)}` }]
  return [{
    check: 'proxy', level: 'wrong', cause: 'proxy', text: `it holds streams back: the first event comes after ${inTime(through.firstSeconds)} of ${inTime(through.seconds)}, straight after ${inTime(direct.firstSeconds)}`,
    advice: 'turn response buffering off for the host (nginx: `proxy_buffering off`, or do not ignore X-Accel-Buffering), and compression of text/event-stream',
  }]
}

function judgeBody({ body }: ProxyFacts): Finding[] {
  if (body === null) return []
  const { bytes, answer } = body
  const reached = bodyOf(answer, problemSchema) !== null
  if (reached) return [{ check: 'proxy', level: 'ok', text: `bodies of ${inMemory(bytes)} pass` }]
  const how = answer.kind === 'silence' ? `it ${answer.why}` : `it answers ${answer.status}`
  return [{
    check: 'proxy', level: 'warning', cause: 'proxy', text: `a body of ${inMemory(bytes)}, which the host takes, does not pass: ${how}`,
    advice: 'raise its limit (nginx: `client_max_body_size`) to maxUploadMb of the host',
  }]
}

function judgeTime({ answers, longestMs }: ProxyFacts): Finding[] {
  const heard = answers.find((answer) => answer.kind === 'answer')
  if (heard === undefined) return []
  const limit = KNOWN_LIMITS.find(({ header, value }) => value.test(heard.headers.get(header) ?? ''))
  if (limit === undefined) {
    return [{ check: 'proxy', level: 'ok', text: `it does not tell its read time-out; that must be above ${inTime(longestMs / 1000)}, which a prediction may take` }]
  }
  if (limit.seconds * 1000 > longestMs) return []
  return [{
    check: 'proxy', level: 'warning', cause: 'proxy', text: `${limit.name} gives up after ${limit.seconds} s, a prediction may take ${inTime(longestMs / 1000)}`,
    advice: 'raise it there, lower timeoutMs and holdMs, or let callers use events or `Prefer: respond-async`, which answer at once',
  }]
}
