import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SpecInForce } from '../server/spec-in-force.ts'
import { type ComponentSpec, file, gallery, json, mapInputFiles } from '../workers/components.ts'
import { EncodedValues } from '../workers/encoded-values.ts'
import { HostError } from '../workers/errors.ts'
import { itemOf, specOf } from './helpers/fake-worker.ts'

const STORED = { path: '/state/uploads/a/x.txt', name: 'x.txt', size: 1, mimeType: 'text/plain' }

function inForce(inputs: Record<string, ComponentSpec>): SpecInForce {
  const face = new SpecInForce()
  face.set(specOf({ inputs }))
  return face
}

function isRefused(error: unknown): boolean {
  return error instanceof HostError && error.code === 'INVALID_INPUT'
}

describe('a file in inputs', () => {
  test('is believed when it came through the host, and never by its looks', async () => {
    const face = inForce({ one: file(), many: file({ multiple: true }), pictures: gallery({ optional: true }) })
    const resolved = await mapInputFiles(file(), 'sent', () => ({ ...STORED }))
    const good = { one: resolved, many: [resolved], pictures: null }
    assert.deepEqual(face.check(good), { one: STORED, many: [STORED], pictures: null })
    for (const forged of [{ ...good, one: STORED }, { ...good, many: [resolved, STORED] }, { ...good, pictures: [{ image: { ...STORED, mimeType: 'image/png' } }] }]) assert.throws(() => face.check(forged), isRefused)
  })

  test('is refused where the model has come to take files since the inputs were read', () => {
    const face = inForce({ one: json() })
    const given = { one: STORED }
    assert.deepEqual(face.check(given), given)
    const large = new EncodedValues(Buffer.from(JSON.stringify(given)))
    const runs = [given, large].map((each) => ({ given: each, item: itemOf(1), revision: face.revision }))
    face.set(specOf({ inputs: { one: file() } }))
    for (const run of runs) assert.ok(isRefused(face.refit(run)))
  })
})
