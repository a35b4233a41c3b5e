/** Scales the idle time-outs of every HTTP server of the process down by FOOTLIGHTS_DRILL_SCALE, so that a race with them takes seconds. */
'use strict'
const http = require('node:http')
const { syncBuiltinESMExports } = require('node:module')

const scale = Number(process.env.FOOTLIGHTS_DRILL_SCALE ?? 1)
const { createServer } = http
http.createServer = (options, listener) => createServer({ ...options, keepAliveTimeout: Math.round(options.keepAliveTimeout / scale), keepAliveTimeoutBuffer: 0 }, listener)
syncBuiltinESMExports()
