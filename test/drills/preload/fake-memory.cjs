/** Has the front read the machine's memory from the file that FOOTLIGHTS_DRILL_MEMINFO names, and see no control group. */
'use strict'
const fs = require('node:fs')
const { syncBuiltinESMExports } = require('node:module')
const { isMainThread } = require('node:worker_threads')

if (isMainThread && (process.argv[1] ?? '').endsWith('footlights.mjs')) {
  const { readFileSync } = fs
  fs.readFileSync = (path, ...options) => {
    if (path === '/proc/meminfo') return readFileSync(process.env.FOOTLIGHTS_DRILL_MEMINFO, ...options)
    if (path === '/proc/self/cgroup') return ''
    return readFileSync(path, ...options)
  }
  syncBuiltinESMExports()
}
