#!/usr/bin/env node
// Starts the host in this very process, so that signals and the exit code are the host's own.
// Kept to syntax that old Node versions parse: they are the ones that must read the message below.
var NEEDED_MAJOR = 24
var EX_CONFIG = 78

if (parseInt(process.versions.node, 10) < NEEDED_MAJOR) {
  process.stderr.write(
    'Footlights needs Node ' + NEEDED_MAJOR + ' or newer, this is ' + process.versions.node +
    ': run `npm ci && npm start` (npm brings the right one along), or install Node ' + NEEDED_MAJOR + '.\n'
  )
  process.exitCode = EX_CONFIG
} else {
  keepCompiledCode().then(function () { return import('../server/main.ts') })
}

// Compiled code, types already stripped, is kept beside the installed packages: it halves the start and saves each process about 20 MB,
// since nothing loads the compiler. The workers inherit the variable. A folder that can't be written is no error, only no help.
function keepCompiledCode() {
  return Promise.all([import('node:module'), import('node:url')]).then(function (modules) {
    if (process.env.NODE_COMPILE_CACHE === undefined) {
      process.env.NODE_COMPILE_CACHE = modules[1].fileURLToPath(new URL('../node_modules/.cache/footlights', import.meta.url))
    }
    modules[0].enableCompileCache(process.env.NODE_COMPILE_CACHE)
  })
}
