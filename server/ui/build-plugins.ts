/** What the build of the pages does beyond Vite: the script that runs before the first paint, the font's preload, and files compressed once. */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { minify, type Plugin } from 'vite'

/** Smaller answers fit into one packet either way. */
const MIN_COMPRESSED_BYTES = 500
/** The best quality takes seconds for large files, which few pages load. */
const LARGE_BYTES = 150_000
const COMPRESSIBLE = /\.(?:js|css|svg|json)$/

/** A classic script in the head: it sets the chosen theme before anything is painted, which no module can. */
export function bootScript(file: string): Plugin {
  let name = ''
  return {
    name: 'boot-script',
    apply: 'build',
    async buildStart() {
      const { code } = await minify('boot.js', await readFile(new URL(file, import.meta.url), 'utf8'), { module: false })
      name = `boot-${createHash('sha256').update(code).digest('hex').slice(0, 8)}.js`
      this.emitFile({ type: 'asset', fileName: name, source: code })
    },
    transformIndexHtml: { order: 'post', handler: () => [{ tag: 'script', attrs: { src: `./${name}` }, injectTo: 'head-prepend' }] },
  }
}

/** Asks for the font beside the style sheet, not after it; its licence goes along with it. */
export function fontPreload(pattern: RegExp): Plugin {
  return {
    name: 'font-preload',
    apply: 'build',
    async buildStart() {
      const licence = await readFile(new URL(import.meta.resolve('@fontsource-variable/source-sans-3/LICENSE')))
      this.emitFile({ type: 'asset', fileName: 'source-sans-3-licence.txt', source: licence })
    },
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        const font = Object.keys(bundle ?? {}).find((name) => pattern.test(name) && name.endsWith('.woff2'))
        if (font === undefined) return []
        return [{ tag: 'link', attrs: { rel: 'preload', as: 'font', type: 'font/woff2', crossorigin: true, href: `./${font}` }, injectTo: 'head' }]
      },
    },
  }
}

/** Writes `.br` and `.gz` beside every file that gains from it, so that the host never compresses. */
export function precompress(): Plugin {
  let folder = ''
  return {
    name: 'precompress',
    apply: 'build',
    configResolved: (config) => {
      folder = join(config.root, config.build.outDir)
    },
    async closeBundle() {
      const names = (await readdir(folder)).filter((name) => COMPRESSIBLE.test(name))
      await Promise.all(names.map((name) => compress(join(folder, name))))
    },
  }
}

async function compress(path: string): Promise<void> {
  const plain = await readFile(path)
  if (plain.length < MIN_COMPRESSED_BYTES) return
  const brotli = promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length, [constants.BROTLI_PARAM_QUALITY]: plain.length > LARGE_BYTES ? 9 : 11 } })
  const zipped = promisify(gzip)(plain, { level: 9 })
  await Promise.all([writeFile(`${path}.br`, await brotli), writeFile(`${path}.gz`, await zipped)])
}
