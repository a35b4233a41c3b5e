import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Writer, WritingRounds } from '../server/writing-rounds.ts'

class Counted implements Writer {
  flushes = 0
  #whenFlushed: (() => void) | null = null

  flush(): void {
    this.flushes++
    this.#whenFlushed?.()
  }

  flushed(): Promise<void> {
    return new Promise((resolve) => (this.#whenFlushed = resolve))
  }
}

/** How often one is flushed that has something to write in each of three turns. */
async function roundsOfThreeTurns(rounds: WritingRounds): Promise<number> {
  const writer = new Counted()
  for (let each = 0; each < 3; each++) {
    const flushed = writer.flushed()
    rounds.add(writer)
    rounds.add(writer)
    await nextTurn()
    await nextTurn()
    if (each === 2) await flushed
  }
  return writer.flushes
}

async function letMany(rounds: WritingRounds, many: number): Promise<void> {
  const writers = Array.from({ length: many }, () => new Counted())
  for (const writer of writers) rounds.add(writer)
  await nextTurn()
  await nextTurn()
  assert.ok(writers.every(({ flushes }) => flushes === 1))
}

describe('WritingRounds', () => {
  test('flushes each turn where few write, in rounds where hundreds do', async () => {
    const rounds = new WritingRounds(() => 0)
    assert.equal(await roundsOfThreeTurns(rounds), 3)
    await letMany(rounds, 200)
    assert.equal(await roundsOfThreeTurns(rounds), 3)
    await letMany(rounds, 300)
    assert.equal(await roundsOfThreeTurns(rounds), 1)
  })

  test('goes back to each turn when the others have fallen silent, however many stay open', async () => {
    let now = 0
    const rounds = new WritingRounds(() => now)
    await letMany(rounds, 300)
    now = 150
    assert.equal(await roundsOfThreeTurns(rounds), 1, 'they wrote in the window before')
    now = 260
    await roundsOfThreeTurns(rounds)
    assert.equal(await roundsOfThreeTurns(rounds), 3)
  })
})
