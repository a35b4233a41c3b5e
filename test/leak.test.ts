import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeGrowth, growthOf, type Leak, leakOf, type MemorySample, slopeOf } from '../workers/leak.ts'

const MB = 1024 * 1024
const SAMPLE_MS = 500
/** Of a worker that does nothing. */
const BASE_MB = 100

interface Life {
  /** MB above the base after so many seconds. */
  grown(seconds: number): number
  /** Predictions so far after so many seconds. Default: none. */
  predictions?(seconds: number): number
  seconds: number
}

/** What a sampler sees of a process: two samples a second, with a few hundred kB of noise. */
function samplesOf({ grown, predictions = () => 0, seconds }: Life): MemorySample[] {
  let noise = 7
  return Array.from({ length: Math.floor((seconds * 1000) / SAMPLE_MS) + 1 }, (_, index) => {
    noise = (noise * 16_807) % 2_147_483_647
    const at = (index * SAMPLE_MS) / 1000
    return { at: 50_000 + at * 1000, rssBytes: Math.round((BASE_MB + grown(at) + (noise % 1_000) / 2_500) * MB), predictions: Math.floor(predictions(at)), inFlight: 0 }
  })
}

/** The first leak that is seen while the samples come in, and the memory then. */
function firstLeak(life: Life, capMb: number): (Leak & { atMb: number }) | null {
  const samples = samplesOf(life)
  for (let seen = 1; seen <= samples.length; seen++) {
    const leak = leakOf(samples.slice(0, seen), capMb * MB)
    if (leak !== null) return { ...leak, atMb: (samples[seen - 1]?.rssBytes ?? 0) / MB }
  }
  return null
}

function sawtooth(seconds: number, periodSeconds: number, heightMb: number): number {
  return ((seconds % periodSeconds) / periodSeconds) * heightMb
}

describe('a leak', () => {
  test('with each prediction is found when half of the room is used up, and named with its speed', () => {
    const leak = firstLeak({ grown: (seconds) => Math.max(0, seconds - 2) * 100, predictions: (seconds) => Math.max(0, seconds - 2) * 50, seconds: 20 }, 768)
    assert.ok(leak !== null)
    assert.equal(leak.by, 'prediction')
    assert.ok(leak.isSure, 'it did not grow while it was idle')
    assert.ok(leak.atMb < 0.85 * 768, `found at ${leak.atMb} MB`)
    assert.ok(Math.abs((leak.bytesPerPrediction ?? 0) / MB - 2) < 0.1)
    assert.ok(Math.abs(leak.secondsToLimit - (768 - leak.atMb) / 100) < 0.3)
    assert.match(describeGrowth(leak), /^grows with each prediction: (2|1\.9|2\.1) MB, [56]\d{3} MB a minute$/)
  })

  test('between predictions is found while nothing is predicted', () => {
    const leak = firstLeak({ grown: (seconds) => seconds * 10, seconds: 60 }, 512)
    assert.ok(leak !== null)
    assert.deepEqual([leak.by, leak.isSure, leak.bytesPerPrediction], ['time', true, null])
    assert.ok(leak.atMb < 0.85 * 512)
    assert.match(describeGrowth(leak), /^grows with time, between predictions: (600|59\d|60\d) MB a minute$/)
  })

  test('with time is told from one with predictions also where both run', () => {
    const bursts = (seconds: number): number => Math.floor(seconds / 4) * 100 + Math.min(2, seconds % 4) * 50
    const withTime = firstLeak({ grown: (seconds) => seconds * 10, predictions: bursts, seconds: 60 }, 512)
    const withCalls = firstLeak({ grown: (seconds) => bursts(seconds) * 0.4, predictions: bursts, seconds: 60 }, 512)
    assert.deepEqual([withTime?.by, withTime?.isSure], ['time', true])
    assert.deepEqual([withCalls?.by, withCalls?.isSure], ['prediction', true])
  })

  test('under an even load is presumed to come with predictions, and the words say that it is presumed', () => {
    const leak = firstLeak({ grown: (seconds) => seconds * 20, predictions: (seconds) => seconds * 50, seconds: 60 }, 512)
    assert.deepEqual([leak?.by, leak?.isSure], ['prediction', false])
    assert.match(leak === null ? '' : describeGrowth(leak), /time may be the cause as well/)
  })

  test('under an even load is told by the idle time before it', () => {
    const load = (seconds: number): number => Math.max(0, seconds - 10) * 50
    assert.deepEqual(firstLeak({ grown: (seconds) => seconds * 10, predictions: load, seconds: 60 }, 512)?.by, 'time')
  })

  test('that begins after hours of even memory is found as soon as one that was there from the start', () => {
    const calm = 300
    const late = firstLeak({ grown: (seconds) => Math.max(0, seconds - calm) * 60, predictions: (seconds) => seconds * 5, seconds: calm + 30 }, 768)
    assert.ok(late !== null && late.atMb < 0.85 * 768, `found at ${late?.atMb} MB`)
  })

  test('beneath the sawtooth of a garbage collector is found', () => {
    const leak = firstLeak({ grown: (seconds) => seconds * 2 + sawtooth(seconds, 5, 30), predictions: (seconds) => seconds * 10, seconds: 400 }, 512)
    assert.ok(leak !== null && leak.atMb < 0.85 * 512, `found at ${leak?.atMb} MB`)
  })

  test('too slow to reach its cap within the hour is not acted upon, but its growth is known', () => {
    const life: Life = { grown: (seconds) => seconds / 12, seconds: 600 }
    assert.equal(firstLeak(life, 1_024), null)
    const growth = growthOf(samplesOf(life))
    assert.ok(growth !== null && Math.abs(growth.bytesPerMinute / MB - 5) < 0.5, JSON.stringify(growth))
  })
})

