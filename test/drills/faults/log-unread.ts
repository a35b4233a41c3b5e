import type { Drill } from '../drill.ts'
import { pause } from '../stage.ts'

const UNREAD_MS = 8_000
const FRONT_GROWTH_MB = 60

export const logUnread: Drill = {
  name: 'log-unread',
  fault: `whoever reads the host's log stands still for ${UNREAD_MS / 1000} s, while a model writes 5 MB/s and more`,
  criterion: `0 failed, no gap; the front grows by at most ${FRONT_GROWTH_MB} MB; when the log is read again it says how much was dropped`,
  models: ['floods', 'echo'],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost()
    const load = await stage.load({ model: 'echo' })
    await stage.inject(async () => {
      host.child.stdout?.pause()
      const until = performance.now() + UNREAD_MS
      while (performance.now() < until) {
        await stage.ask('floods', { megabytes: 10, how: 'long lines' })
        await stage.ask('floods', { megabytes: 10, how: 'lines' })
        await pause(300)
      }
      stage.expectFrontBelow(FRONT_GROWTH_MB)
      host.child.stdout?.resume()
    })
    // Whatever the host says next makes it tell.
    await stage.ask('floods', { megabytes: 1 })
    const told = await host.logged(({ message }) => message.includes('dropped'))
    stage.note(`${told.message}: ${Math.round(Number(told.fields['dropped']) / 1024 / 1024)} MB`)
    await stage.quiet()
    stage.expectNoneFailed()
    stage.within('the longest gap', load.longestGapMs(), 1_000)
  },
}
