import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { DEFAULT_LIMITS } from '../server/config.ts'
import type { FromWorker, Limits } from '../workers/contract.ts'
import { encodeFrame } from '../workers/frames.ts'
import { FrontLink } from '../workers/front-link.ts'
import type { Lane } from '../workers/lane.ts'
import { LaneListener } from '../workers/lane-listener.ts'
import type { ThreadEnd, ToThread } from '../workers/thread-contract.ts'
import { UnitRunner } from '../workers/unit-runner.ts'
import { itemOf } from './helpers/fake-worker.ts'

/** The only thread here has this id: links are opened from the main thread. */
const THREAD = 0

/** A runner with the real connection to a thread that does what the test says. */
class Scene implements AsyncDisposable {
  readonly said: FromWorker[] = []
  readonly toThread: ToThread[] = []
  readonly asked: string[] = []
  readonly listener: LaneListener
  readonly runner: UnitRunner
  #link: FrontLink | null = null
  #lane: Lane | null = null
  readonly #watching = new Set<() => void>()

  private constructor(listener: LaneListener, limits: Partial<Limits>) {
    this.listener = listener
    this.runner = new UnitRunner({ ...DEFAULT_LIMITS, ...limits }, {
      say: (message) => this.#noted(() => this.said.push(message)),
      withdraw: (_thread, upTo) => this.#noted(() => this.asked.push(`withdraw up to ${upTo}`)),
      terminate: (thread) => this.#noted(() => this.asked.push(`terminate ${thread}`)),
    })
  }

  static async open(limits: Partial<Limits> = {}): Promise<Scene> {
    const scene = new Scene(await LaneListener.open(), limits)
    const address = scene.listener.expect({
      opened: (lane) => scene.#noted(() => {
        scene.#lane = lane
        scene.runner.laneOpened(lane)
      }),
      said: (lane, message) => scene.#noted(() => scene.runner.laneSaid(lane, message)),
      closed: (lane) => scene.#noted(() => scene.runner.laneClosed(lane)),
    })
    scene.runner.hear({ type: 'thread-ready', thread: THREAD })
    scene.#link = await FrontLink.open(address, (message) => scene.#noted(() => scene.toThread.push(message)))
    await scene.until(() => scene.#lane !== null)
    return scene
  }

  predict(...ids: number[]): void {
    for (const id of ids) this.runner.predict([itemOf(id)], false)
  }

  ended(unit: number, ends: ThreadEnd[] = [{ outputs: { text: 'x' }, runMs: 1 }]): void {
    this.#link?.send({ type: 'unit-ended', unit, ends })
  }

  gone(begun: number): void {
    this.runner.hear({ type: 'thread-gone', thread: THREAD, begun, exit: { death: 'crash', code: 1, uptimeSeconds: 1 } })
  }

  cut(): void {
    this.#link?.close()
  }

  /** What was said of predictions, in short. */
  ends(): string[] {
    return this.said.flatMap((message) => {
      if (message.type === 'failed') return [`${message.id} ${message.error.code}`]
      if (message.type === 'lost') return [`${message.id} lost${message.suspect ? ', suspect' : ''}`]
      return message.type === 'done' || message.type === 'returned' || message.type === 'stopped' ? [`${message.id} ${message.type}`] : []
    })
  }

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return
        this.#watching.delete(look)
        resolve()
      }
      this.#watching.add(look)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link?.close()
    this.#lane?.destroy()
    this.listener.close()
  }

  #noted(note: () => unknown): void {
    note()
    for (const look of this.#watching) look()
  }
}

