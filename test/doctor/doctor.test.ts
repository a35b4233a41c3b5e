/** The doctor beside real hosts, well and ill. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { eventually, getJson, predict, ready, statusOf } from '../helpers/call.ts'
import { startTestHost } from '../helpers/start-test-host.ts'
import { LAUNCHER, ModelFolder, runDoctor, runLauncher, settingsOf, startCutter, startPipe, startStranger } from './run-doctor.ts'

const THROWING = fileURLToPath(new URL('../fixtures/broken/throwing-setup', import.meta.url))
const LINUX_ONLY = process.platform === 'linux' ? false : 'processes and holders of ports are found on Linux only'

const modelOf = (body: string): string => `import { defineModel, textbox } from 'footlights'
export default defineModel({
  inputs: { text: textbox() }, outputs: { text: textbox() }, examples: [{ text: 'hello' }],
  ${body}
})
`

describe('a host that is well', () => {
  test('is said to be well, each check once in the order of the walk', async () => {
    await using host = await startTestHost({ models: ['echo'] })
    await ready(host.url, 'echo')
    const { code, findings, summary, of } = await runDoctor(settingsOf(host))
    // The machine that runs the tests may be anything but well.
    assert.deepEqual(findings.filter(({ level, check }) => level !== 'ok' && check !== 'machine'), [])
    if (of('machine').every(({ level }) => level !== 'wrong')) assert.equal(code, 0)
    if (of('machine').every(({ level }) => level === 'ok')) assert.match(summary.text, /^Nothing is wrong/)
    assert.match(of('workers')[0]?.text ?? '', /^echo: 1 of 1 worker ready/)
    assert.match(of('prediction')[0]?.text ?? '', /^echo answers its first example through the front in .*, straight to the worker in /)
    if (process.platform === 'linux') assert.match(of('port')[0]?.text ?? '', new RegExp(`the host, pid ${host.pid}, with 1 worker process`))
    assert.deepEqual([...new Set(findings.map(({ check }) => check))].slice(0, 5), ['installation', 'configuration', 'models', 'port', 'host'])
  })

  test('is found by its address alone, and a model asleep is left asleep', async () => {
    await using elsewhere = await ModelFolder.make({ other: modelOf('predict: ({ text }) => ({ text }),') })
    await using host = await startTestHost({ models: ['sleepy', 'echo'] })
    await ready(host.url, 'echo')
    await eventually(() => statusOf(host.url, 'sleepy'), ({ cause }) => cause === 'sleeping')
    const { of, code } = await runDoctor({ FOOTLIGHTS_MODELS: elsewhere.path }, [`--url=${host.url}/`])
    assert.notEqual(code, 1)
    assert.ok(of('workers').some(({ level, text }) => level === 'ok' && text.startsWith('sleepy sleeps')))
    assert.ok(of('prediction').every(({ text }) => !text.includes('sleepy')))
    assert.ok(of('workers').every(({ text }) => !text.includes('does not know')))
    assert.equal((await statusOf(host.url, 'sleepy')).replicas.length, 0)
  })

  test('prints a line for each check and the summary, for a person', async () => {
    await using host = await startTestHost({ models: ['echo'] })
    await ready(host.url, 'echo')
    const { stdout } = await runLauncher(['doctor', '--seconds=0'], settingsOf(host))
    assert.match(stdout, /^ok +installation +Footlights \d/m)
    assert.match(stdout, /^ok +host +it answers \/health\/live in/m)
    assert.match(stdout, /\n\n[A-Z].*\.\n/)
  })
})

describe('no host', () => {
  test('nobody on the port: says so, and that the models load', async () => {
    await using nobody = await startStranger(() => {})
    const { port } = nobody
    await nobody[Symbol.asyncDispose]()
    await using folder = await ModelFolder.make({ fine: modelOf('predict: ({ text }) => ({ text }),') })
    const { code, causedBy, of, summary } = await runDoctor({ PORT: String(port), FOOTLIGHTS_MODELS: folder.path, FOOTLIGHTS_STATE: folder.of('state') })
    assert.equal(code, 1)
    assert.match(causedBy('host down').text, /nobody listens/)
    assert.match(of('workers')[0]?.text ?? '', /^fine loads in a worker of the doctor’s own in .*; its first example ran in/)
    assert.match(summary.text, /^The host is not running/)
    assert.match(summary.first ?? '', /npm start/)
  })

  test('a model that can not start is named with the file and the line', async () => {
    await using folder = await ModelFolder.make({
      broken: modelOf("setup: () => { throw new Error('the weights are not there') },\n  predict: ({ text }) => ({ text }),"),
      garbled: 'export default {{\n',
      failing: modelOf("predict: () => { throw new TypeError('no such word') },"),
      dying: modelOf("predict: ({ text }) => ({ text }),\n  setup: () => { console.error('about to die'); process.kill(process.pid, 'SIGKILL') },"),
    })
    await using nobody = await startStranger(() => {})
    await nobody[Symbol.asyncDispose]()
    const { of } = await runDoctor({ PORT: String(nobody.port), FOOTLIGHTS_MODELS: folder.path, FOOTLIGHTS_STATE: folder.of('state') })
    const said = new Map(of('workers').map((finding) => [finding.text.split(' ')[0], finding]))
    assert.match(said.get('broken')?.text ?? '', /^broken does not set up: Error: the weights are not there at broken\/model\.ts:4:\d+$/)
    assert.match(said.get('garbled')?.text ?? '', /^garbled can not be loaded: .*Error.* at garbled\/model\.ts:1/)
    assert.match(said.get('failing')?.text ?? '', /^failing fails on its first example: TypeError: no such word at failing\/model\.ts:4:\d+$/)
    assert.match(said.get('dying')?.text ?? '', /^dying does not set up: its process ended with signal SIGKILL/)
    assert.ok([...said.values()].every(({ level }) => level === 'wrong'))
  })

  test('a stranger on the port is named and left alone', async () => {
    await using elsewhere = await ModelFolder.make({ other: modelOf('predict: ({ text }) => ({ text }),') })
    await using stranger = await startStranger((_req, res) => res.writeHead(404).end('not here'))
    const { code, of, summary } = await runDoctor({ PORT: String(stranger.port), FOOTLIGHTS_MODELS: elsewhere.path, FOOTLIGHTS_STATE: '/nonexistent' })
    assert.equal(code, 1)
    if (process.platform === 'linux') assert.match(of('port')[0]?.text ?? '', new RegExp(`held by a stranger: pid ${process.pid} \\(`))
    assert.match(of('host')[0]?.text ?? '', /is not Footlights \(it said 404/)
    assert.match(summary.text, /^Something else answers/)
    assert.equal((await fetch(stranger.url)).status, 404)
  })

  test('a configuration that is refused is said in its own words', async () => {
    const { code, of, summary } = await runDoctor({ PORT: 'http' })
    assert.equal(code, 1)
    assert.match(of('configuration')[0]?.text ?? '', /^PORT must be a whole number/)
    assert.match(summary.text, /configuration is refused/)
  })
})

describe('a host that is not where it was looked for', { skip: LINUX_ONLY }, () => {
  test('is pointed to', async () => {
    await using host = await startTestHost({ models: ['echo'] })
    await using nobody = await startStranger(() => {})
    await nobody[Symbol.asyncDispose]()
    const { code, summary } = await runDoctor(settingsOf(host), [`--url=${nobody.url}`])
    assert.equal(code, 1)
    assert.match(summary.first ?? '', new RegExp(`^look there: \`npx footlights doctor --url=${host.url}\``))
  })

  test('and could not start for its state folder: that comes first', async () => {
    await using folder = await ModelFolder.make({ fine: modelOf('predict: ({ text }) => ({ text }),') })
    await using nobody = await startStranger(() => {})
    await nobody[Symbol.asyncDispose]()
    const { of, summary } = await runDoctor({ PORT: String(nobody.port), FOOTLIGHTS_MODELS: folder.path, FOOTLIGHTS_STATE: '/proc/x' })
    assert.ok(of('machine').some(({ level, text }) => level === 'wrong' && /^the state folder \/proc\/x is not there, and a start can not make it/.test(text)))
    assert.match(summary.first ?? '', /FOOTLIGHTS_STATE/)
  })
})

describe('a host that drains', () => {
  test('is asked for no prediction', async () => {
    await using host = await startTestHost({ models: ['slow'], config: { drainMs: 60_000 } })
    await ready(host.url, 'slow')
    const leave = new AbortController()
    const asked = fetch(`${host.url}/slow/predict`, { method: 'POST', body: '{"ms":60000}', headers: { 'content-type': 'application/json' }, signal: leave.signal })
    await eventually(() => statusOf(host.url, 'slow'), ({ queue }) => queue.running === 1)
    process.kill(host.pid, 'SIGTERM')
    await eventually(() => getJson(host.url, '/health/ready'), ({ status }) => status === 'not ready')
    const { of, causedBy, summary } = await runDoctor(settingsOf(host))
    leave.abort()
    await asked.catch(() => {})
    assert.equal(causedBy('draining').level, 'wrong')
    assert.deepEqual(of('prediction').map(({ level, text }) => [level, text]), [['unknown', 'no model was asked: the host is stopping and takes no new work']])
    assert.match(summary.text, /^The host is stopping/)
  })
})

describe('a model whose new version does not start', () => {
  test('is said to serve the old one on, and where the new one fails', async () => {
    await using folder = await ModelFolder.make({ words: modelOf('predict: ({ text }) => ({ text }),') })
    await using host = await startTestHost({ models: [folder.of('words')] })
    await ready(host.url, 'words')
    await writeFile(join(folder.of('words'), 'model.ts'), modelOf("setup: () => { throw new Error('the weights are gone') },\n  predict: ({ text }) => ({ text }),"))
    await fetch(`${host.url}/admin/words/restart`, { method: 'POST' })
    await eventually(() => statusOf(host.url, 'words'), ({ update }) => update?.state === 'failed')
    const { code, causedBy } = await runDoctor(settingsOf(host))
    assert.notEqual(code, 1)
    const { level, text, advice } = causedBy('update failed')
    assert.equal(level, 'warning')
    assert.match(text, /^words: the version on disk does not start \(.*the weights are gone.*the old one serves on.* at words\/model\.ts:4:\d+$/)
    assert.match(advice ?? '', new RegExp(`curl -X POST ${host.url}/admin/words/restart`))
  })
})

describe('a model that does not start', () => {
  test('is paused: says why, when it is tried again, and where the fault is', async () => {
    await using host = await startTestHost({ models: ['echo', THROWING] })
    await eventually(() => statusOf(host.url, 'throwing-setup'), ({ replicas }) => replicas[0]?.state === 'quarantined')
    await ready(host.url, 'echo')
    const { code, causedBy, of, summary } = await runDoctor(settingsOf(host))
    assert.equal(code, 1)
    const { text, advice } = causedBy('model broken')
    assert.match(text, /^throwing-setup is paused: it does not start \(Error: the weights are not there\), next try in \d+(?:\.\d)? (?:s|ms); tried here: .* at throwing-setup\/model\.ts:\d+:\d+$/)
    assert.match(advice ?? '', /admin\/throwing-setup\/restart/)
    assert.match(summary.text, /^A model does not start/)
    assert.ok(of('prediction').some(({ level, text: said }) => level === 'ok' && said.startsWith('echo answers')))
  })

  test('whose folder came after the start is said to be unknown to the host', async () => {
    await using host = await startTestHost({ models: ['echo'] })
    await using folder = await ModelFolder.make({ echo: modelOf('predict: ({ text }) => ({ text }),'), late: modelOf('predict: ({ text }) => ({ text }),') })
    await ready(host.url, 'echo')
    const { of } = await runDoctor({ ...settingsOf(host), FOOTLIGHTS_MODELS: folder.path })
    assert.ok(of('workers').some(({ level, text }) => level === 'warning' && /does not know late/.test(text)))
  })
})

describe('a model that hangs or fails', () => {
  test('that never answers its example is said to be at fault, not the queue', async () => {
    // Its first call is the warm-up, without which it would not be ready.
    await using folder = await ModelFolder.make({ stuck: `let calls = 0\n${modelOf("limits: { timeoutMs: 500 },\n  predict: () => (calls++ === 0 ? { text: '' } : new Promise(() => {})),")}` })
    await using host = await startTestHost({ models: [folder.of('stuck')] })
    await ready(host.url, 'stuck')
    const { code, of } = await runDoctor(settingsOf(host))
    assert.equal(code, 1)
    const said = of('prediction')[0]
    assert.match(said?.text ?? '', /^stuck through the front: 504 DEADLINE_EXCEEDED.*; straight to the worker it fails, too: it is the model$/)
    assert.match(said?.details?.[0] ?? '', /^worker 0 \(pid \d+\): no answer within/)
    assert.match(said?.advice ?? '', /request id footlights-doctor-[0-9a-f]{8}/)
    assert.ok(host.logs.some((line) => String(line['requestId']).startsWith('footlights-doctor-')))
  })

  test('that throws is said to be at fault itself, with the place', async () => {
    await using folder = await ModelFolder.make({ failing: modelOf("predict: () => { throw new TypeError('no such word') },") })
    await using host = await startTestHost({ models: [folder.of('failing')] })
    await ready(host.url, 'failing')
    const { causedBy, of, summary } = await runDoctor(settingsOf(host))
    assert.match(causedBy('model fails').text, /^failing through the front: 500 MODEL_FAILED.*; straight to the worker it fails, too/)
    assert.ok(of('workers').some(({ text }) => /TypeError: no such word at failing\/model\.ts:4:\d+$/.test(text)))
    assert.match(summary.text, /^The model itself fails/)
  })

  test('whose worker was killed is said with its last exit', { skip: LINUX_ONLY }, async () => {
    await using host = await startTestHost({ models: ['echo'] })
    const { replicas: [first] } = await ready(host.url, 'echo')
    process.kill(first?.pid ?? 0, 'SIGKILL')
    await eventually(() => statusOf(host.url, 'echo'), ({ replicas: [next] }) => next?.state === 'ready' && next.pid !== first?.pid)
    const { code, of } = await runDoctor(settingsOf(host))
    assert.notEqual(code, 1)
    assert.match(of('exits')[0]?.text ?? '', /^echo: 1 exit within the last hour \(1 × (?:crash|signal)\); the last .* ago: (?:crash|signal), signal SIGKILL after/)
  })

  test('whose queue is full is said to be asked too much', async () => {
    await using host = await startTestHost({ models: ['slow'], config: { limits: { slow: { queueSize: 1 } } } })
    await ready(host.url, 'slow')
    const leave = new AbortController()
    const asked = [1, 2].map(() => fetch(`${host.url}/slow/predict`, { method: 'POST', body: '{"ms":60000}', headers: { 'content-type': 'application/json' }, signal: leave.signal }))
    await eventually(() => predict(host.url, 'slow', { ms: 0 }), ({ status }) => status === 429)
    const { code, causedBy, summary } = await runDoctor(settingsOf(host))
    leave.abort()
    await Promise.allSettled(asked)
    assert.equal(code, 1)
    assert.match(causedBy('queue full').text, /^slow: 1 waiting of at most 1, 1 running, 0 held: new requests hear 429/)
    assert.match(summary.text, /^More is asked/)
  })
})

describe('a host for its public names only', () => {
  test('is called by one of them', async () => {
    await using elsewhere = await ModelFolder.make({ other: modelOf('predict: ({ text }) => ({ text }),') })
    await using host = await startTestHost({ models: ['echo'], config: { allowedHosts: ['demos.example.org'] } })
    const called = { headers: { host: 'demos.example.org', accept: 'application/json' } }
    await eventually(() => request(`${host.url}/health/ready`, called), ({ statusCode }) => statusCode === 200)
    const { of, findings } = await runDoctor(settingsOf(host))
    assert.deepEqual(findings.filter(({ level, check }) => level !== 'ok' && check !== 'machine'), [])
    assert.equal(of('prediction').length, 1)
    const astray = await runDoctor({ FOOTLIGHTS_MODELS: elsewhere.path }, [`--url=${host.url}`])
    assert.match(astray.of('host')[0]?.advice ?? '', /allowedHosts/)
    assert.deepEqual(astray.of('workers'), [])
  })
})

describe('a host with a token', () => {
  test('is asked with it, and without it says what could not be looked at', async () => {
    await using elsewhere = await ModelFolder.make({ other: modelOf('predict: ({ text }) => ({ text }),') })
    await using host = await startTestHost({ models: ['echo'], config: { adminToken: 'secret-of-the-operator' } })
    await ready(host.url, 'echo')
    const { of } = await runDoctor(settingsOf(host))
    assert.ok(of('prediction').every(({ level }) => level === 'ok'))
    const without = await runDoctor({ FOOTLIGHTS_MODELS: elsewhere.path }, [`--url=${host.url}`])
    assert.ok(without.of('prediction').some(({ level, text, advice }) => level === 'unknown' && /wants the admin token/.test(text) && /FOOTLIGHTS_ADMIN_TOKEN/.test(advice ?? '')))
    assert.equal(without.code, 2)
  })
})

describe('a front that stands still', { skip: LINUX_ONLY }, () => {
  test('is said to be stopped, with the way to let it go on', async () => {
    await using host = await startTestHost({ models: ['echo'] })
    await ready(host.url, 'echo')
    process.kill(host.pid, 'SIGSTOP')
    const { code, causedBy, summary } = await runDoctor(settingsOf(host)).finally(() => process.kill(host.pid, 'SIGCONT'))
    assert.equal(code, 1)
    assert.match(causedBy('host stopped').text, new RegExp(`did not answer within 5 s; its process \\(pid ${host.pid}\\) is stopped by a signal`))
    assert.equal(summary.first, `let it go on: \`kill -CONT ${host.pid}\``)
  })
})

describe('the proxy in front', () => {
  test('that passes everything is said to be in step', async () => {
    await using host = await startTestHost({ models: ['echo'] })
    await ready(host.url, 'echo')
    await using proxy = await startPipe(host.port)
    const { of, code } = await runDoctor(settingsOf(host), [`--proxy=${proxy.url}/`])
    assert.notEqual(code, 1)
    assert.deepEqual(of('proxy').map(({ level }) => level), ['ok', 'ok', 'ok', 'ok'])
  })

  test('that cuts connections is said to be at fault, the host to be well', async () => {
    await using host = await startTestHost({ models: ['echo'] })
    await ready(host.url, 'echo')
    await using proxy = await startCutter()
    const { code, summary, of } = await runDoctor(settingsOf(host), [`--proxy=${proxy.url}`])
    assert.equal(code, 1)
    assert.match(of('proxy')[0]?.text ?? '', /the proxy (?:reset the connection|closed the connection)/)
    assert.match(summary.text, /^The host is well, the proxy/)
    assert.ok(of('host').every(({ level }) => level === 'ok'))
  })

  test('that does not find the host is said to look at another address', async () => {
    await using host = await startTestHost({ models: ['echo'] })
    await ready(host.url, 'echo')
    await using proxy = await startStranger((_req, res) => res.writeHead(502, { server: 'nginx/1.26', 'content-type': 'text/html' }).end('<h1>502 Bad Gateway</h1>'))
    const { of } = await runDoctor(settingsOf(host), [`--proxy=${proxy.url}`])
    assert.match(of('proxy')[0]?.text ?? '', /the proxy \(nginx\/1\.26\) answers .* with 502: it does not find the host/)
  })

  test('that holds streams back, or refuses a large body, is told from one that does not', async () => {
    await using folder = await ModelFolder.make({
      words: modelOf("predict: async function* () { for (const text of ['a', 'ab', 'abc', 'abcd']) { yield { text }; await new Promise((resolve) => setTimeout(resolve, 250)) } },"),
    })
    await using host = await startTestHost({ models: [folder.of('words')] })
    await ready(host.url, 'words')
    await using proxy = await startStranger(async (req, res) => {
      if (Number(req.headers['content-length']) > 1024 * 1024) {
        res.writeHead(413, { server: 'nginx', connection: 'close' }).end('too large')
        return
      }
      const body = req.method === 'POST' ? Buffer.concat(await req.toArray()).toString() : null
      const { accept = '', 'content-type': type = 'text/plain' } = req.headers
      const answer = await fetch(`${host.url}${req.url}`, { method: req.method ?? 'GET', body, headers: { accept, 'content-type': type } })
      const whole = await answer.text()
      res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(whole)
    })
    const { of } = await runDoctor(settingsOf(host), [`--proxy=${proxy.url}`])
    assert.ok(of('proxy').some(({ level, text }) => level === 'wrong' && /holds streams back/.test(text)))
    assert.ok(of('proxy').some(({ level, text }) => level === 'warning' && /a body of 14 MB.* does not pass/.test(text)))
    await using honest = await startPipe(host.port)
    const { of: ofHonest } = await runDoctor(settingsOf(host), [`--proxy=${honest.url}`])
    assert.ok(ofHonest('proxy').some(({ level, text }) => level === 'ok' && /streams pass as they come/.test(text)))
  })
})

describe('a pm2', () => {
  test('that is not there, or whose socket is the rest of one, is never started', { skip: LINUX_ONLY }, async () => {
    await using folder = await ModelFolder.make({ fine: modelOf('predict: ({ text }) => ({ text }),') })
    const home = folder.of('pm2')
    await mkdir(home)
    // A server that is killed leaves its socket behind.
    const server = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(join(home, 'rpc.sock'))}, () => console.log('up'))`], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(server.stdout, 'data')
    server.kill('SIGKILL')
    await once(server, 'exit')
    const { of } = await runDoctor({ PM2_HOME: home, PORT: '1', FOOTLIGHTS_MODELS: folder.path, FOOTLIGHTS_STATE: folder.of('state') })
    assert.deepEqual(of('pm2'), [])
    assert.deepEqual(await readdir(home), ['rpc.sock'])
  })
})

describe('the launcher', () => {
  test('tells its commands and its version', async () => {
    const [help, version] = await Promise.all([runLauncher(['--help']), runLauncher(['--version'])])
    assert.equal(help.code, 0)
    assert.match(help.stdout, /^Usage: footlights[^]*\bdoctor\b/)
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
    assert.match((await runLauncher(['doctor', '--help'])).stdout, /--proxy=URL/)
  })

  test('says of the exit codes what README says', async () => {
    const { stdout } = await runLauncher(['doctor', '--help'])
    const codes = /^Exit code .*$/m.exec(stdout)?.[0] ?? 'nothing is said'
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
    assert.ok(readme.replace(/\s+/g, ' ').includes(codes), codes)
  })

  test('ends without a word when its reader has heard enough', { skip: LINUX_ONLY }, async () => {
    await using folder = await ModelFolder.make({ fine: modelOf('predict: ({ text }) => ({ text }),') })
    const child = spawn(process.execPath, [LAUNCHER, 'doctor', '--seconds=0'], {
      env: { ...process.env, PORT: '1', PM2_HOME: '/nonexistent', FOOTLIGHTS_MODELS: folder.path, FOOTLIGHTS_STATE: folder.of('state') }, stdio: ['ignore', 'pipe', 'pipe'],
    })
    const stderr = text(child.stderr)
    child.stdout.once('data', () => child.stdout.destroy())
    const [code, signal] = await once(child, 'exit')
    assert.equal(await stderr, '')
    assert.deepEqual([code, signal], [2, null])
  })

  for (const args of [['dokter'], ['start', 'now'], ['doctor', '--wat'], ['doctor', '--url=nowhere'], ['doctor', '--seconds=x']]) {
    test(`refuses \`${args.join(' ')}\` with its usage and exit code 64`, async () => {
      const { code, stdout, stderr } = await runLauncher(args)
      assert.equal(code, 64)
      assert.equal(stdout, '')
      assert.match(stderr, /^footlights[^]*Usage: footlights/)
    })
  }
})
