import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'

import { ConfigError, isLoopbackHost, loadConfig } from '../server/config.ts'

async function folder(t: TestContext, configFile?: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'footlights-config-'))
  t.after(() => rm(path, { recursive: true }))
  await mkdir(join(path, 'models'))
  if (configFile !== undefined) await writeFile(join(path, 'footlights.config.ts'), configFile)
  return path
}

function refusedWith(...words: string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ConfigError)
    for (const word of words) assert.ok(error.message.includes(word), `"${error.message}" lacks "${word}"`)
    return true
  }
}

describe('loadConfig', () => {
  it('has a default for every setting', async (t) => {
    const cwd = await folder(t)
    assert.deepEqual(await loadConfig({}, cwd), {
      port: 7860,
      host: '127.0.0.1',
      models: join(cwd, 'models'),
      state: undefined,
      adminToken: undefined,
      logLevel: 'info',
      trustProxy: 'loopback',
      rootPath: '',
      allowedHosts: 'loopback',
      allowedOrigins: [],
      maxBodyMb: 16,
      maxUploadMb: 100,
      allowPrivateUrls: false,
      keepFilesSeconds: 86_400,
      drainMs: 30_000,
      minFreeMb: undefined,
      watch: undefined,
      limits: {},
    })
  })

  it('lets the environment win over the file, and the file over the defaults', async (t) => {
    const cwd = await folder(t, `export default { port: 1234, host: 'localhost', logLevel: 'warn', drainMs: 5 }`)
    const config = await loadConfig({ PORT: '0', LOG_LEVEL: 'debug' }, cwd)
    assert.deepEqual([config.port, config.host, config.logLevel, config.drainMs, config.maxBodyMb], [0, 'localhost', 'debug', 5, 16])
  })

  it('takes the words for a switch in the environment', async (t) => {
    const cwd = await folder(t, 'export default { watch: true }')
    for (const [word, meaning] of [['1', true], ['true', true], ['On', true], ['0', false], ['false', false], ['OFF', false], ['', true]] as const) {
      assert.equal((await loadConfig({ FOOTLIGHTS_WATCH: word }, cwd)).watch, meaning, word)
    }
  })

  it('names the words for a switch to who uses another', async (t) => {
    await assert.rejects(loadConfig({ FOOTLIGHTS_WATCH: 'yes' }, await folder(t)), refusedWith('FOOTLIGHTS_WATCH must be on or off', 'not "yes"'))
  })

  it('reads every variable', async (t) => {
    const cwd = await folder(t)
    await mkdir(join(cwd, 'demos'))
    const config = await loadConfig({ PORT: '8080', HOST: '0.0.0.0', FOOTLIGHTS_MODELS: 'demos', FOOTLIGHTS_STATE: 'kept', FOOTLIGHTS_ADMIN_TOKEN: 's3cret', LOG_LEVEL: 'silent' }, cwd)
    assert.deepEqual(
      [config.port, config.host, config.models, config.state, config.adminToken, config.logLevel],
      [8080, '0.0.0.0', join(cwd, 'demos'), join(cwd, 'kept'), 's3cret', 'silent'],
    )
  })

  it('takes an empty variable for an unset one', async (t) => {
    const cwd = await folder(t, 'export default { port: 1234 }')
    const config = await loadConfig({ PORT: '', HOST: ' ', FOOTLIGHTS_ADMIN_TOKEN: '', FOOTLIGHTS_CONFIG: '' }, cwd)
    assert.deepEqual([config.port, config.host, config.adminToken], [1234, '127.0.0.1', undefined])
  })

  it('takes undefined in the file for a setting that is not there', async (t) => {
    const cwd = await folder(t, 'export default { port: undefined, adminToken: process.env.NO_SUCH_VARIABLE }')
    const config = await loadConfig({}, cwd)
    assert.deepEqual([config.port, config.adminToken], [7860, undefined])
  })

  it('counts relative paths from the file that names them, which may lie anywhere', async (t) => {
    const cwd = await folder(t)
    const elsewhere = await folder(t, `import { defineConfig } from 'footlights'\nexport default defineConfig({ models: './models', state: '../kept', limits: { echo: { timeoutMs: 5, replicas: 2 } } })`)
    const config = await loadConfig({ FOOTLIGHTS_CONFIG: join(elsewhere, 'footlights.config.ts') }, cwd)
    assert.deepEqual([config.models, config.state], [join(elsewhere, 'models'), join(elsewhere, '..', 'kept')])
    assert.deepEqual(config.limits, { echo: { timeoutMs: 5, replicas: 2 } })
  })

  it('brings paths and names of the file into one form', async (t) => {
    const cwd = await folder(t, `export default { rootPath: '/demos/', allowedHosts: ['Demo.Example.org', '[::1]'], allowedOrigins: ['https://Example.org/', '*'], trustProxy: ['loopback', '10.0.0.0/8'] }`)
    const config = await loadConfig({}, cwd)
    assert.equal(config.rootPath, '/demos')
    assert.deepEqual(config.allowedHosts, ['demo.example.org', '[::1]'])
    assert.deepEqual(config.allowedOrigins, ['https://example.org', '*'])
    assert.deepEqual(config.trustProxy, ['loopback', '10.0.0.0/8'])
  })

  it('answers any host name when it is bound wider than loopback', async (t) => {
    const cwd = await folder(t)
    assert.equal((await loadConfig({ HOST: '0.0.0.0' }, cwd)).allowedHosts, 'any')
    assert.equal((await loadConfig({ HOST: '::1' }, cwd)).allowedHosts, 'loopback')
  })

  for (const [variable, value] of [
    ['PORT', 'abc'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '1.5'],
    ['PORT', '0x50'],
    ['FOOTLIGHTS_WATCH', 'maybe'],
    ['LOG_LEVEL', 'loud'],
    ['FOOTLIGHTS_MODELS', './no-such-folder'],
    ['FOOTLIGHTS_CONFIG', './no-such-file.ts'],
  ] as const) {
    it(`refuses ${variable}=${value} by name`, async (t) => {
      await assert.rejects(loadConfig({ [variable]: value }, await folder(t)), refusedWith(variable, value.replace(/^\.\//, '')))
    })
  }

  for (const [setting, source] of [
    ['port', '{ port: "7860" }'],
    ['host', '{ host: "" }'],
    ['logLevel', '{ logLevel: "loud" }'],
    ['trustProxy', '{ trustProxy: "everyone" }'],
    ['trustProxy', '{ trustProxy: ["10.0.0.0/99"] }'],
    ['rootPath', '{ rootPath: "demos" }'],
    ['rootPath', '{ rootPath: "/a/../b" }'],
    ['allowedHosts', '{ allowedHosts: "demo.example.org" }'],
    ['allowedHosts.0', '{ allowedHosts: ["https://demo.example.org"] }'],
    ['allowedOrigins.1', '{ allowedOrigins: ["https://example.org", "https://example.org/path"] }'],
    ['maxBodyMb', '{ maxBodyMb: 0 }'],
    ['maxUploadMb', '{ maxUploadMb: Infinity }'],
    ['allowPrivateUrls', '{ allowPrivateUrls: "no" }'],
    ['keepFilesSeconds', '{ keepFilesSeconds: 0.5 }'],
    ['drainMs', '{ drainMs: 3e9 }'],
    ['minFreeMb', '{ minFreeMb: -1 }'],
    ['limits.echo.replicas', '{ limits: { echo: { replicas: 0 } } }'],
    ['limits.echo.threads', '{ limits: { echo: { threads: 65 } } }'],
    ['limits.echo.heapMb', '{ limits: { echo: { heapMb: 8 } } }'],
    ['watch', '{ watch: "on" }'],
    ['limits.echo.timeoutMS', '{ limits: { echo: { timeoutMS: 5 } } }'],
    ['limits.Echo', '{ limits: { Echo: {} } }'],
    ['prot', '{ prot: 1 }'],
    ['apps', '{ apps: { streamlit: { command: ["streamlit"] } } }'],
    ['default export', '7860'],
    ['default export', '[]'],
  ] as const) {
    it(`refuses the file's ${source} by name`, async (t) => {
      await assert.rejects(loadConfig({}, await folder(t, `export default ${source}`)), refusedWith(setting, 'footlights.config.ts'))
    })
  }

  it('says what is wrong with a file that has no default export or cannot be loaded', async (t) => {
    await assert.rejects(loadConfig({}, await folder(t, 'export const port = 1')), refusedWith('no default export'))
    await assert.rejects(loadConfig({}, await folder(t, 'export default {')), refusedWith('footlights.config.ts cannot be loaded'))
    await assert.rejects(loadConfig({}, await folder(t, 'throw new Error("not today")')), refusedWith('not today'))
  })

  it('never repeats the admin token', async (t) => {
    const cwd = await folder(t, 'export default { adminToken: ["s3cret"] }')
    await assert.rejects(loadConfig({}, cwd), (error) => refusedWith('adminToken')(error) && !String(error).includes('s3cret'))
  })

  it('names every mistake at once', async (t) => {
    await assert.rejects(loadConfig({}, await folder(t, 'export default { port: -1, drainMs: "soon" }')), refusedWith('port', 'drainMs'))
  })
})

describe('isLoopbackHost', () => {
  it('knows the names and addresses of loopback', () => {
    for (const host of ['localhost', 'demo.localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]', '::ffff:127.0.0.1']) assert.ok(isLoopbackHost(host), host)
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org', 'localhost.example.org']) assert.ok(!isLoopbackHost(host), host)
  })
})
