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
  import('../server/main.ts')
}
