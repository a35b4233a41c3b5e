/** What callers have open, or come back for, while a host is replaced: each begins before and ends after, and says what went wrong. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { Client } from '@gradio/client'

import { readEvents } from '../http/read-events.ts'
import { pause } from './stage.ts'

const GO_ON = fileURLToPath(new URL('../gradio/python/go_on.py', import.meta.url))
/** A call that is not told its end for so long is lost. */
const LOST_MS = 60_000
const STEPS = 40
const PAUSE_MS = 100
/** Well below the time that a stream waits for its client's next call. */
const BETWEEN_CALLS_MS = 30
const SHORT = { count: 3, pauseMs: 20 }

const counted = (count: number): string => Array.from({ length: count }, (_, index) => `${index + 1} `).join('')

/** Begun already; the function finishes it. @returns null when all is right. */
type Crossing = () => Promise<string | null>

/**
 * Reloads with calls open across it: some are finished while the old host still runs beside the new one, the others when it has gone.
 *
 * @param app The URL of the model `long-stream`.
 * @returns What went wrong.
 */
export async function reloadAcross(app: string, reload: () => Promise<unknown>): Promise<string[]> {
  const [beside, after] = [await beginCrossings(app), await beginCrossings(app)]
  const reloading = reload()
  // The old host has what began here for seconds yet.
  await newHost(new URL('/status', app))
  const failures = await finish(beside, 'beside the old host')
  await reloading
  return [...failures, ...(await finish(after, 'after the old host'))]
}

async function finish(crossings: Record<string, Crossing>, when: string): Promise<string[]> {
  const ends = await Promise.all(Object.entries(crossings).map(async ([what, end]) => ({ what, failure: await end().catch(describe) })))
  return ends.flatMap(({ what, failure }) => (failure === null ? [] : [`${what}, ${when}: ${failure}`]))
}

/** Resolves when a host answers that was started after this call. */
async function newHost(status: URL): Promise<void> {
  const since = performance.now()
  for (;;) {
    const { uptimeSeconds } = Object(await (await fetch(status, { headers: { accept: 'application/json', connection: 'close' } })).json())
    if (uptimeSeconds * 1000 < performance.now() - since) return
    await pause(20)
  }
}

async function beginCrossings(app: string): Promise<Record<string, Crossing>> {
  return {
    'an open stream': await openStream(app),
    'a broken stream': await brokenStream(app),
    'a prediction in the background': await inBackground(app, { count: STEPS, pauseMs: PAUSE_MS }),
    'a result not yet read': await inBackground(app, SHORT),
    "a call of Gradio's by plain HTTP": await plainCall(app, { count: STEPS, pauseMs: PAUSE_MS }),
    "a result of Gradio's not yet read": await plainCall(app, SHORT),
    "a stream of Gradio's client": await gradioStream(app),
  }
}

function begin(app: string, inputs: object, headers: Record<string, string>): Promise<Response> {
  return fetch(`${app}/predict`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(inputs) })
}

async function openStream(app: string): Promise<Crossing> {
  const response = await begin(app, { count: STEPS, pauseMs: PAUSE_MS }, { accept: 'text/event-stream' })
  const ending = followed(response)
  return () => ending
}

/** Reads to the end. */
async function followed(response: Response): Promise<string | null> {
  try {
    let latest: unknown
    for await (const { type, data } of readEvents(response)) {
      if (type === 'output') latest = data['text']
      if (type === 'error') return JSON.stringify(data)
      if (type === 'done') return latest === counted(STEPS) ? null : `it said ${String(latest)}`
    }
    return `${response.status}, and it had no end`
  } catch (error) {
    return describe(error)
  }
}

async function brokenStream(app: string): Promise<Crossing> {
  const response = await begin(app, { count: STEPS, pauseMs: PAUSE_MS }, { accept: 'text/event-stream' })
  const path = `${app}/predictions/${response.headers.get('x-prediction-id')}`
  let lastId = 0
  // Leaving the loop breaks the connection.
  for await (const { id, type } of readEvents(response)) {
    lastId = id
    if (type === 'output') break
  }
  return async () => followed(await fetch(path, { headers: { accept: 'text/event-stream', 'last-event-id': String(lastId) } }))
}