describe('UnitRunner', () => {
  test('sends units to the thread in order and says how they ended', async () => {
    await using scene = await Scene.open()
    scene.predict(1, 2)
    await scene.until(() => scene.toThread.length === 2)
    assert.deepEqual(scene.toThread.map((message) => message.type === 'predict' && message.unit), [1, 2])
    scene.ended(1)
    scene.ended(2, [{ error: { code: 'MODEL_FAILED', message: 'no' }, runMs: 1 }])
    await scene.until(() => scene.ends().length === 2)
    assert.deepEqual(scene.ends(), ['1 done', '2 MODEL_FAILED'])
  })

  test('asks for what waits behind something slow, and gives back only what the thread had not begun', async () => {
    await using scene = await Scene.open()
    scene.predict(1, 2, 3)
    await scene.until(() => scene.asked.length === 1)
    assert.deepEqual(scene.asked, ['withdraw up to 3'])
    // It had begun the second while the question was on its way.
    scene.runner.hear({ type: 'withdrawn', thread: THREAD, begun: 2, upTo: 3 })
    assert.deepEqual([scene.ends(), scene.runner.isStalled()], [['3 returned'], true])
    scene.ended(1)
    scene.ended(2)
    await scene.until(() => scene.ends().length === 3)
    assert.deepEqual([scene.ends(), scene.runner.isStalled()], [['3 returned', '1 done', '2 done'], false])
  })

  test('gives back also what would have begun beside others, where author code kept the thread from it', async () => {
    await using scene = await Scene.open({ concurrency: 3 })
    scene.predict(1, 2, 3, 4)
    await scene.until(() => scene.asked.length === 1)
    scene.predict(5)
    scene.runner.hear({ type: 'withdrawn', thread: THREAD, begun: 1, upTo: 4 })
    assert.deepEqual(scene.ends(), ['2 returned', '3 returned', '4 returned'])
    scene.ended(5)
    scene.ended(1)
    await scene.until(() => scene.ends().length === 5)
    assert.deepEqual(scene.ends().slice(3), ['5 done', '1 done'])
  })

  test('what was sent after the question may have ended before the answer is here', async () => {
    await using scene = await Scene.open()
    scene.predict(1, 2)
    await scene.until(() => scene.asked.length === 1)
    scene.predict(3)
    scene.ended(1)
    scene.ended(3)
    await scene.until(() => scene.ends().length === 2)
    scene.runner.hear({ type: 'withdrawn', thread: THREAD, begun: 1, upTo: 2 })
    assert.deepEqual(scene.ends(), ['1 done', '3 done', '2 returned'])
  })

  test('what was sent after the question stays', async () => {
    await using scene = await Scene.open()
    scene.predict(1, 2)
    await scene.until(() => scene.asked.length === 1)
    scene.predict(3)
    scene.runner.hear({ type: 'withdrawn', thread: THREAD, begun: 1, upTo: 2 })
    assert.deepEqual(scene.ends(), ['2 returned'])
    scene.ended(1)
    scene.ended(3)
    await scene.until(() => scene.ends().length === 3)
    assert.deepEqual(scene.ends(), ['2 returned', '1 done', '3 done'])
  })

  test('one that is cancelled behind another is withdrawn, and never runs', async () => {
    await using scene = await Scene.open()
    scene.predict(1, 2)
    scene.runner.cancel(2, 'CANCELLED')
    assert.deepEqual(scene.asked, ['withdraw up to 2'])
    scene.runner.hear({ type: 'withdrawn', thread: THREAD, begun: 1, upTo: 2 })
    assert.deepEqual(scene.ends(), ['2 CANCELLED'])
  })

  test('one that is cancelled in the moment it begins is asked to stop, then stopped', async () => {
    await using scene = await Scene.open()
    scene.predict(1, 2)
    scene.runner.cancel(2, 'CANCELLED')
    scene.runner.hear({ type: 'withdrawn', thread: THREAD, begun: 2, upTo: 2 })
    scene.ended(1)
    await scene.until(() => scene.toThread.some(({ type }) => type === 'cancel'))
    await scene.until(() => scene.asked.includes(`terminate ${THREAD}`))
    scene.gone(2)
    scene.cut()
    await scene.until(() => scene.ends().length === 2)
    assert.deepEqual(scene.ends(), ['1 done', '2 CANCELLED'])
  })

  test('answers at the deadline, ends the thread that does not let go, and blames no neighbour', async () => {
    await using scene = await Scene.open({ timeoutMs: 50, concurrency: 2 })
    scene.predict(1)
    await scene.until(() => scene.ends().length === 1)
    scene.predict(2)
    await scene.until(() => scene.asked.includes(`terminate ${THREAD}`))
    assert.equal(scene.ends()[0], '1 DEADLINE_EXCEEDED')
    scene.gone(2)
    scene.cut()
    await scene.until(() => scene.ends().includes('1 stopped'))
    assert.ok(scene.ends().includes('2 lost') || scene.ends().includes('2 stopped'), String(scene.ends()))
  })

  test('at a deadline, what the thread was kept from beginning beside it goes back with all its time', async () => {
    await using scene = await Scene.open({ timeoutMs: 300, concurrency: 2 })
    scene.predict(1)
    await scene.until(() => scene.toThread.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    scene.predict(2)
    await scene.until(() => scene.asked.length === 1)
    assert.deepEqual([scene.ends(), scene.asked], [['1 DEADLINE_EXCEEDED'], ['withdraw up to 2']])
    scene.runner.hear({ type: 'withdrawn', thread: THREAD, begun: 1, upTo: 2 })
    assert.deepEqual(scene.ends(), ['1 DEADLINE_EXCEEDED', '2 returned'])
  })

  test('a thread that ends loses what it had begun; the rest is given back; what it said before counts', async () => {
    await using scene = await Scene.open({ concurrency: 2 })
    scene.predict(1, 2, 3, 4)
    await scene.until(() => scene.toThread.length === 4)
    scene.ended(1)
    scene.gone(3)
    scene.cut()
    await scene.until(() => scene.ends().length === 4)
    assert.deepEqual(scene.ends(), ['1 done', '2 lost, suspect', '3 lost, suspect', '4 returned'])
  })

  test('a thread that can not be reached any more is ended', async () => {
    await using scene = await Scene.open()
    scene.predict(1)
    scene.cut()
    await scene.until(() => scene.asked.length === 1)
    assert.deepEqual([scene.asked, scene.ends()], [[`terminate ${THREAD}`], []])
    scene.gone(1)
    assert.deepEqual(scene.ends(), ['1 lost, suspect'])
  })

  test('while no thread is ready, units wait, and go back when none comes', async () => {
    await using scene = await Scene.open()
    scene.gone(0)
    scene.predict(1)
    await scene.until(() => scene.ends().length === 1)
    assert.deepEqual(scene.ends(), ['1 returned'])
  })
})

describe('LaneListener', () => {
  test('cuts off who does not know the token of a worker', async () => {
    await using scene = await Scene.open()
    const address = scene.listener.expect({ opened: () => assert.fail('a stranger was let in'), said: () => {}, closed: () => {} })
    const stranger = connect(address.path)
    stranger.write(encodeFrame([{ type: 'hello', token: 'guessed', thread: 1 }], false))
    await new Promise((resolve) => stranger.once('close', resolve))
    scene.listener.forget(address)
    const late = connect(address.path)
    late.write(encodeFrame([{ type: 'hello', token: address.token, thread: 1 }], false))
    await new Promise((resolve) => late.once('close', resolve))
  })
})
