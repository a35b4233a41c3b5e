/** Blocks the main thread of a worker process for good when it gets SIGUSR2; no code of a model could. */
'use strict'
const { isMainThread } = require('node:worker_threads')

if (isMainThread && (process.argv[1] ?? '').endsWith('process-entry.ts')) {
  process.on('SIGUSR2', () => {
    for (;;) Math.random()
  })
}
