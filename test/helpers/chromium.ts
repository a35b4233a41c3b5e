/** A Chromium that comes as an npm package, unpacked once under `node_modules/.cache`, with the system libraries and the fonts it needs on a bare machine. */
import { execFile } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createBrotliDecompress } from 'node:zlib'

const PACKAGE = fileURLToPath(new URL('../../node_modules/@sparticuz/chromium/', import.meta.url))
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/footlights-chromium/', import.meta.url))

export interface Chromium {
  executablePath: string
  /** For the browser's process. */
  env: Record<string, string>
}

/** Unpacks it when that was not done before. Linux only: elsewhere the package holds nothing that would start. */
export async function unpackChromium(): Promise<Chromium> {
  const { version }: { version: string } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8'))
  const folder = join(CACHE, `${version}-${process.arch}`)
  if (!(await isThere(folder))) await unpackTo(folder)
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[0] !== 'NODE_OPTIONS')
  const libraries = [join(folder, 'lib'), process.env['LD_LIBRARY_PATH']].filter((path) => path !== undefined).join(':')
  return {
    executablePath: join(folder, 'chromium'),
    env: { ...Object.fromEntries(inherited), LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: join(folder, 'fonts.conf'), TZ: 'UTC' },
  }
}

/** Beside its place and then moved there, so that two test files at once leave nothing half done. */
async function unpackTo(folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  const draft = await mkdtemp(join(CACHE, 'draft-'))
  try {
    const bin = join(PACKAGE, 'bin')
    const executable = join(draft, 'chromium')
    await Promise.all([
      pipeline(createReadStream(join(bin, 'chromium.br')), createBrotliDecompress(), createWriteStream(executable)),
      unpackTar(join(bin, 'al2023.tar.br'), draft),
      unpackTar(join(bin, 'fonts.tar.br'), draft),
    ])
    await chmod(executable, 0o755)
    await writeFile(join(draft, 'fonts.conf'), fontsConf(folder))
    await rename(draft, folder).catch(async (error: unknown) => {
      if (!(await isThere(folder))) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function unpackTar(archive: string, folder: string): Promise<void> {
  const tarFile = join(folder, `${basename(archive)}.tar`)
  await pipeline(createReadStream(archive), createBrotliDecompress(), createWriteStream(tarFile))
  await promisify(execFile)('tar', ['-x', '-f', tarFile, '-C', folder])
  await rm(tarFile)
}

function fontsConf(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}