describe('no leak', () => {
  const capMb = 1_024
  const harmless: Record<string, Life> = {
    'is even memory': { grown: () => 0, seconds: 600 },
    'is a warm-up that ends': { grown: (seconds) => Math.min(seconds * 60, 200), predictions: (seconds) => seconds * 50, seconds: 120 },
    'is a cache that fills slowly and is full': { grown: (seconds) => Math.min(seconds * 2, 350), predictions: (seconds) => seconds * 50, seconds: 600 },
    'is growth that slows down towards a plateau': { grown: (seconds) => 400 * (1 - Math.exp(-seconds / 30)), predictions: (seconds) => seconds * 10, seconds: 600 },
    'is a sawtooth': { grown: (seconds) => sawtooth(seconds, 8, 300), predictions: (seconds) => seconds * 50, seconds: 600 },
    'is a slow sawtooth': { grown: (seconds) => sawtooth(seconds, 120, 300), predictions: (seconds) => seconds * 50, seconds: 600 },
    'is a sudden step': { grown: (seconds) => (seconds > 30 ? 500 : 0), seconds: 200 },
    'is memory that comes and goes with the load': { grown: (seconds) => (Math.floor(seconds / 20) % 2 === 0 ? 0 : 400), predictions: (seconds) => seconds * 50, seconds: 400 },
  }
  for (const [name, life] of Object.entries(harmless)) {
    test(name, () => assert.deepEqual(firstLeak(life, capMb), null))
  }

  test('is a heap that V8 lets grow under a small cap', () => {
    const life: Life = { grown: (seconds) => Math.min(seconds * 25, 120), predictions: (seconds) => seconds * 50, seconds: 60 }
    assert.deepEqual(firstLeak(life, 256), null)
    assert.ok(growthOf(samplesOf({ ...life, seconds: 4 })) !== null, 'though how it grows is known, should it come near its cap')
  })

  test('can be told from too few samples', () => {
    const samples = samplesOf({ grown: (seconds) => seconds * 300, seconds: 2.5 })
    assert.deepEqual([leakOf(samples, 768 * MB), growthOf(samples), slopeOf(samples), leakOf([], 768 * MB)], [null, null, null, null])
  })
})

describe('slopeOf', () => {
  test('is what was added in a minute', () => {
    assert.ok(Math.abs((slopeOf(samplesOf({ grown: (seconds) => seconds, seconds: 60 })) ?? 0) / MB - 60) < 1)
    assert.ok(Math.abs((slopeOf(samplesOf({ grown: () => 0, seconds: 60 })) ?? 0) / MB) < 1)
  })

  test('is told in whole bytes', () => {
    assert.ok(Number.isInteger(slopeOf(samplesOf({ grown: (seconds) => seconds / 7, seconds: 60 }))))
  })

  test('is not moved by a few outliers', () => {
    const samples = samplesOf({ grown: (seconds) => (seconds % 20 === 10 ? 500 : 0), seconds: 120 })
    assert.ok(Math.abs((slopeOf(samples) ?? 0) / MB) < 1)
  })
})
