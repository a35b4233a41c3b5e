import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exitCodeOf, type Finding } from '../../doctor/finding.ts'
import { summarise } from '../../doctor/summary.ts'

const finding = (more: Partial<Finding>): Finding => ({ check: 'host', level: 'ok', text: 'x', ...more })

describe('summary', () => {
  test('what is most fundamental explains all else', () => {
    const { text, first } = summarise([
      finding({ level: 'wrong', cause: 'model fails', advice: 'mend the model' }),
      finding({ level: 'wrong', cause: 'stranger on the port', advice: 'end it' }),
      finding({ level: 'warning', cause: 'configuration', advice: 'no' }),
    ])
    assert.match(text, /^Something else answers/)
    assert.equal(first, 'end it')
  })

  test('a state folder that can not be written comes before the start that it keeps from succeeding', () => {
    for (const cause of ['disk', 'configuration'] as const) {
      const findings = [finding({ level: 'wrong', cause: 'host down', advice: 'start the host' }), finding({ level: 'wrong', cause, advice: 'make it writable' })]
      assert.equal(summarise(findings).first, 'make it writable')
    }
  })

  test('a warning counts only where nothing is wrong', () => {
    assert.match(summarise([finding({ level: 'warning', cause: 'crashes' }), finding({ level: 'wrong', cause: 'proxy' })]).text, /^The host is well, the proxy/)
    assert.deepEqual(summarise([finding({ level: 'warning', cause: 'proxy' }), finding({ level: 'warning', cause: 'crashes', text: 'm: 2 exits', advice: 'read' })]), {
      text: 'Nothing is wrong at this moment. The likeliest reason of a 502 that comes and goes: m: 2 exits.', first: 'read',
    })
  })

  test('something wrong that explains no 502 is named all the same', () => {
    assert.deepEqual(summarise([finding({ level: 'wrong', text: 'a folder is misnamed', advice: 'rename it' })]), { text: 'Something is wrong: a folder is misnamed.', first: 'rename it' })
  })

  test('what could not be looked at is not said to be well', () => {
    assert.match(summarise([finding({}), finding({ level: 'unknown' })]).text, /could not be looked at/)
    assert.match(summarise([finding({})]).text, /^Nothing is wrong\. A 502/)
  })
})

describe('exit code', () => {
  for (const [levels, code] of [[['ok', 'warning'], 0], [['ok', 'unknown', 'wrong'], 1], [['ok', 'unknown', 'warning'], 2]] as const) {
    test(`${levels.join(', ')}: ${code}`, () => assert.equal(exitCodeOf(levels.map((level) => finding({ level }))), code))
  }
})
