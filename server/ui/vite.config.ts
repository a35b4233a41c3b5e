import { readFileSync } from 'node:fs'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

import { bootScript, fontPreload, precompress } from './build-plugins.ts'

const { version }: { version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** Four pages, one entry each; everything else is named by its content and served below `/assets/ui/`. */
export default defineConfig({
  // The host puts the public prefix in front of what the pages name; the files find each other by their own address.
  base: './',
  define: { __VERSION__: JSON.stringify(version) },
  plugins: [svelte({ configFile: './svelte.config.js' }), bootScript('src/boot.js'), fontPreload(/source-sans-3-latin-wght-normal/), precompress()],
  build: {
    outDir: '../../dist/ui',
    emptyOutDir: true,
    assetsDir: '',
    // Nothing inline: the policy allows no `data:` fonts, and an inlined file cannot be cached.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // What the built files are made of besides our own, and under which terms.
    license: { fileName: 'third-party.md' },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: { index: 'index.html', model: 'model.html', status: 'status.html', 'not-found': 'not-found.html' },
    },
  },
})
