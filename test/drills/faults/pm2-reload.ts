import type { Drill } from '../drill.ts'
import { Pm2Host } from '../pm2-host.ts'
import { pause } from '../stage.ts'

const RELOADS = 10

export const pm2Reload: Drill = {
  name: 'pm2-reload',
  fault: `\`pm2 reload\` under load, ${RELOADS} times, each with a stream open across it`,
  criterion: '0 failed of all requests; every stream ends with `done`',
  models: ['slow', 'stream'],
  isQuick: false,
  async run(stage) {
    const host = await Pm2Host.start(stage.models)
    try {
      await stage.load({ model: 'slow', url: host.url, inputs: (index) => ({ text: `request ${index}`, ms: 5 }) })
      await stage.inject(async () => {
        for (let reload = 1; reload <= RELOADS; reload++) {
          const stream = openStream(host.url)
          await pause(200)
          await host.run('reload', 'footlights')
          const end = await stream
          stage.expect(end === 'done', `the stream across reload ${reload} ended with ${end}`)
        }
      })
      await stage.quiet()
      stage.expectNoneFailed()
    } finally {
      stage.leftBehind((await host.stop()).length)
    }
  },
}

async function openStream(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/stream/predict`, {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'text/event-stream' }, body: JSON.stringify({ count: 30, pauseMs: 100 }),
    })
    const text = await response.text()
    return text.includes('event: done') ? 'done' : `${response.status} ${text.slice(-200)}`
  } catch (error) {
    return error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error)
  }
}