async function inBackground(app: string, inputs: { count: number; pauseMs: number }): Promise<Crossing> {
  const response = await begin(app, inputs, { prefer: 'respond-async' })
  await response.arrayBuffer()
  const path = new URL(response.headers.get('location') ?? '', app)
  return async () => {
    const deadline = performance.now() + LOST_MS
    for (;;) {
      const answer = await fetch(path)
      const view = await answer.text()
      if (answer.status !== 200) return `${answer.status} ${view}`
      const { state, outputs } = Object(JSON.parse(view))
      if (state === 'succeeded') return outputs.text === counted(inputs.count) ? null : `it said ${outputs.text}`
      if (state === 'failed' || state === 'cancelled' || performance.now() > deadline) return view
      await pause(50)
    }
  }
}

async function plainCall(app: string, { count, pauseMs }: { count: number; pauseMs: number }): Promise<Crossing> {
  const response = await fetch(`${app}/gradio_api/call/predict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data: [count, pauseMs] }) })
  const { event_id: id } = Object(await response.json())
  return async () => {
    const told = await (await fetch(`${app}/gradio_api/call/predict/${id}`)).text()
    return told.endsWith(`event: complete\ndata: ${JSON.stringify([counted(count)])}\n\n`) ? null : told.slice(-200)
  }
}

async function gradioStream(app: string): Promise<Crossing> {
  const client = await Client.connect(app)
  const job = predictOrLost(client, { count: STEPS, pauseMs: PAUSE_MS })
  // Its stream is open from the first output on.
  await pause(200)
  return async () => {
    const beside = predictOrLost(client, SHORT)
    return (await job) ?? (await beside) ?? (await predictOrLost(client, SHORT))
  }
}

async function predictOrLost(client: Client, { count, pauseMs }: { count: number; pauseMs: number }): Promise<string | null> {
  const late = new AbortController()
  const lost = pause(LOST_MS, late.signal).then(() => 'it was never told its end', () => null)
  try {
    const told = await Promise.race([client.predict('/predict', [count, pauseMs]), lost])
    if (told === null || typeof told === 'string') return told
    const [said]: unknown[] = Array.isArray(told.data) ? told.data : []
    return said === counted(count) ? null : `it said ${String(said)}`
  } catch (error) {
    return describe(error)
  } finally {
    late.abort()
  }
}

export interface Tally {
  right: number
  wrong: string[]
}

/** A client that goes on calling until it is stopped. */
export interface GoingOn {
  stop(): Promise<Tally>
}

/** Gradio's JavaScript client. @param atOnce How many calls it has under way at a time. */
export async function goOnInJavaScript(app: string, atOnce: number): Promise<GoingOn> {
  const client = await Client.connect(app)
  const tally: Tally = { right: 0, wrong: [] }
  let stopped = false
  const calling = (async (): Promise<void> => {
    while (!stopped) {
      for (const failure of await Promise.all(Array.from({ length: atOnce }, () => predictOrLost(client, SHORT)))) {
        if (failure === null) tally.right++
        else tally.wrong.push(failure)
      }
      await pause(BETWEEN_CALLS_MS)
    }
  })()
  return {
    stop: async () => {
      stopped = true
      await calling
      return tally
    },
  }
}

/** Gradio's Python client. @param python An interpreter that has it. */
export function goOnInPython(python: string, app: string): GoingOn {
  const child = spawn(python, [GO_ON, app], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, GRADIO_ANALYTICS_ENABLED: 'False', HF_HUB_OFFLINE: '1', PYTHONDONTWRITEBYTECODE: '1' } })
  const told = Promise.all([text(child.stdout), once(child, 'close')])
  return {
    stop: async () => {
      child.stdin.end()
      const late = setTimeout(() => child.kill('SIGKILL'), 2 * LOST_MS)
      const [output] = await told
      clearTimeout(late)
      try {
        return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')
      } catch {
        return { right: 0, wrong: [`it ended with ${child.exitCode ?? child.signalCode}: ${output}`] }
      }
    },
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : JSON.stringify(error)
}
