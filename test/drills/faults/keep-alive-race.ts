import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

const PRELOAD = fileURLToPath(new URL('../preload/scale-idle.cjs', import.meta.url))
/** A usual proxy lets a connection to its upstream idle for so long, and uses it again up to the last moment. */
const PROXY_IDLE_MS = 60_000
const CONNECTIONS = 100
const ROUNDS = 4
const SCALE = 30

export const keepAliveRace: Drill = {
  name: 'keep-alive-race',
  fault: `${CONNECTIONS} connections of a proxy used again right at its idle time-out of 60 s (time-outs divided by ${SCALE}; in full with \`--full-length\`)`,
  criterion: '0 resets',
  models: ['echo'],
  isQuick: false,
  async run(stage) {
    const scale = stage.settings.fullLength ? 1 : SCALE
    const host = await stage.startHost({ env: { NODE_OPTIONS: `--require ${PRELOAD}`, FOOTLIGHTS_DRILL_SCALE: String(scale) } })
    await stage.load({ model: 'echo' })
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => Upstream.open(host.port)))
    await stage.inject(async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const outcomes = await Promise.all(connections.map((connection) => connection.ask()))
        for (const outcome of outcomes) stage.answered(outcome)
        stage.expect(outcomes.every((outcome) => outcome === '200'), `round ${round}: ${outcomes.filter((outcome) => outcome !== '200').length} of ${CONNECTIONS} were reset`)
        await pause(PROXY_IDLE_MS / scale)
      }
    })
    for (const connection of connections) connection.close()
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

/** One kept connection, as raw as a proxy's: no client library that would quietly connect again. */
class Upstream {
  readonly #socket: Socket
  #waiting: ((outcome: string) => void) | null = null
  #text = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text
      // The body of a health answer is one object in one line.
      if (this.#text.endsWith('}')) this.#tell(/^HTTP\/1\.1 (\d+)/.exec(this.#text)?.[1] ?? 'no status')
    })
    socket.on('error', () => this.#tell('reset'))
    socket.on('close', () => this.#tell('reset'))
  }

  static open(port: number): Promise<Upstream> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Upstream(socket)))
      socket.once('error', reject)
    })
  }

  ask(): Promise<string> {
    if (this.#socket.destroyed || this.#socket.readableEnded) return Promise.resolve('reset')
    return new Promise((resolve) => {
      this.#text = ''
      this.#waiting = resolve
      this.#socket.write('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #tell(outcome: string): void {
    this.#waiting?.(outcome)
    this.#waiting = null
  }
}
