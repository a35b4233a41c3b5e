/** Python with packages, in virtual environments of our own under `node_modules/.cache`, made once for each version. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const REQUIREMENTS = fileURLToPath(new URL('../gradio/python/requirements.txt', import.meta.url))
const SCRIPTS = fileURLToPath(new URL('../gradio/python/', import.meta.url))
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/footlights-venv/', import.meta.url))
const INSTALL_MS = 300_000
const SCRIPT_MS = 120_000

/**
 * The interpreter of the environment, or the reason why the tests that need it are to be skipped.
 *
 * @throws {Error} instead of a reason where CI runs, so that nothing is left out there unseen.
 */
export async function pythonVenv(): Promise<{ python: string; skip?: undefined } | { python?: undefined; skip: string }> {
  try {
    return { python: await venvWith(REQUIREMENTS, INSTALL_MS) }
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 2_000) : String(error)
    if (process.env['CI']) throw new Error(`Python's client cannot be tested: ${reason}`, { cause: error })
    return { skip: `no Python with gradio_client: ${reason}` }
  }
}

/**
 * The interpreter of the environment with these packages; it is made if it is not there.
 *
 * @param requirements A file of pip's, with exact versions.
 * @param installMs For the installation.
 * @throws {Error} when this machine has no Python, or the packages can't be had.
 */
export async function venvWith(requirements: string, installMs: number): Promise<string> {
  const base = process.platform === 'win32' ? 'python' : 'python3'
  const { stdout: version } = await run(base, ['-c', 'import sys, venv, ensurepip; print(sys.version)'])
  const key = createHash('sha256').update(version).update(await readFile(requirements)).digest('hex').slice(0, 16)
  const folder = join(CACHE, key)
  const python = join(folder, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']))
  if (await isThere(python)) return python
  await mkdir(CACHE, { recursive: true })
  // Beside its place and then moved there, so that a broken install, or two at once, leave nothing half done.
  const draft = await mkdtemp(join(CACHE, 'draft-'))
  try {
    await run(base, ['-m', 'venv', draft])
    await run(python.replace(folder, draft), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements], { timeout: installMs })
    await rename(draft, folder).catch(async (error: unknown) => {
      if (!(await isThere(python))) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return python
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false)
}

/**
 * Runs a script of `test/gradio/python/` and returns the JSON that it printed as its last line.
 *
 * @throws {Error} with all that it wrote when it fails.
 */
export async function runScript(python: string, name: string, ...args: string[]): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'footlights-python-'))
  try {
    const env = { ...process.env, GRADIO_ANALYTICS_ENABLED: 'False', HF_HUB_OFFLINE: '1', GRADIO_TEMP_DIR: folder, TMPDIR: folder, PYTHONDONTWRITEBYTECODE: '1' }
    const { stdout } = await run(python, [join(SCRIPTS, name), ...args], { env, timeout: SCRIPT_MS, maxBuffer: 16 * 1024 * 1024 })
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
