/**
 * Loaded by Node before the host, and before its workers: takes layers out of the real host, so that what each costs can be told. FOOTLIGHTS_BENCH_WITHOUT names them:
 * - metrics: nothing is counted
 * - threads: the worker process answers by itself; no thread, no model's code
 * - processes: the front answers by itself, through all of its own parts
 */
import { registerHooks } from 'node:module'

const REPLACEMENTS = [
  { layer: 'metrics', module: '/server/metrics.ts', by: './no-metrics.ts' },
  { layer: 'threads', module: '/workers/process-entry.ts', by: './threadless-worker.ts' },
  { layer: 'processes', module: '/workers/spawn-worker.ts', by: './worker-in-front.ts' },
]

const without = (process.env['FOOTLIGHTS_BENCH_WITHOUT'] ?? '').split(',')
const replacements = REPLACEMENTS.filter(({ layer }) => without.includes(layer))

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    // What stands in a module's place may be made from it.
    if (context.parentURL?.includes('/test/bench/layers/') === true) return resolved
    const replacement = replacements.find(({ module }) => resolved.url.endsWith(module))
    return replacement === undefined ? resolved : { ...resolved, url: new URL(replacement.by, import.meta.url).href }
  },
})
