import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

import { openModel } from './open-model.ts'

const MODELS = readdirSync(new URL('../../models/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)

it('ships digits, language, photo and scribe', () => {
  for (const name of ['digits', 'language', 'photo', 'scribe']) assert.ok(MODELS.includes(name), name)
})

for (const name of MODELS) {
  describe(`the model ${name}`, () => {
    it('answers each of its examples', async () => {
      const model = await openModel(name)
      assert.ok(model.definition.examples.length > 0)
      for (const example of model.definition.examples) {
        const outputs = await model.predict(example)
        for (const [output, value] of Object.entries(outputs.at(-1) ?? {})) assert.ok(value, `${output} of ${JSON.stringify(example)}`)
        assert.ok(outputs.length > 0)
      }
    })

    it('has a title, a description, an article and a README', async () => {
      const { definition } = await openModel(name)
      for (const text of [definition.title, definition.description, definition.article]) assert.notEqual(text, '')
      const readme = await readFile(new URL(`../../models/${name}/README.md`, import.meta.url), 'utf8')
      assert.match(readme, /^# \w+/)
    })
  })
}
