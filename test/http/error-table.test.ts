import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

import { HTTP_STATUS } from '../../server/http-errors.ts'
import { ERROR_CODES } from '../../workers/errors.ts'

/** A row of the README's table: statuses in its first cell (a dash for none), codes in its second. */
const ROW = /^\|\s*([\d, ]+|[–-])(?: \+ `Retry-After`)?\s*\|([^|]*`[A-Z_]+`[^|]*)\|/gm

describe('the table of errors in the README', () => {
  it('has every code under the status that it is answered with, and no other', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
    const documented = new Map<string, string[]>()
    for (const [, statuses = '', codes = ''] of readme.matchAll(ROW)) {
      for (const [code] of codes.matchAll(/[A-Z][A-Z_]+/g)) documented.set(code, statuses.match(/\d+/g) ?? [])
    }
    assert.deepEqual([...documented.keys()].sort(), ERROR_CODES.toSorted(), 'each code stands in the table')
    for (const [code, statuses] of documented) {
      if (code === 'CANCELLED') assert.deepEqual(statuses, [], 'it is told in events and predictions only')
      else assert(statuses.includes(String(Object.entries(HTTP_STATUS).find(([known]) => known === code)?.[1])), `${code} is documented as ${statuses.join(', ')}`)
    }
  })
})
