import { open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { eventually, getJson, type ModelStatus, predict, statusOf } from '../../helpers/call.ts'
import type { Drill } from '../drill.ts'
import type { DrillHost } from '../host.ts'
import { isChange, pause, type Stage } from '../stage.ts'

const MODEL = 'versioned'
/** A broken version shall not be tried again; this is longer than any wait between two tries. */
const NO_MORE_TRIES_MS = 2_000

export const modelChanged: Drill = {
  name: 'model-changed',
  fault: '`model.ts` saved with other code, then with one more input and output, while the host watches the folder',
  criterion: '0 failed; afterwards the answers are the new version\'s, and so is the spec',
  models: [MODEL],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ copies: true, config: { watch: true } })
    await stage.load({ model: MODEL })
    await stage.inject(() => edit(host, toVersion(2)))
    await updated(stage, host)
    await expectVersion(stage, host, 2)
    await edit(host, toVersion(3), oneMoreInput)
    await eventually(() => spec(host), ({ inputs }) => Object.keys(inputs).join() === 'text,times')
    await updated(stage, host)
    await expectVersion(stage, host, 3)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

export const modelChangedByOperator: Drill = {
  name: 'model-changed-by-operator',
  fault: '`model.ts` changed on disk, nobody watches: then `POST /admin/<model>/restart`, another change and SIGUSR2, a third with one more input and output; two workers',
  criterion: '0 failed; nothing happens before the operator\'s word; after it the answers of all workers are the new version\'s',
  models: [MODEL],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ copies: true, config: { watch: false, limits: { [MODEL]: { replicas: 2 } } } })
    await stage.load({ model: MODEL })
    await edit(host, toVersion(2))
    await pause(500)
    await expectVersion(stage, host, 1)
    await stage.inject(() => fetch(`${host.url}/admin/${MODEL}/restart`, { method: 'POST' }))
    await updated(stage, host)
    await expectVersion(stage, host, 2)
    await edit(host, toVersion(3))
    process.kill(host.pid, 'SIGUSR2')
    await eventually(() => version(host), (seen) => seen === 3)
    await updated(stage, host)
    await expectVersion(stage, host, 3)
    await edit(host, toVersion(4), oneMoreInput)
    process.kill(host.pid, 'SIGUSR2')
    await eventually(() => version(host), (seen) => seen === 4)
    await updated(stage, host)
    await expectVersion(stage, host, 4)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

