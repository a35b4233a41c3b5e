#!/usr/bin/env node
// `footlights` starts the host in this very process, so that signals and the exit code are the host's own; `footlights doctor` looks what is wrong.
// Kept to syntax that old Node versions parse: they are the ones that must read the message below.
var NEEDED_MAJOR = 24
var EX_USAGE = 64
var EX_CONFIG = 78
var USAGE = [
  'Usage: footlights [command]',
  '',
  '  start      serve the models (what it does without a command)',
  '  doctor     say what is wrong with a host, and what to do; see `footlights doctor --help`',
  '',
  '  --help     this text',
  '  --version  the version',
  ''
].join('\n')
var COMMANDS = { start: '../server/main.ts', doctor: '../doctor/main.ts' }

var command = process.argv[2] === undefined ? 'start' : process.argv[2]
if (command === '--help' || command === '-h' || command === 'help') {
  process.stdout.write(USAGE)
} else if (command === '--version' || command === '-v') {
  printVersion()
} else if (!Object.prototype.hasOwnProperty.call(COMMANDS, command)) {
  process.stderr.write('footlights: there is no command ' + JSON.stringify(command) + '\n\n' + USAGE)
  process.exitCode = EX_USAGE
} else if (command === 'start' && process.argv.length > 3) {
  process.stderr.write('footlights: start takes no arguments; settings are variables and footlights.config.ts\n\n' + USAGE)
  process.exitCode = EX_USAGE
} else if (parseInt(process.versions.node, 10) < NEEDED_MAJOR) {
  process.stderr.write(
    'Footlights needs Node ' + NEEDED_MAJOR + ' or newer, this is ' + process.versions.node +
    ': run `npm ci && npm start` (npm brings the right one along), or install Node ' + NEEDED_MAJOR + '.\n'
  )
  process.exitCode = EX_CONFIG
} else {
  keepCompiledCode().then(function () { return import(COMMANDS[command]) })
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

function printVersion() {
  import('node:fs').then(function (fs) {
    process.stdout.write(JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version + '\n')
  })
}
