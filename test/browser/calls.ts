/** What else goes on at the host while a page is open. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

interface Status {
  models: { name: string; replicas: { pid: number | null; state: string }[]; outcomes: Record<string, number>; queue: { depth: number; running: number } }[]
}

/** A prediction in the background; its address. */
export async function begin(hostUrl: string, model: string, inputs: unknown): Promise<string> {
  const answer = await fetch(`${hostUrl}/${model}/predict`, { method: 'POST', headers: { 'content-type': 'application/json', prefer: 'respond-async' }, body: JSON.stringify(inputs) })
  assert.equal(answer.status, 202)
  return new URL(answer.headers.get('location') ?? '', hostUrl).href
}

export async function drop(prediction: string): Promise<void> {
  await fetch(prediction, { method: 'DELETE' })
}

export async function statusOf(hostUrl: string, model: string): Promise<Status['models'][number]> {
  const status: Status = JSON.parse(await (await fetch(`${hostUrl}/status`, { headers: { accept: 'application/json' } })).text())
  const found = status.models.find(({ name }) => name === model)
  assert.ok(found !== undefined)
  return found
}

/** Asks again and again until it is so. The host tells nobody when something has changed. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await isSo())) {
    if (Date.now() > deadline) assert.fail('it did not come to that')
    await sleep(20)
  }
}

/** Waits until the model can take work. */
export async function ready(hostUrl: string, ...models: string[]): Promise<void> {
  for (const model of models) await until(async () => (await statusOf(hostUrl, model)).replicas.some(({ state }) => state === 'ready'))
}

/** Ends the model's worker as the system would. */
export async function killWorker(hostUrl: string, model: string): Promise<void> {
  const replica = (await statusOf(hostUrl, model)).replicas.find(({ state }) => state === 'ready')
  assert.ok(typeof replica?.pid === 'number')
  process.kill(replica.pid, 'SIGKILL')
}