export const weightsChanged: Drill = {
  name: 'weights-changed',
  fault: 'the weights of a watched model written anew over 2 s, in pieces; `setup` refuses incomplete ones',
  criterion: '0 failed; taken once, when they are complete; afterwards the answers come from the new weights',
  models: [MODEL],
  isQuick: false,
  async run(stage) {
    const host = await stage.startHost({ copies: true, config: { watch: true } })
    await stage.load({ model: MODEL })
    await stage.inject(() => writeSlowly(join(host.modelsDir, MODEL, 'weights.txt'), 'second'))
    await updated(stage, host)
    const { body } = await predict(host.url, MODEL, { text: 'x' })
    stage.expect(body['weights'] === 'second', `the weights are ${String(body['weights'])}`)
    const restarts = host.lines.filter((line) => isChange(line, MODEL, 'restart')).length
    stage.expect(restarts === 1, `taken ${restarts} times`)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

export const brokenUpdate: Drill = {
  name: 'broken-update',
  fault: 'a watched model saved with a syntax error, then with other inputs and a `setup` that throws, then mended',
  criterion: '0 failed; the old version serves on under its own spec, `/health/ready` stays 200, `/status` and the log name the cause; each broken version is tried once; the mended one comes into force',
  models: [MODEL],
  isQuick: true,
  async run(stage) {
    const host = await stage.startHost({ copies: true, config: { watch: true } })
    await stage.load({ model: MODEL })
    await stage.inject(() => edit(host, (code) => `${code}\nconst = 1\n`))
    await expectRefused(stage, host, /SyntaxError/)
    await edit(host, (code) => code.replace('\nconst = 1\n', ''), toVersion(2), oneMoreInput, (code) => code.replace('setup: async () => {', '$& throw new Error("no weights today")'))
    await expectRefused(stage, host, /no weights today/)
    await edit(host, (code) => code.replace(' throw new Error("no weights today")', ''))
    await updated(stage, host)
    await expectVersion(stage, host, 2)
    const failures = host.lines.filter((line) => isChange(line, MODEL, 'replacement failed')).length
    stage.expect(failures === 2, `two broken versions were tried ${failures} times`)
    await stage.quiet()
    stage.expectNoneFailed()
  },
}

/** The update has failed for this reason, once, and what was before serves on. */
async function expectRefused(stage: Stage, host: DrillHost, cause: RegExp): Promise<void> {
  const isRefused = ({ update }: ModelStatus): boolean => update?.state === 'failed' && cause.test(update.cause ?? '')
  await eventually(() => statusOf(host.url, MODEL), isRefused)
  await pause(NO_MORE_TRIES_MS)
  stage.expect(isRefused(await statusOf(host.url, MODEL)), `no longer failed for ${String(cause)}`)
  const ready = await fetch(`${host.url}/health/ready`)
  stage.expect(ready.status === 200, `/health/ready says ${ready.status}`)
  const { inputs } = await spec(host)
  stage.expect(Object.keys(inputs).join() === 'text', `the spec is that of a version that does not serve: ${Object.keys(inputs).join()}`)
  await expectVersion(stage, host, 1)
}

async function updated(stage: Stage, host: DrillHost): Promise<void> {
  await eventually(() => statusOf(host.url, MODEL), ({ update, replicas }) => update?.state === 'done' && replicas.every(({ state }) => state === 'ready'))
  stage.recoveredAt(performance.now())
}

/** All of a few answers, which go to every worker in turn. */
async function expectVersion(stage: Stage, host: DrillHost, wanted: number): Promise<void> {
  const seen = await Promise.all(Array.from({ length: 8 }, () => version(host)))
  stage.expect(seen.every((each) => each === wanted), `version ${wanted} is wanted, ${seen.join()} answered`)
}

async function version(host: DrillHost): Promise<unknown> {
  const { body } = await predict(host.url, MODEL, { text: 'which' })
  return body['version']
}

async function spec(host: DrillHost): Promise<{ inputs: object }> {
  const { inputs } = await getJson(host.url, `/${MODEL}/spec`)
  return { inputs: typeof inputs === 'object' && inputs !== null ? inputs : {} }
}

/** As editors save: another file takes the place of the old one. */
async function edit(host: DrillHost, ...changes: ((code: string) => string)[]): Promise<void> {
  const path = join(host.modelsDir, MODEL, 'model.ts')
  const code = changes.reduce((before, change) => change(before), await readFile(path, 'utf8'))
  await writeFile(`${path}~`, code)
  await rename(`${path}~`, path)
}

function toVersion(number: number): (code: string) => string {
  return (code) => code.replace(/const VERSION = \d+/, `const VERSION = ${number}`)
}

function oneMoreInput(code: string): string {
  return code
    .replace('inputs: { text: textbox() }', 'inputs: { text: textbox(), times: number({ value: 1 }) }')
    .replace('outputs: { text', 'outputs: { times: number(), text')
    .replace('predict: ({ text }, { state }) => ({ text', 'predict: ({ text, times }, { state }) => ({ times, text')
}

async function writeSlowly(path: string, name: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.write(`${name}\n`)
    for (let piece = 0; piece < 20; piece++) {
      await pause(100)
      await file.write(`${'0123456789'.repeat(1_000)}\n`)
    }
    await file.write('end\n')
  } finally {
    await file.close()
  }
}
