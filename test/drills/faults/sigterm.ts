import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

export const sigterm: Drill = {
  name: 'sigterm',
  fault: 'SIGTERM of the host under load, with 20 predictions of 1.5 s accepted, half of them streams',
  criterion: 'every accepted one is answered, new ones are refused on a closed port or with 503; exit 0, nothing left',
  models: ['slow', 'echo'],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ config: { limits: { slow: { concurrency: 10 } } } })
    const load = await stage.load({ model: 'echo' })
    const accepted = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? askStream(host.url) : stage.ask('slow', { text: 'accepted', ms: 1_500 }).then(({ outcome }) => outcome)))
    await pause(300)
    await stage.inject(() => host.child.kill('SIGTERM'))
    const { code, signal } = await host.ended()
    stage.recoveredAt(performance.now())
    await stage.quiet()
    const outcomes = await Promise.all(accepted)
    stage.expect(outcomes.every((outcome) => outcome === '200'), `accepted predictions ended with ${[...new Set(outcomes)].join(', ')}`)
    stage.expect(code === 0, `it ended with ${String(code ?? signal)}`)
    const wrong = load.failed().filter(({ outcome }) => outcome !== 'refused' && !outcome.startsWith('503 '))
    stage.expect(wrong.length === 0, `${wrong.length} requests were neither answered nor refused: ${[...new Set(wrong.map(({ outcome }) => outcome))].join(', ')}`)
    await stage.end(host)
  },
}

async function askStream(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/slow/predict`, {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'text/event-stream' }, body: JSON.stringify({ text: 'accepted', ms: 1_500 }),
    })
    const text = await response.text()
    return text.includes('event: done') ? '200' : text.slice(-100)
  } catch (error) {
    return `a stream cut short (${error instanceof Error ? error.message : String(error)})`
  }
}
