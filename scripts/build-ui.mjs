// Builds the pages into dist/ui, after every `npm ci`. Without the development packages, or where the bundler has no binary, the host runs
// with its plain pages: that is said here and is no failure. A build that starts and fails is one.
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

const startedAt = performance.now()
const vite = await import('vite').catch((/** @type {Error} */ error) => error)

if (vite instanceof Error) {
  process.stderr.write(`The pages are not built (${vite.message.split('\n', 1)[0]}). The host runs with plain ones.\n`)
} else {
  const root = fileURLToPath(new URL('../server/ui/', import.meta.url))
  await vite.build({ root, logLevel: 'warn' })
  process.stdout.write(`Built the pages in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s.\n`)
}
