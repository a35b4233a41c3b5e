/** Moves the wall clock of the front by an hour, to and fro, with each SIGUSR2; no monotonic clock is touched. */
'use strict'
const { isMainThread } = require('node:worker_threads')

const HOUR_MS = 3_600_000

if (isMainThread && (process.argv[1] ?? '').endsWith('footlights.mjs')) {
  const RealDate = Date
  let shiftMs = 0
  globalThis.Date = class Date extends RealDate {
    constructor(...given) {
      if (given.length === 0) super(RealDate.now() + shiftMs)
      else super(...given)
    }

    static now() {
      return RealDate.now() + shiftMs
    }
  }
  process.on('SIGUSR2', () => {
    shiftMs = shiftMs === HOUR_MS ? -HOUR_MS : HOUR_MS
  })
}
