// Type-checks the pages. svelte-check needs the JavaScript API that TypeScript 6 was the last to have; everything else is checked by version 7.
import { createRequire, registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

registerHooks({
  resolve: (specifier, context, next) => next(specifier.replace(/^typescript(?=$|\/)/, 'js-typescript'), context),
})

const ui = fileURLToPath(new URL('../server/ui/', import.meta.url))
process.argv.push('--workspace', ui, '--tsconfig', 'tsconfig.json', '--fail-on-warnings', '--output', 'human')
createRequire(import.meta.url)('svelte-check/bin/svelte-check')
