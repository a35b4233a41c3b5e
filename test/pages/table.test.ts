import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { cellText, cellValue, isNumeric, matchingIndexes, parseCells, sortedIndexes, toCsv } from '../../server/ui/src/lib/table.ts'

describe('a table as text', () => {
  it('is CSV with what must be quoted in quotes', () => {
    assert.equal(toCsv({ headers: ['a', 'b, c'], data: [['say "hi"', 1.5], [null, 'two\nlines'], [{ deep: 1 }, true]] }), 'a,"b, c"\r\n"say ""hi""",1.5\r\n,"two\nlines"\r\n"{""deep"":1}",true')
  })

  it('gives a spreadsheet no formula to run, and leaves numbers and telephone numbers alone', () => {
    const cells = ['=HYPERLINK("x")', '@sum', '+1+cmd', '-2+3|x', '-5', '+49 (0) 123', 7, -7]
    const [, ...fields] = toCsv({ headers: ['h'], data: cells.map((cell) => [cell]) }).split('\r\n')
    assert.deepEqual(fields, [`"'=HYPERLINK(""x"")"`, "'@sum", "'+1+cmd", "'-2+3|x", '-5', '+49 (0) 123', '7', '-7'])
  })

  it('is read back from a spreadsheet, and from CSV', () => {
    assert.deepEqual(parseCells('a\tb\r\n"two\nlines"\t"say ""hi"""\r\n'), [['a', 'b'], ['two\nlines', 'say "hi"']])
    assert.deepEqual(parseCells('a,"b, c"\n,d'), [['a', 'b, c'], ['', 'd']])
    assert.deepEqual(parseCells('one'), [['one']])
  })
})

describe('a cell', () => {
  it('that was typed is a number only where nothing of it would be lost', () => {
    for (const [text, value] of [['42', 42], ['-1.5', -1.5], ['007', '007'], ['1.50', '1.50'], ['1e3', '1e3'], ['Infinity', 'Infinity'], ['', null], ['true', true], [' 5', ' 5']] as const) {
      assert.equal(cellValue(text), value, text)
    }
  })

  it('of any kind has a text', () => {
    assert.deepEqual([null, undefined, 0, false, 'x', { a: [1] }].map(cellText), ['', '', '0', 'false', 'x', '{"a":[1]}'])
  })
})

describe('rows', () => {
  const rows = [['b', 10], ['a', 9], [null, null], ['B2', -1], ['b10', 9]]

  it('are sorted by size or as a reader would, empty ones last, equal ones as they came', () => {
    assert.deepEqual(sortedIndexes(rows, 1, 'ascending'), [3, 1, 4, 0, 2])
    assert.deepEqual(sortedIndexes(rows, 1, 'descending'), [0, 1, 4, 3, 2])
    assert.deepEqual(sortedIndexes(rows, 0, 'ascending'), [1, 0, 3, 4, 2])
  })

  it('are found by all words, anywhere in the row', () => {
    assert.deepEqual(matchingIndexes(rows, ' B 9 '), [4])
    assert.deepEqual(matchingIndexes(rows, ''), [0, 1, 2, 3, 4])
    assert.deepEqual(matchingIndexes(rows, 'nowhere'), [])
  })

  it('make a column numeric with numbers and gaps only', () => {
    assert.equal(isNumeric(rows, 1), true)
    assert.equal(isNumeric(rows, 0), false)
    assert.equal(isNumeric([[null]], 0), false)
  })
})
