import { pythonVenv } from '../../helpers/python-venv.ts'
import { type GoingOn, goOnInJavaScript, goOnInPython, reloadAcross } from '../across-reload.ts'
import type { Drill } from '../drill.ts'
import { Pm2Host } from '../pm2-host.ts'
import type { Stage } from '../stage.ts'

const RELOADS = 10

export const pm2Reload: Drill = {
  name: 'pm2-reload',
  fault: `\`pm2 reload\` under load, ${RELOADS} times, each with streams, Gradio sessions and predictions in the background open across it`,
  criterion: '0 failed of all requests: every stream ends well, also one that broke before and is taken up after; every result is there; Gradio\'s clients go on calling and lose no call',
  models: ['slow', 'long-stream'],
  isQuick: false,
  async run(stage) {
    const host = await Pm2Host.start(stage.models)
    try {
      const app = `${host.url}/long-stream`
      await stage.load({ model: 'slow', url: host.url, inputs: (index) => ({ text: `request ${index}`, ms: 5 }) })
      const clients = await startClients(stage, app)
      await stage.inject(async () => {
        for (let reload = 1; reload <= RELOADS; reload++) await reloadOnce(stage, host, app, reload)
      })
      await stopClients(stage, clients)
      await stage.quiet()
      stage.expectNoneFailed()
    } finally {
      stage.leftBehind((await host.stop()).length)
    }
  },
}

async function reloadOnce(stage: Stage, host: Pm2Host, app: string, reload: number): Promise<void> {
  for (const failure of await reloadAcross(app, () => host.run('reload', 'footlights'))) stage.expect(false, `reload ${reload}: ${failure}`)
}

async function startClients(stage: Stage, app: string): Promise<Record<string, GoingOn>> {
  const clients: Record<string, GoingOn> = {
    "Gradio's JavaScript client, one call after the other": await goOnInJavaScript(app, 1),
    "Gradio's JavaScript client, four at once": await goOnInJavaScript(app, 4),
  }
  const venv = await pythonVenv()
  if (venv.python === undefined) stage.note(`without Gradio's Python client: ${venv.skip}`)
  else clients["Gradio's Python client"] = goOnInPython(venv.python, app)
  return clients
}

async function stopClients(stage: Stage, clients: Record<string, GoingOn>): Promise<void> {
  for (const [client, { right, wrong }] of await Promise.all(Object.entries(clients).map(async ([name, going]) => [name, await going.stop()] as const))) {
    stage.note(`${client}: ${right} calls`)
    stage.expect(right > 0 && wrong.length === 0, `${client}: ${wrong.length} of ${right + wrong.length} calls failed: ${[...new Set(wrong)].slice(0, 3).join('; ')}`)
  }
}
